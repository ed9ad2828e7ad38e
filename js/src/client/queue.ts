import { byteLength, type Codec, type Frame } from "../protocol/codec";
import { stringify } from "../protocol/integers";
import type { Push } from "../protocol/messages";
import { QueueFull, type Refused } from "./errors";
import type { Pushes } from "./leftover";

/** How much may wait for the server: pushes, and bytes of their messages. */
export interface QueueLimits {
  readonly count: number;
  readonly bytes: number;
}

const LIMITS: QueueLimits = { count: 10_000, bytes: 16 * 1024 * 1024 };

/**
 * How far the ids of the pushes under way may be apart: a server remembers 1,024 of a client at
 * least, and takes an older one for applied.
 */
const WIDEST_WINDOW = 1_000;
const NARROWEST_WINDOW = 8;

/** No push is ever numbered so. */
const NEVER = 1e15;

/** Hears what became of its pushes. */
export interface Pusher {
  /** Whether it isn't known yet what its key is, so that nothing may be sent. */
  readonly unsure?: boolean;
  /** False while it doesn't know what the room holds of its key. */
  readonly ready?: boolean;
  /** The room has it, under this number (`null`: it was too long ago to know). */
  acknowledged(id: number, seq: number | null): void;
  /** The room does not take it, and never will; in a conflict with the stream's newest number. */
  refused(id: number, code: string, message: string, seq?: number): void;
}

/** Nobody waits for what became of a push. */
export const NOBODY: Pusher = { acknowledged: () => {}, refused: () => {} };

/**
 * `each` counts towards the limits; a write to a state is `newest`: the next one takes its place,
 * so that it never fills a queue; what is `offered` to an empty room is no write, and neither is
 * what is `restored` to a room that lost it, which goes before all that waits.
 */
type Kind = "each" | "newest" | "offered" | "restored";

/** A push that was not acknowledged yet. */
interface Waiting {
  readonly key: string;
  readonly by: Pusher;
  kind: Kind;
  frame: Frame;
  bytes: number;
  /** Sent over the connection that is open now, and not answered. */
  sent: boolean;
  /** Sent over any connection: the room may have it. */
  tried: boolean;
  /** What is for one epoch alone, before it was said for which. */
  undated: NewPush | null;
}

/** Whether it is what somebody wrote, and not what a room lacked. */
function isWrite({ kind }: { readonly kind: Kind }): boolean {
  return kind === "each" || kind === "newest";
}

export type NewPush = Omit<Push, "type" | "id">;

/**
 * The pushes that the server has not acknowledged, in order. Each is sent once over a connection,
 * and again over the next one, always with its id, so that the room applies it once (protocol,
 * "Knowing that a push arrived, once").
 */
export class Queue {
  /** Hears when `waiting` may be another. */
  onWaiting: () => void = () => {};

  readonly #pushes = new Map<number, Waiting>();
  /** No push with a lower id waits. */
  #firstId = 1;
  #lastId = 0;
  #offers = 0;
  /** By the ids of what stands behind another push: that one's. */
  readonly #behind = new Map<number, number>();
  /** The ids of what is restored. */
  readonly #restored = new Set<number>();
  #heldBack = 0;
  #count = 0;
  #bytes = 0;
  #window = WIDEST_WINDOW;
  #held = false;
  #older: Promise<unknown> | null = null;
  /** All pushes up to this id were sent over the open connection, or answered. */
  #sentUpTo = 0;
  /** The room's epoch; `undefined` before it was heard on the connection that is open now. */
  #epoch: string | null | undefined = undefined;
  #send: ((frame: Frame) => void) | null = null;
  /** Why it takes nothing; `null`: it does. */
  stopped: Refused | null = null;

  readonly #codec: () => Codec;
  readonly #limits: QueueLimits;

  /** `codec`: how pushes become frames; asked for each, for it may change. */
  constructor(codec: () => Codec, limits: QueueLimits = LIMITS) {
    this.#codec = codec;
    this.#limits = limits;
  }

  /** How many writes were not acknowledged yet, those too that are held back. */
  get waiting(): number {
    return this.#pushes.size - this.#offers + this.#heldBack;
  }

