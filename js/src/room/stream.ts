import { Bookmark } from "../client/bookmark";
import type { Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { LogListener, LogReplica } from "../client/log";
import { COMPACTED, isNotice } from "../client/notice";
import type { Session } from "../client/session";
import type { Entry } from "../protocol/messages";
import { FEED_LIMIT, Feed } from "./feed";
import { Life } from "./life";
import { type Message, messageOf } from "./message";
import { outcome } from "./outcome";
import { encode, type Value } from "./values";

/** A list that everybody in a room appends to, in one order, and that stays. */
export class Stream<T = Value> implements LogListener {
  private readonly replica: LogReplica;
  private readonly subscribers = new Listeners<[T, Message<T>]>();
  private readonly restarts = new Listeners<[]>();
  private readonly feeds = new Set<Feed<T>>();
  private readonly life = new Life();
  private begun = false;
  private readonly bookmark = new Bookmark();

  /** Made by `Room.stream`. `maxLength`: how many of the newest values an append leaves. */
  constructor(
    private readonly session: Session,
    readonly key: string,
    private readonly maxLength?: number,
    stamps = false,
    private readonly describe = true,
  ) {
    this.replica = session.log(key, this, true, stamps);
    if (maxLength !== undefined) this.replica.maxLength = maxLength;
    if (this.replica.begun) this.startedOver(this.replica.entries, true);
  }

  /** Resolves when the room's values were heard for the first time. */
  get ready(): Promise<void> {
    return this.life.ready;
  }

  /** All that it holds, as far as this client has heard. */
  get values(): T[] {
    return this.messages.map(({ value }) => value);
  }

  /** The same with their numbers, and stamps where they were asked for. */
  get messages(): Message<T>[] {
    return this.entries.map(messageOf<T>);
  }

  get length(): number {
    return this.entries.length;
  }

  /** Add a value; resolves with its number when the room has it. Rejects with `QueueFull`. */
  append(value: T): Promise<number | null> {
    return this.extend([value]);
  }

  /**
   * Add many values, in as few messages as hold them; resolves when the room has all. Rejects with
   * `QueueFull`, and none is added, where they don't fit in.
   */
  extend(values: Iterable<T>): Promise<number | null> {
    return outcome(this.extended(values));
  }

  private async extended(values: Iterable<T>): Promise<number | null> {
    const encoded = [...values].map((value) => encode(value));
    const ids = this.replica.pushAll(encoded, true, this.maxLength);
    if (this.describe && ids.length > 0) this.session.hint(this.key, "stream");
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
    await this.replica.arrival(this.replica.compact(value, newest.seq));
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

  /** What it holds, and then each value that comes, for a `for await` loop; `now`: only those. */
  follow(start: "oldest" | "now" = "oldest"): Feed<T> {
    const feed: Feed<T> = new Feed(FEED_LIMIT, () => this.feeds.delete(feed));
    if (start === "oldest") for (const value of this.values) feed.push(value);
    this.feeds.add(feed);
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
      this.session.readAnew(this.replica);
      return;
    }
    this.bookmark.pass(entry);
    const message = messageOf<T>(entry);
    this.subscribers.tell(message.value, message);
    for (const feed of [...this.feeds]) feed.push(message.value);
  }

  /** For the session. */
  startedOver(held: readonly Entry[], sameEpoch: boolean): void {
    const fresh = this.bookmark.startOver(held, sameEpoch).filter((entry) => !isNotice(entry));
    for (const message of fresh.map(messageOf<T>)) {
      // What was there at the beginning is no news to those who want what comes.
      if (this.begun) this.subscribers.tell(message.value, message);
      for (const feed of [...this.feeds]) feed.push(message.value);
    }
    this.begun = true;
    this.life.begin();
    this.restarts.tell();
  }

  /** For the session. */
  answered(): void {
    this.life.begin();
  }

  /** For the session. */
  closed(error: Refused): void {
    this.life.end(error);
    for (const feed of [...this.feeds]) feed.end(error);
  }

  /** For the session. */
  reopened(): void {
    this.life.reopen();
  }

  private get entries(): Entry[] {
    return this.replica.entries.filter((entry) => !isNotice(entry));
  }

  private endLoops(): void {
    for (const feed of [...this.feeds]) void feed.return();
  }
}
