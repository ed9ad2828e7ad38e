import { Bookmark } from "../client/bookmark";
import type { Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { LogListener, LogReplica } from "../client/log";
import { COMPACTED, isNotice } from "../client/notice";
import type { Session } from "../client/session";
import type { Entry } from "../protocol/messages";
import { Feed, type Source } from "./feed";
import { Life } from "./life";
import { type Message, messageOf } from "./message";
import { outcome } from "./outcome";
import { decode, encode, type Value } from "./values";

/** Who is told that a stream was shortened reads it anew, and not again for so many milliseconds. */
const REST_MILLISECONDS = 2_000;

/** A list that everybody in a room appends to, in one order, and that stays. */
export class Stream<T = Value> implements LogListener {
  private readonly replica: LogReplica;
  private readonly subscribers = new Listeners<[T, Message<T>]>();
  private readonly restarts = new Listeners<[]>();
  private readonly feeds = new Map<Feed<T>, Cursor<T>>();
  private readonly life = new Life();
  private begun = false;
  private isResting = false;
  /** Whether it was shortened while it rests. */
  private isOld = false;
  private readonly bookmark = new Bookmark();

  /** Made by `Room.stream`. `maxLength`: how many of the newest values an append leaves. */
  constructor(
    private readonly session: Session,
    readonly key: string,
    private readonly maxLength?: number,
    stamps = false,
    private readonly describe = true,
  ) {
    this.replica = session.log(key, this, true, stamps, maxLength, "stream");
    if (!this.replica.begun) return;
    this.startedOver(this.replica.entries, true);
    this.life.begin();
  }

  /** Resolves when the room's values were heard for the first time. */
  get ready(): Promise<void> {
    return this.life.ready;
  }

  /** All that it holds, as far as this client has heard. */
  get values(): T[] {
    return this.entries.map(({ value }) => decode(value, this.session.bigint) as T);
  }

  /** The same with their numbers, and stamps where they were asked for. */
  get messages(): Message<T>[] {
    return this.entries.map((entry) => messageOf<T>(entry, this.session.bigint));
  }

  get length(): number {
    return Math.min(this.replica.entries.length, this.maxLength ?? Number.POSITIVE_INFINITY);
  }

  /** Add a value; resolves with its number when the room has it. Rejects with `QueueFull`. */
  append(value: T): Promise<number | null> {
    return outcome(this.appended(value));
  }

  /**
   * Add many values, in as few messages as hold them; resolves when the room has all. Rejects with
   * `QueueFull`, and none is added, where they don't fit in.
   */
  extend(values: Iterable<T>): Promise<number | null> {
    return outcome(this.extended(values));
  }

  private async appended(value: T): Promise<number | null> {
    const json = encode(value);
    if (this.describe) this.session.describe(this.replica);
    return this.replica.arrival(this.replica.push(json, true, this.maxLength));
  }

  private async extended(values: Iterable<T>): Promise<number | null> {
    const encoded = [...values].map((value) => encode(value));
    if (this.describe && encoded.length > 0) this.session.describe(this.replica);
    const ids = this.replica.pushAll(encoded, true, this.maxLength);
    const arrived = await Promise.all(ids.map((id) => this.replica.arrival(id)));
    return arrived[arrived.length - 1] ?? null;
  }

  /** Put one value, `summarize(values)`, in the place of all that it holds. */
  compact(summarize: (values: T[]) => T): Promise<void> {
    return outcome(this.compacted(summarize));
  }

  private async compacted(summarize: (values: T[]) => T): Promise<void> {
    const { entries } = this.replica;
    const newest = entries[entries.length - 1];
    if (newest === undefined) return;
    const value = encode(summarize(this.values));
    await this.replica.compact(value, newest.seq);
    this.replica.push({ [COMPACTED]: newest.seq }, false);
  }

  /**
   * Call a function with each value from now on, those too that came while there was no connection;
   * returns what ends that.
   */
  subscribe(listener: (value: T, message: Message<T>) => void): () => void {
    return this.subscribers.add(listener);
  }

  /**
   * Call a function when `values` is not just longer: heard for the first time, deleted, compacted,
   * or what was missed is not known.
   */
  onRestart(listener: () => void): () => void {
    return this.restarts.add(listener);
  }

  /**
   * What it holds, and then each value that comes, for a `for await` loop; `now`: only those. A slow
   * loop misses nothing that the stream still holds here; its `missed` counts what a `maxLength`
   * has dropped.
   */
  follow(start: "oldest" | "now" = "oldest"): Feed<T> {
    const skips = start === "now" && !this.begun;
    const behind = start === "oldest" ? this.length : 0;
    const cursor = new Cursor<T>(() => this.replica.entries, behind, skips, this.session.bigint);
    const feed: Feed<T> = new Feed(cursor, () => {
      this.feeds.delete(feed);
      cursor.detach();
    });
    this.feeds.set(feed, cursor);
    return feed;
  }

  [Symbol.asyncIterator](): Feed<T> {
    return this.follow();
  }

  /** Hear no more; ends the loops. */
  close(): void {
    this.subscribers.clear();
    this.restarts.clear();
    this.endLoops();
    this.life.end();
    this.replica.listeners.delete(this);
    this.session.leave(this.key);
  }

  /** For the session. */
  heard(entry: Entry): void {
    if (isNotice(entry)) {
      this.readAnew();
      return;
    }
    this.bookmark.pass(entry);
    const message = messageOf<T>(entry, this.session.bigint);
    this.subscribers.tell(message.value, message);
    for (const [feed, cursor] of this.feeds) {
      feed.missed += cursor.move(1, this.length);
      feed.wake();
    }
  }

  /** For the session. */
  startedOver(held: readonly Entry[], sameEpoch: boolean): void {
    const fresh = this.bookmark.startOver(held, sameEpoch).filter((entry) => !isNotice(entry));
    // What was there at the beginning is no news to those who want what comes.
    if (this.begun)
      for (const entry of fresh) {
        const message = messageOf<T>(entry, this.session.bigint);
        this.subscribers.tell(message.value, message);
      }
    for (const [feed, cursor] of this.feeds) {
      if (!cursor.skips) cursor.move(fresh.length, this.length);
      cursor.skips = false;
      feed.wake();
    }
    this.begun = true;
    this.restarts.tell();
    // It was shortened while it was read, page by page.
    if (held.some(isNotice)) queueMicrotask(() => this.readAnew());
  }

  /** For the session. */
  answered(): void {
    this.life.begin();
  }

  /** For the session. */
  closed(error: Refused): void {
    this.life.end(error);
    for (const feed of [...this.feeds.keys()]) feed.end(error);
  }

  /** For the session. */
  reopened(): void {
    this.life.reopen();
  }

  private get entries(): readonly Entry[] {
    const { entries } = this.replica;
    return entries.length > this.length ? entries.slice(-this.length) : entries;
  }

  /** Read it anew, but not each time that somebody says that it was shortened: anybody can. */
  private readAnew(): void {
    this.isOld = this.isResting;
    if (this.isResting) return;
    this.session.readAnew(this.replica);
    this.isResting = true;
    this.session.later(REST_MILLISECONDS * (1 + Math.random()), () => {
      this.isResting = false;
      if (this.isOld && this.replica.listeners.has(this)) this.readAnew();
    });
  }

  private endLoops(): void {
    for (const feed of [...this.feeds.keys()]) void feed.return();
  }
}

/** How far a loop has come in a stream: so many of its newest entries are ahead of it. */
class Cursor<T> implements Source<T> {
  /** `skips`: what the stream holds at first is not for it. */
  constructor(
    private entries: () => readonly Entry[],
    private behind: number,
    public skips: boolean,
    private readonly bigint: boolean,
  ) {}

  get hasNext(): boolean {
    return this.behind > 0;
  }

  take(): T {
    const entries = this.entries();
    const entry = entries[entries.length - this.behind] as Entry;
    this.behind -= 1;
    return decode(entry.value, this.bigint) as T;
  }

  /** So many entries came, and so many there are now; returns how many have gone unseen. */
  move(more: number, length: number): number {
    const behind = this.behind + more;
    this.behind = Math.min(behind, length);
    return behind - this.behind;
  }

  /** Keep what is ahead of the loop, for it hears no more of the stream. */
  detach(): void {
    const left = this.behind > 0 ? this.entries().slice(-this.behind) : [];
    this.entries = () => left;
  }
}
