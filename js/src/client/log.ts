import type { Action, Entry, Json } from "../protocol/messages";
import { equal } from "./bookmark";
import { Refused, Uncertain } from "./errors";
import type { Kind } from "./kind";
import { notifyEach } from "./listeners";
import type { NewPush, Pusher, Queue } from "./queue";
import { Replica } from "./replica";

const MOST_VALUES = 4096;
const MOST_BYTES = 1_000_000;
const MOST_ITEMS = 45_000;

/** Hears of a log. */
export interface LogListener {
  /** The room's next push. */
  pushed(entry: Entry): void;
  /**
   * The stream holds just these; what came between is not known. That is how it begins; later
   * only where the room lost its memory (`sameEpoch` is false then), where this client was away
   * for too long, or where the stream was deleted.
   */
  startedOver?(held: readonly Entry[], sameEpoch: boolean): void;
  /** The room's answer to a question was taken: nothing was missed, or it started over. */
  answered?(): void;
  /** What stands for all that the stream holds; `null` where that is not known. */
  summary?(): readonly Entry[] | null;
  /** An own push left so many values in the stream. */
  sized?(size: number): void;
  /** Nothing more will come, for now at least: there is no connection. */
  closed?(error: Refused): void;
  /** There may be a connection again. */
  reopened?(): void;
}

/**
 * The pushes of one key in the room's order, each once. Any number of own pushes may be under
 * way; they arrive in their order, each once (those that the server had no time for, `rate` and
 * `unavailable`, may come behind later ones).
 */
export class LogReplica extends Replica implements Pusher {
  readonly listeners = new Set<LogListener>();
  #held: Entry[] = [];
  readonly #underWay = new Set<number>();
  readonly #waiting = new Map<
    number,
    { resolve(seq: number | null): void; reject(error: Error): void }
  >();

  readonly #queue: Queue;

  /**
   * `keep`: remember in `entries` what the stream holds, which is right for a key that is only
   * appended to (a push doesn't say whether its value was kept); `maxLength`: of the newest entries.
   */
  constructor(
    key: string,
    queue: Queue,
    readonly keep: boolean,
    stamps = false,
    readonly maxLength = Number.POSITIVE_INFINITY,
    kind: Kind | null = null,
  ) {
    super(key, kind, stamps);
    this.#queue = queue;
  }

  /** Whether an own push has not arrived yet. */
  get pending(): boolean {
    return this.#underWay.size > 0;
  }

  get entries(): readonly Entry[] {
    return this.#held;
  }

  /**
   * Append (`keep`) or relay a value; returns the push's id. `maxLength`: how many values an append
   * leaves in the stream. Throws `QueueFull`.
   */
  push(value: Json, keep: boolean, maxLength?: number): number {
    return this.#add({ value, action: actionOf(keep, maxLength) });
  }

  /** The same with several values, in as few messages as hold them; returns their ids. */
  pushAll(values: readonly Json[], keep: boolean, maxLength?: number): number[] {
    const action = actionOf(keep, maxLength);
    return this.#addAll(batches(values).map((batch) => ({ values: batch, action })));
  }

