import { closedHere, type Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { LogListener, LogReplica } from "../client/log";
import { isNotice } from "../client/notice";
import type { Session } from "../client/session";
import type { Entry } from "../protocol/messages";
import { Buffer, Feed } from "./feed";
import { type Message, messageOf } from "./message";
import { outcome } from "./outcome";
import { encode, type Value } from "./values";

/** So many values a channel remembers. */
const HISTORY = 100;
/** So many values are kept for a loop that is slow. */
const FEED_LIMIT = 10_000;

/** A channel: what is published reaches everybody who is there, and is kept nowhere. */
export class PubSub<T = Value> implements LogListener {
  private readonly replica: LogReplica;
  private readonly subscribers = new Listeners<[T, Message<T>]>();
  private readonly feeds = new Map<Feed<T>, Buffer<T>>();
  private readonly history: T[] = [];
  /** Why there is nothing more to hear; `null`: there may be. */
  private ended: Refused | null = null;

  /** Made by `Room.pubsub`. */
  constructor(
    private readonly session: Session,
    readonly key: string,
    stamps = false,
    private readonly describe = true,
  ) {
    this.replica = session.log(key, this, false, stamps, undefined, "channel");
  }

  /** The newest values that were heard, the oldest first. */
  get last(): T[] {
    return [...this.history];
  }

  /**
   * Say something to everybody who is there; resolves when the room has it. Rejects with
   * `QueueFull`.
   */
  publish(value: T): Promise<void> {
    return outcome(this.published(value));
  }

  private async published(value: T): Promise<void> {
    const json = encode(value);
    if (this.describe) this.session.describe(this.replica);
    await this.replica.arrival(this.replica.push(json, false));
  }

  /** Call a function with each value from now on; returns what ends that. */
  subscribe(listener: (value: T, message: Message<T>) => void): () => void {
    return this.subscribers.add(listener);
  }

  /**
   * Each value from now on, for a `for await` loop. The newest 10,000 are kept for one that is slow;
   * its `missed` counts the others.
   */
  messages(): Feed<T> {
    const buffer = new Buffer<T>(FEED_LIMIT);
    const feed: Feed<T> = new Feed(buffer, () => this.feeds.delete(feed));
    this.feeds.set(feed, buffer);
    if (this.ended !== null) feed.end(this.ended);
    return feed;
  }

  [Symbol.asyncIterator](): Feed<T> {
    return this.messages();
  }

  /** Hear no more; ends the loops. */
  close(): void {
    this.subscribers.clear();
    this.endLoops();
    this.replica.listeners.delete(this);
    this.session.leave(this.key);
  }

  /** For the session. */
  heard(entry: Entry): void {
    if (isNotice(entry)) return;
    const message = messageOf<T>(entry, this.session.bigint);
    if (this.history.push(message.value) > HISTORY) this.history.shift();
    this.subscribers.tell(message.value, message);
    for (const [feed, buffer] of this.feeds) {
      feed.missed += buffer.put(message.value);
      feed.wake();
    }
  }

  /** For the session. */
  closed(error: Refused): void {
    this.ended = error;
    for (const feed of [...this.feeds.keys()]) feed.end(error);
  }

  /** For the session. */
  reopened(): void {
    this.ended = null;
  }

  private endLoops(): void {
    this.ended = closedHere();
    for (const feed of [...this.feeds.keys()]) void feed.return();
  }
}