  /** The id of the write that the server has not answered for longest. */
  get oldest(): number | undefined {
    for (const [id, waiting] of this.#pushes) if (isWrite(waiting)) return id;
    return undefined;
  }

  /** A write is held back by who made it (1), or no more (-1). */
  holdBack(more: 1 | -1): void {
    this.#heldBack += more;
    this.onWaiting();
  }

  /**
   * Take a push, and return its id; see `addAll`. `behind`: the id of one that is answered before this
   * one is sent, which is a conflict unless what that wrote is the newest.
   */
  add(by: Pusher, push: NewPush, kind: Kind, dated = false, behind?: number): number {
    if (behind) this.#behind.set(this.#lastId + 1, behind);
    const [id] = this.addAll(by, [push], kind, dated);
    return id as number;
  }

  /**
   * Take pushes, all or none, and return their ids. What is `dated` is for the epoch alone in which
   * it is sent first: in another it is a conflict. Throws `QueueFull` for what doesn't fit in.
   */
  addAll(by: Pusher, pushes: readonly NewPush[], kind: Kind, dated = false): number[] {
    const first = this.#lastId + 1;
    const made = pushes.map((push, place): Waiting => {
      const frame = this.#encode(first + place, push);
      const bytes = byteLength(frame);
      const undated = dated ? push : null;
      return { key: push.key, by, kind, frame, bytes, sent: false, tried: false, undated };
    });
    if (kind === "each") this.#check(made);
    const ids = made.map((waiting) => {
      this.#lastId += 1;
      this.#pushes.set(this.#lastId, waiting);
      if (kind === "restored") this.#restored.add(this.#lastId);
      this.#tally(waiting, 1);
      return this.#lastId;
    });
    this.#flush();
    // Whoever adds has to know the ids before they are refused.
    if (this.stopped !== null) queueMicrotask(() => this.#refuseAll(ids));
    this.onWaiting();
    return ids;
  }

  /** Make a push that was never sent another, the `newest`; false where it was sent. */
  revise(id: number, push: NewPush): boolean {
    const waiting = this.#pushes.get(id);
    if (waiting === undefined || waiting.tried) return false;
    this.#tally(waiting, -1);
    waiting.kind = "newest";
    waiting.frame = this.#encode(id, push);
    waiting.bytes = byteLength(waiting.frame);
    this.onWaiting();
    return true;
  }

  connected(send: (frame: Frame) => void): void {
    this.#send = send;
    this.resume();
  }

  /** The room says which epoch it is in, and what it holds of a key. */
  inEpoch(epoch: string | null): void {
    this.#epoch = epoch;
    this.#flush();
  }

  disconnected(): void {
    this.#send = null;
    this.#epoch = undefined;
    this.#sentUpTo = 0;
    for (const waiting of this.#pushes.values()) waiting.sent = false;
  }

  acknowledged(id: number, seq: number | null): void {
    this.#window = Math.min(this.#window + 1, WIDEST_WINDOW);
    this.#remove(id)?.by.acknowledged(id, seq);
    this.#settle(id, seq);
    this.#flush();
    this.onWaiting();
  }

  /** Give a push up; false where there is no such one. */
  refused(id: number, code: string, message: string, seq?: number): boolean {
    const waiting = this.#remove(id);
    waiting?.by.refused(id, code, message, seq);
    this.#settle(id, null);
    this.#flush();
    this.onWaiting();
    return waiting !== undefined;
  }

  /** Refuse what waits, and all that is added until `start`. */
  stop(why: Refused): void {
    this.stopped = why;
    this.#send = null;
    this.#refuseAll([...this.#pushes.keys()]);
  }

  start(): void {
    this.stopped = null;
  }

  /** Keep a push that was refused for now, and send none until `resume`. */
  hold(id: number | undefined): void {
    const waiting = id === undefined ? undefined : this.#pushes.get(id);
    if (waiting !== undefined) waiting.sent = false;
    if (id !== undefined) this.#sentUpTo = Math.min(this.#sentUpTo, id - 1);
    if (!this.#held) this.#window = Math.max(this.#window >> 1, NARROWEST_WINDOW);
    this.#held = true;
  }

  /**
   * Send all that waits, however much: the page goes for good, so that nothing is ever sent again.
   */
  sendAll(): void {
    this.#window = Number.POSITIVE_INFINITY;
    this.#flush();
  }

  /**
   * The writes that nobody has confirmed, in JSON, to be sent in another way than over a connection:
   * so none of them is made another from now on.
   */
  unconfirmed(): Pushes {
    return [...this.#pushes].flatMap(([id, waiting]) => {
      const { frame, by, key } = waiting;
      if (!isWrite(waiting) || by.unsure) return [];
      waiting.tried = true;
      const text = typeof frame === "string" ? frame : stringify(this.#codec().decode(frame));
      return [[id, text, key, this.#behind.get(id)]];
    });
  }

  /** Send nothing before something older has arrived, which is not in this queue; `null`: no more. */
  waitBehind(older: Promise<unknown> | null): void {
    this.#older = older;
    void older?.then(() => this.#older === older && this.waitBehind(null));
    this.#flush();
  }

  /** Take such writes, of another page, into an empty queue. `by` hears what became of them. */
  takeOver(by: Pusher, pushes: Pushes): void {
    for (const [id, frame, key, first] of pushes) {
      if (first) this.#behind.set(id, first);
      const state = { key, kind: "each", sent: false, tried: true, undated: null } as const;
      const waiting = { by, frame, bytes: byteLength(frame), ...state };
      this.#pushes.set(id, waiting);
      this.#tally(waiting, 1);
      this.#lastId = id;
    }
  }

  /** Keep a push no more, though it may be on its way. */
  forget(id: number): void {
    this.#remove(id);
  }

  resume(): void {
    this.#held = false;
    this.#flush();
  }

  /** The longest push that is on the open connection. */
  longest(): { readonly id: number; readonly bytes: number } | undefined {
    let longest: { readonly id: number; readonly bytes: number } | undefined;
    for (const [id, { sent, bytes }] of this.#pushes)
      if (sent && bytes > (longest?.bytes ?? 0)) longest = { id, bytes };
    return longest;
  }

  /** Give several pushes up, before any other has its turn. */
  giveUp(ids: readonly number[], { code, message }: Refused): void {
    const given = ids.map((id) => [id, this.#remove(id)] as const);
    for (const [id, waiting] of given) waiting?.by.refused(id, code, message);
    this.#flush();
    this.onWaiting();
  }

  #refuseAll(ids: readonly number[]): void {
    if (this.stopped !== null) this.giveUp(ids, this.stopped);
  }

  #check(made: readonly Waiting[]): void {
    const [count, bytes, limits] = [this.#count, this.#bytes, this.#limits];
    const more = made.reduce((sum, each) => sum + each.bytes, 0);
    if (count + made.length > limits.count || bytes + more > limits.bytes)
      throw new QueueFull(
        `expected at most ${limits.count} messages (${limits.bytes} bytes) to wait for the room, ` +
          `got ${count + made.length} (${bytes + more} bytes)`,
      );
  }

  #remove(id: number): Waiting | undefined {
    const waiting = this.#pushes.get(id);
    if (waiting === undefined) return undefined;
    this.#pushes.delete(id);
    this.#restored.delete(id);
    this.#behind.delete(id);
    this.#tally(waiting, -1);
    return waiting;
  }

  #tally({ kind, bytes }: Waiting, sign: 1 | -1): void {
    if (!isWrite({ kind })) this.#offers += sign;
    if (kind !== "each") return;
    this.#count += sign;
    this.#bytes += sign * bytes;
  }

  #flush(): void {
    if (this.#older !== null) return;
    const pushes = this.#pushes;
    for (const id of this.#restored) {
      const waiting = pushes.get(id);
      if (waiting !== undefined && !waiting.sent) this.#post(waiting);
    }
    // Ids follow each other, but for those that were answered: so each is passed once.
    while (this.#firstId <= this.#lastId && !pushes.has(this.#firstId)) this.#firstId += 1;
    for (let id = Math.max(this.#sentUpTo + 1, this.#firstId); id <= this.#lastId; id += 1) {
      if (this.#send === null || this.#held || id - this.#firstId >= this.#window) return;
      const waiting = pushes.get(id);
      if (waiting !== undefined && !waiting.sent && !this.#behind.has(id)) {
        if (waiting.by.unsure) return;
        if (waiting.undated !== null && !this.#date(id, waiting, waiting.undated)) return;
        this.#post(waiting);
      }
      this.#sentUpTo = id;
    }
  }

  /** What stands behind a push has its turn; where that doesn't count (`null`) it is a conflict. */
  #settle(id: number, seq: number | null): void {
    for (const [next, first] of this.#behind) {
      if (first !== id) continue;
      const waiting = this.#pushes.get(next) as Waiting;
      this.#behind.delete(next);
      const push = this.#codec().decode(waiting.frame) as Push;
      waiting.frame = this.#encode(next, { ...push, if_seq: seq ?? NEVER });
      this.#sentUpTo = Math.min(this.#sentUpTo, next - 1);
    }
  }

  #post(waiting: Waiting): void {
    if (this.#send === null || this.#held) return;
    waiting.sent = waiting.tried = true;
    this.#send(waiting.frame);
  }

  /**
   * Say for which epoch a push is; false before the room has said in which it is, and what it holds
   * of the key: what it lost has to be offered before what waits is sent.
   */
  #date(id: number, waiting: Waiting, push: NewPush): boolean {
    const epoch = this.#epoch;
    if (epoch === undefined || waiting.by.ready === false) return false;
    waiting.undated = null;
    if (epoch !== null) waiting.frame = this.#encode(id, { ...push, epoch });
    return true;
  }

  #encode(id: number, push: NewPush): Frame {
    return this.#codec().encode({ type: "push", ...push, id });
  }
}