  /**
   * Put a value in the place of all that the stream holds up to a number of an epoch; resolves when
   * the room has it.
   */
  compact(value: Json, seq: number, epoch = this.epoch): Promise<number | null> {
    const action = { type: "compact", seq } as const;
    return this.arrival(this.#add({ value, action, epoch: epoch ?? undefined }));
  }

  /**
   * Append a value once: where the room forgot after it was sent it is refused (`Uncertain`).
   * `epoch`: for which it is, where not for the one in which it is sent; returns the id.
   */
  append(value: Json, epoch?: string | null): number {
    const push = { value, action: { type: "append" } } as const;
    return this.#add({ ...push, epoch: epoch ?? undefined }, epoch === undefined);
  }

  /**
   * Append a value before all that waits, if the stream's newest number is still this one (0: it is
   * empty); resolves when the room has it.
   */
  offer(value: Json, seq: number): Promise<number | null> {
    const push = { key: this.key, value, action: { type: "append" }, if_seq: seq } as const;
    const epoch = this.epoch ?? undefined;
    return this.arrival(this.#queue.add(this, { ...push, epoch }, "restored"));
  }

  /** The server says how many values the stream has. */
  sized(size: number): void {
    notifyEach(this.listeners, (listener) => listener.sized?.(size));
  }

  /** All that the stream holds, for another listener, if anybody here knows it. */
  known(asker: LogListener | null = null): readonly Entry[] | null {
    if (this.keep && this.maxLength === Number.POSITIVE_INFINITY) return this.#held;
    for (const listener of this.listeners) {
      const summary = listener === asker ? null : listener.summary?.();
      if (summary) return summary;
    }
    return null;
  }

  /** Wait until the room has an own push that is under way; rejects with what it is refused with. */
  arrival(id: number): Promise<number | null> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Give up what was written, and other pushes; the room won't be told of it. */
  giveUp(error: Refused, more: readonly number[] = []): void {
    this.#queue.giveUp([...more, ...this.#underWay], error);
  }

  acknowledged(id: number, seq: number | null): void {
    this.#underWay.delete(id);
    this.#waiting.get(id)?.resolve(seq);
    this.#waiting.delete(id);
  }

  refused(id: number, code: string, message: string): void {
    this.#underWay.delete(id);
    // Only what is dated, or offered, can be in a conflict: the room lost its memory.
    const { wrong } = this;
    const why = wrong !== null && code === wrong.code ? wrong : new Refused(code, message);
    const error = code === "conflict" ? new Uncertain() : why;
    this.#waiting.get(id)?.reject(error);
    this.#waiting.delete(id);
  }

  #add(push: Omit<NewPush, "key">, dated = false): number {
    const [id] = this.#addAll([push], dated);
    return id as number;
  }

  #addAll(pushes: readonly Omit<NewPush, "key">[], dated = false): number[] {
    if (this.wrong !== null) throw this.wrong;
    const keyed = pushes.map((push) => ({ key: this.key, ...push }));
    const ids = this.#queue.addAll(this, keyed, "each", dated);
    for (const id of ids) this.#underWay.add(id);
    return ids;
  }

  /** A value took the place of all that the stream held up to its number. */
  compacted(entry: Entry): void {
    // The answer that is awaited says what became of the stream.
    if (this.keep && this.ready) this.holdFrom(entry.seq, entry, true);
  }

  /** `isCompact`: values that are gone were compacted; else a `max_length` may have dropped them. */
  protected override holdFrom(first: number, oldest: Entry | undefined, isCompact = false): void {
    const held = this.#held.filter(({ seq }) => seq >= first);
    const isOther = (isCompact && held.length < this.#held.length) || !equal(held[0], oldest);
    if (first === 0 && held.length > 0) this.startOver([], true);
    else if (oldest?.seq === first && first <= this.seq && isOther)
      this.startOver([oldest, ...held.filter(({ seq }) => seq > first)], true);
    else this.#held = held;
  }

  protected startOver(held: readonly Entry[], sameEpoch: boolean): void {
    if (this.keep) this.#held = held.slice(-this.maxLength);
    notifyEach(this.listeners, (listener) => listener.startedOver?.(held, sameEpoch));
  }

  protected receive(entry: Entry): void {
    if (this.keep) {
      // A push doesn't say whether its value was kept; that of a key that is kept was, mostly.
      this.several = this.newestValue !== undefined;
      this.newestValue = entry.value;
      if (this.#held.push(entry) > this.maxLength) this.#held.shift();
      const { first = 0 } = entry;
      while (this.#held[0] !== undefined && this.#held[0].seq < first) this.#held.shift();
    }
    notifyEach(this.listeners, (listener) => listener.pushed(entry));
  }
}

function actionOf(keep: boolean, maxLength: number | undefined): Action {
  return keep ? { type: "append", max_length: maxLength } : { type: "relay" };
}

/** Values that fit into one message each time, as the server takes them by default. */
function batches(values: readonly Json[]): Json[][] {
  const made: Json[][] = [];
  let batch: Json[] = [];
  let room = 0;
  for (const value of values) {
    const text = JSON.stringify(value);
    const bytes = 3 * text.length; // at most, in UTF-8
    const items = text.split(/[[{,:]/).length; // at most: marks inside strings count as well
    const share = Math.max(bytes / MOST_BYTES, items / MOST_ITEMS, 1 / MOST_VALUES);
    room -= share;
    if (room < 0) {
      batch = [];
      made.push(batch);
      room = 1 - share;
    }
    batch.push(value);
  }
  return made;
}
