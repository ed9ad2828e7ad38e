import { Bookmark } from "../client/bookmark";
import { check } from "../client/check";
import { closedHere, type Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { LogReplica } from "../client/log";
import type { Session } from "../client/session";
import type { Entry } from "../protocol/messages";
import { Feed, type Source } from "./feed";
import { Lifecycle } from "./lifecycle";
import { type Message, messageOf } from "./message";
import { SharedObject } from "./object";
import { tolerateClose } from "./tolerate_close";
import { decode, encode, type Value } from "./values";

/** A list that everybody in a room appends to, in one order, and that the room keeps. */
export class Stream<T = Value> extends SharedObject {
  readonly #replica: LogReplica;
  readonly #maxLength: number | undefined;
  readonly #describes: boolean;
  readonly #subscribers = new Listeners<[T, Message<T>]>();
  readonly #restarts = new Listeners<[]>();
  readonly #feeds = new Map<Feed<T>, Cursor<T>>();
  readonly #bookmark = new Bookmark();
  readonly #lifecycle = new Lifecycle();
  readonly #listener = {
    pushed: (entry: Entry) => this.#pushed(entry),
    startedOver: (held: readonly Entry[], sameEpoch: boolean) => this.#startedOver(held, sameEpoch),
    answered: () => this.#lifecycle.answered(),
    closed: (error: Refused) => this.#end(error),
    reopened: () => this.#lifecycle.reopened(),
  };
  #begun = false;

  /** @internal `maxLength`: how many of the newest values an append leaves. */
  constructor(session: Session, key: string, maxLength?: number, stamps = false, describes = true) {
    super(key, session, "append", ...(maxLength === undefined ? [] : ["delete"]));
    this.#maxLength = maxLength;
    this.#describes = describes;
    this.#replica = session.log(key, this.#listener, true, stamps, maxLength, "stream");
    if (!this.#replica.begun) return;
    this.#startedOver(this.#replica.entries, true);
    this.#lifecycle.answered();
  }

  /** Resolves when the room's values have been received for the first time. */
  get ready(): Promise<void> {
    return this.#lifecycle.ready;
  }

  /** All values that it holds, as far as they have been received. */
  get values(): T[] {
    return this.#entries.map(({ value }) => decode(value, this.session.bigint) as T);
  }

  /** The same with their numbers, and with author and time where `stamps` were asked for. */
  get messages(): Message<T>[] {
    return this.#entries.map((entry) => messageOf<T>(entry, this.session.bigint));
  }

  /** How many values it holds. */
  get length(): number {
    return Math.min(this.#replica.entries.length, this.#maxLength ?? Number.POSITIVE_INFINITY);
  }

  /** Add a value; resolves with its number when the room has it. Rejects with `QueueFull`. */
  append(value: T): Promise<number | null> {
    const append = async () => {
      const json = encode(value);
      this.#describe();
      return this.#replica.arrival(this.#replica.push(json, true, this.#maxLength));
    };
    return tolerateClose(append());
  }

  /**
   * Add many values, in as few messages as hold them; resolves with the last one's number when the
   * room has all. Rejects with `QueueFull`, and adds none, where they don't fit in.
   */
  extend(values: Iterable<T>): Promise<number | null> {
    const extend = async () => {
      check(typeof values !== "string", "a list", values);
      const encoded = [...values].map((value) => encode(value));
      if (encoded.length > 0) this.#describe();
      const ids = this.#replica.pushAll(encoded, true, this.#maxLength);
      const arrived = await Promise.all(ids.map((id) => this.#replica.arrival(id)));
      return arrived[arrived.length - 1] ?? null;
    };
    return tolerateClose(extend());
  }

  /** Replace all values that it holds by one, `summarize(values)`; resolves when that is done. */
  compact(summarize: (values: T[]) => T): Promise<void> {
    const compact = async () => {
      const { entries } = this.#replica;
      const newest = entries[entries.length - 1];
      if (newest === undefined) return;
      const before = this.#entries.map(({ value }) => value);
      await this.#replica.compact(encode(summarize(this.values), before), newest.seq);
    };
    return tolerateClose(compact());
  }

  /**
   * Call a function with each new value, also with those that were added while there was no
   * connection; returns a function that ends the subscription.
   */
  subscribe(listener: (value: T, message: Message<T>) => void): () => void {
    return this.#subscribers.add(listener);
  }

  /**
   * Call a function when `values` has changed in another way than by an append: received for the
   * first time, deleted, compacted, or read anew because it isn't known what was missed.
   */
  onRestart(listener: () => void): () => void {
    return this.#restarts.add(listener);
  }

  /**
   * The values that it holds and then each new one, for a `for await` loop; from `"now"`: only new
   * ones. A slow loop misses nothing that the stream still holds here; its `missed` counts what a
   * `maxLength` has dropped.
   */
  follow(start: "oldest" | "now" = "oldest"): Feed<T> {
    const skips = start === "now" && !this.#begun;
    const behind = start === "oldest" ? this.length : 0;
    const { bigint } = this.session;
    const cursor = new Cursor<T>(() => this.#replica.entries, behind, skips, bigint);
    const feed: Feed<T> = new Feed(cursor, () => {
      this.#feeds.delete(feed);
      cursor.detach();
    });
    this.#feeds.set(feed, cursor);
    return feed;
  }

  /** As `follow()`. */
  [Symbol.asyncIterator](): Feed<T> {
    return this.follow();
  }

  /** Stop listening, and end the loops; what was appended is still sent. */
  close(): void {
    this.#subscribers.clear();
    this.#restarts.clear();
    this.#end(closedHere());
    this.session.leave(this.key, this.#listener);
  }

  get #entries(): readonly Entry[] {
    const { entries } = this.#replica;
    return entries.length > this.length ? entries.slice(-this.length) : entries;
  }

  #describe(): void {
    if (this.#describes) this.session.describe(this.#replica);
  }

  #pushed(entry: Entry): void {
    this.#bookmark.pass(entry);
    this.#notify(entry);
    for (const [feed, cursor] of this.#feeds) {
      feed.missed += cursor.move(1, this.length);
      feed.wake();
    }
  }

  #startedOver(held: readonly Entry[], sameEpoch: boolean): void {
    const fresh = this.#bookmark.startOver(held, sameEpoch);
    // What was there at the beginning is no news to those who want what comes.
    if (this.#begun) for (const entry of fresh) this.#notify(entry);
    for (const [feed, cursor] of this.#feeds) {
      if (!cursor.skips) cursor.move(fresh.length, this.length);
      cursor.skips = false;
      feed.wake();
    }
    this.#begun = true;
    this.#restarts.notify();
  }

  #notify(entry: Entry): void {
    const message = messageOf<T>(entry, this.session.bigint);
    this.#subscribers.notify(message.value, message);
  }

  #end(error: Refused): void {
    this.#lifecycle.closed(error);
    for (const feed of [...this.#feeds.keys()]) feed.end(error);
  }
}

/** How far a loop has come in a stream: how many of its newest entries are still ahead of it. */
class Cursor<T> implements Source<T> {
  readonly #bigint: boolean;
  #entries: () => readonly Entry[];
  #behind: number;

  /** `skips`: what the stream holds at first is not for it. */
  constructor(
    entries: () => readonly Entry[],
    behind: number,
    public skips: boolean,
    bigint: boolean,
  ) {
    this.#entries = entries;
    this.#behind = behind;
    this.#bigint = bigint;
  }

  get hasNext(): boolean {
    return this.#behind > 0;
  }

  next(): T {
    const entries = this.#entries();
    // What was dropped while there was no connection is told by no push.
    const behind = Math.min(this.#behind, entries.length);
    const entry = entries[entries.length - behind] as Entry;
    this.#behind = behind - 1;
    return decode(entry.value, this.#bigint) as T;
  }

  /** Add to what is ahead, in a stream that is so long now; returns how many were dropped unseen. */
  move(more: number, length: number): number {
    const behind = this.#behind + more;
    this.#behind = Math.min(behind, length);
    return behind - this.#behind;
  }

  /** Keep what is ahead of the loop, because it hears no more of the stream. */
  detach(): void {
    const left = this.#behind > 0 ? this.#entries().slice(-this.#behind) : [];
    this.#entries = () => left;
  }
}
