import type { Entry, Get, Init, Json } from "../protocol/messages";
import { WrongKind } from "./errors";
import { type Kind, looksLike } from "./kind";

const PAGE = 1_000;

/**
 * What one client knows of one key. Each connection brings the answer to a `get` first: either
 * what was missed, or, where the server doesn't know that any more, all that the stream holds
 * (protocol, "Missing nothing"); a long answer comes in pages, and is taken as a whole. A server
 * that knows no epochs gives all each time.
 */
export abstract class Replica {
  /** Whether the room's answer was heard on the connection that is open now. */
  ready = false;
  /** Whether it was ever heard. */
  begun = false;
  /** The epoch of `seq`; `null` before the first answer, and where there are none. */
  epoch: string | null = null;
  /** The newest sequence number that was heard. */
  seq = 0;
  /** The `get` that was sent last. */
  asked: Get | null = null;
  /**
   * Whether the room refused for good, on this connection, what was offered to it: nobody may write,
   * say. Then nothing more is offered before the next one.
   */
  isBarred = false;
  /** What the key is said to be. */
  meta: Kind | null = null;
  /** The newest value that the stream holds, as far as it is known to be kept. */
  protected newestValue: Json | undefined;
  /** Whether it holds others, too. */
  protected several = false;
  #pages: Entry[] | null = null;
  #anew = false;
  #forgets = false;

  /**
   * `kind`: what the key is used as, and only if it is that; null: as anything. `stamps`: ask who
   * wrote each value and when, too.
   */
  constructor(
    readonly key: string,
    readonly kind: Kind | null,
    readonly stamps = false,
  ) {}

  /** Why the key can't be used as that; `null`: it can, as far as is known. */
  get wrong(): WrongKind | null {
    const { kind, meta, newestValue } = this;
    if (kind === null || kind === meta) return null;
    const looks = newestValue === undefined ? null : looksLike(newestValue, this.several);
    const found = meta ?? looks;
    const either = meta === null && kind === "dict" && found === "reducer";
    return found === null || found === kind || either ? null : new WrongKind(this.key, kind, found);
  }

  /** Whether it isn't known yet what the key is, so that nothing may be written. */
  get unsure(): boolean {
    return this.kind !== null && !this.begun;
  }

  /** What to ask a new connection. */
  firstGet(): Get {
    this.ready = false;
    this.#pages = null;
    const nothing = this.epoch === null || this.#forgets;
    return this.#getAbove(nothing ? 0 : this.seq, nothing ? null : this.epoch, PAGE);
  }

  /** Ask for all again, whatever is known. */
  startAnew(): void {
    this.ready = false;
    this.#forgets = true;
    this.#pages = null;
  }

  /** Take the answer; returns what to ask next where that was not all. */
  started(init: Init): Get | null {
    const { data, epoch = null, recovered = false, more = false } = init;
    if (recovered && this.asked?.epoch === null) return null; // to an earlier question
    // It was asked what was missed, and meanwhile all is wanted.
    if (this.#forgets && this.#pages === null && this.asked?.epoch !== null) return this.firstGet();
    if (epoch === null && this.epoch !== null) {
      // A server without epochs, which told only what is above `seq`.
      this.epoch = null;
      return this.firstGet();
    }
    // Where the stream changed between two pages in a way that no list tells, they begin anew.
    const broken = this.#pages !== null && !recovered;
    if (this.#pages === null || broken) {
      this.#pages = [];
      this.#anew = !recovered;
    }
    for (const entry of data) if (entry.seq > last(this.#pages)) this.#pages.push(entry);
    if (more && epoch !== null && data.length > 0)
      return this.#getAbove(last(this.#pages), epoch, broken ? undefined : PAGE);
    const pages = this.#pages;
    this.#pages = null;
    const first = !this.begun;
    this.ready = this.begun = true;
    this.#forgets = false;
    if (this.#anew) {
      const sameEpoch = epoch !== null && epoch === this.epoch;
      // Within an epoch all up to the newest number ever heard is accounted for.
      this.seq = Math.max(last(pages), sameEpoch ? this.seq : 0);
      this.newestValue = pages[pages.length - 1]?.value;
      this.several = pages.length > 1;
      // What was said of it may be forgotten, too.
      if (!first && !sameEpoch) this.meta = null;
      this.epoch = epoch;
      this.startOver(pages, sameEpoch);
    } else {
      this.#hold(init);
      for (const entry of pages) this.pushed(entry);
    }
    // Between two pages there may have been a compact, too.
    this.#hold(init);
    // Up to there nothing else was pushed.
    this.seq = Math.max(this.seq, init.seq ?? 0);
    this.caughtUp();
    return null;
  }

  /** A compact may have put another oldest value there meanwhile. */
  #hold({ first, data }: Init): void {
    if (first !== undefined) this.holdFrom(first, data[0]);
  }

  /** The key may not be read: what was known stays in view. */
  withhold(): void {
    this.ready = true;
    this.#pages = null;
    this.caughtUp();
  }

  /** A push arrived; what was heard already is not heard again. */
  pushed(entry: Entry): void {
    if (!this.ready || entry.seq <= this.seq) return;
    this.seq = entry.seq;
    this.receive(entry);
  }

  /** The stream was deleted. */
  deleted(seq: number): void {
    if (!this.ready || seq <= this.seq) return;
    this.seq = seq;
    this.meta = null;
    this.newestValue = undefined;
    this.startOver([], true);
  }

  disconnected(): void {
    this.ready = this.isBarred = false;
  }

  /** The stream holds this, whatever was known of it before. */
  protected abstract startOver(held: readonly Entry[], sameEpoch: boolean): void;

  /** The stream holds nothing below a number; `oldest`: its value, perhaps. */
  protected holdFrom(_first: number, _oldest: Entry | undefined): void {}

  /** The answer was taken; what waited for it has its turn. */
  protected caughtUp(): void {}

  /** The next push. */
  protected abstract receive(entry: Entry): void;

  #getAbove(seq: number, epoch: string | null, limit: number | undefined): Get {
    this.asked = {
      ...{ type: "get", key: this.key, seq, epoch, limit },
      stamps: this.stamps || undefined,
      held: this.kind === "stream" || undefined,
    };
    return this.asked;
  }
}

function last(entries: readonly Entry[]): number {
  return entries[entries.length - 1]?.seq ?? 0;
}
