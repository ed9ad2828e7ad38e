import type { Entry, Get, Init } from "../protocol/messages";

/**
 * What one client knows of one key, and up to where: `seq` is the newest number heard in `epoch`.
 * The kinds of shared objects say what becomes of it.
 */
export abstract class Replica {
  /** Whether all that the room had was told since the connection was opened. */
  ready = false;
  /** `null` at first, and with a server that knows no epochs: then each `init` begins anew. */
  epoch: string | null = null;
  seq = 0;
  /** How many values an `init` may bring at once. */
  protected readonly limit?: number;
  private paging = false;

  constructor(readonly key: string) {}

  /** What to ask a new connection. */
  get(): Get {
    const { epoch } = this;
    return this.ask(epoch === null ? 0 : this.seq, { epoch });
  }

  /** Take the answer; returns what to ask next where that was not all. */
  started(init: Init): Get | null {
    const { data, epoch = null, recovered = false, more = false } = init;
    if (this.paging) {
      this.take(data);
    } else if (epoch === null && this.epoch !== null) {
      // A server without epochs, which told only what is above `seq`: all of it, then.
      this.epoch = null;
      return this.get();
    } else if (recovered) {
      this.take(data);
    } else {
      const renewed = epoch === null || epoch !== this.epoch;
      this.epoch = epoch;
      this.seq = 0;
      this.restart(data.length === 0, renewed);
      this.take(data);
    }
    if (more && data.length > 0) {
      // With an epoch the rest of a stream that was not recovered would begin anew, too.
      this.paging ||= !recovered;
      return this.ask(this.seq, this.paging ? {} : { epoch: this.epoch });
    }
    this.paging = false;
    this.ready = true;
    this.settle();
    return null;
  }

  /** Take a push; one that was heard already is ignored. */
  pushed(entry: Entry): void {
    if (this.take([entry])) this.settle();
  }

  /** The stream was deleted. */
  deleted(seq: number): void {
    this.seq = seq;
    this.restart(true, false);
    this.settle();
  }

  disconnected(): void {
    this.ready = this.paging = false;
  }

  /** Forget what was known; `renewed`: the room's numbers have begun anew, too. */
  protected abstract restart(empty: boolean, renewed: boolean): void;

  /** Take the room's newest values, in order. */
  protected abstract add(entries: readonly Entry[]): void;

  /** All that was told is taken. */
  protected abstract settle(): void;

  private take(data: readonly Entry[]): boolean {
    const { seq } = this;
    const entries = data.filter((entry) => entry.seq > seq);
    const newest = entries[entries.length - 1];
    if (newest === undefined) return false;
    this.seq = newest.seq;
    this.add(entries);
    return true;
  }

  private ask(seq: number, epoch: { readonly epoch?: string | null }): Get {
    const { key, limit } = this;
    return { type: "get", key, seq, ...epoch, ...(limit === undefined ? {} : { limit }) };
  }
}
