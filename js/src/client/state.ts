import type { Entry, Json } from "../protocol/messages";
import { meant, written } from "./form";
import type { NewPush, Pusher, Queue } from "./queue";
import { Replica } from "./replica";

/** Hears of a state. */
export interface StateListener {
  /** The value to show may be another now. */
  changed(): void;
  /** A write was refused, and the value is the room's again. */
  refused?(code: string, message: string): void;
}

/** An own write that is under way. */
interface Write {
  readonly id: number;
  readonly value: Json;
  /** Only wanted where the room has nothing: the initial value, or the last one known. */
  readonly offered: boolean;
}

/**
 * The value of one key as this client sees it: its own newest write while that is under way,
 * and otherwise the room's. One write is under way at a time; while it is, a newer one takes the
 * place of the one that waits. So all replicas end equal, an own value never jumps back, and
 * however long the server is away, what is kept for it is small.
 */
export class StateReplica extends Replica implements Pusher {
  readonly listeners = new Set<StateListener>();
  private confirmed: { readonly value: Json } | null = null;
  /** What the room held before it forgot. */
  private lost: { readonly value: Json } | null = null;
  private underWay: Write | null = null;
  private waiting: { readonly value: Json } | null = null;

  /** `initial` is written where the room has no value; `undefined` offers nothing. */
  constructor(
    key: string,
    private readonly queue: Queue,
    private initial: Json | undefined,
  ) {
    super(key);
  }

  /** The value to show; `undefined` where there is none. */
  get value(): Json | undefined {
    const own = this.underWay?.offered ? null : this.underWay;
    const shown = this.waiting ?? own ?? this.confirmed ?? this.lost;
    return shown === null ? this.initial : shown.value;
  }

  /** Whether an own write has not arrived yet. */
  get pending(): boolean {
    return this.waiting !== null || this.underWay?.offered === false;
  }

  /** Show a value at once, and send it as soon as the write before it has arrived. */
  write(value: Json): void {
    const { underWay } = this;
    if (underWay === null) this.push(value, false);
    else if (this.queue.revise(underWay.id, this.message(value)))
      this.underWay = { id: underWay.id, value, offered: false };
    else this.waiting = { value };
    this.notify();
  }

  /** Take an initial value, if there is none yet. */
  offer(initial: Json): void {
    if (this.initial !== undefined) return;
    this.initial = initial;
    this.offerIfEmpty();
  }

  acknowledged(): void {
    const { waiting } = this;
    this.underWay = this.waiting = null;
    if (waiting !== null) this.push(waiting.value, false);
    this.notify();
  }

  refused(_id: number, code: string, message: string): void {
    // An offer that came too late is none: somebody was faster, and their value is here already.
    const quiet = this.underWay?.offered && code === "conflict";
    this.acknowledged();
    if (!quiet) for (const listener of [...this.listeners]) listener.refused?.(code, message);
  }

  protected startOver(held: readonly Entry[], sameEpoch: boolean): void {
    const newest = held[held.length - 1];
    if (newest !== undefined) {
      this.hear(newest);
      return;
    }
    this.lost = sameEpoch ? null : (this.confirmed ?? this.lost);
    this.confirmed = null;
    this.offerIfEmpty();
    this.notify();
  }

  protected hear({ value }: Entry): void {
    this.confirmed = { value: meant(value) };
    this.lost = null;
    this.notify();
  }

  private offerIfEmpty(): void {
    const offered = this.lost === null ? this.initial : this.lost.value;
    if (this.ready && this.confirmed === null && this.underWay === null && offered !== undefined)
      this.push(offered, true);
  }

  private push(value: Json, offered: boolean): void {
    const push = this.message(value);
    const id = offered
      ? this.queue.add(this, { ...push, if_seq: 0 }, "offered")
      : this.queue.add(this, push, "newest");
    this.underWay = { id, value, offered };
  }

  private message(value: Json): NewPush {
    return { key: this.key, value: written(value), action: { type: "replace" } };
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener.changed();
  }
}
