import { closedHere, type Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { LogListener, LogReplica } from "../client/log";
import type { Session } from "../client/session";
import type { Entry } from "../protocol/messages";
import { Feed } from "./feed";
import { type Message, messageOf } from "./message";
import { SharedObject } from "./object";
import { tolerateClose } from "./tolerate_close";
import { encode, type Value } from "./values";

/** How many values a channel remembers. */
const HISTORY = 100;
/** How many values are kept for a loop that is slow. */
const FEED_LIMIT = 10_000;

/** A channel: what is published reaches everybody who is connected, and is stored nowhere. */
export class PubSub<T = Value> extends SharedObject {
  readonly #replica: LogReplica;
  readonly #describes: boolean;
  readonly #subscribers = new Listeners<[T, Message<T>]>();
  readonly #feeds = new Map<Feed<T>, T[]>();
  readonly #history: T[] = [];
  /** Why nothing more comes; `null`: something may. */
  #ended: Refused | null = null;
  readonly #listener: LogListener = {
    pushed: (entry) => this.#pushed(entry),
    closed: (error) => this.#end(error),
    reopened: () => {
      this.#ended = null;
    },
  };

  /** @internal */
  constructor(session: Session, key: string, stamps = false, describes = true) {
    super(key, session, "relay");
    this.#describes = describes;
    this.#replica = session.log(key, this.#listener, false, stamps, undefined, "channel");
  }

  /** The newest values that were received, at most 100, the oldest first. */
  get last(): T[] {
    return [...this.#history];
  }

  /**
   * Send a value to everybody who is connected; resolves when the room has passed it on. Rejects
   * with `QueueFull`.
   */
  publish(value: T): Promise<void> {
    const publish = async () => {
      const json = encode(value);
      if (this.#describes) this.session.describe(this.#replica);
      await this.#replica.arrival(this.#replica.push(json, false));
    };
    return tolerateClose(publish());
  }

  /** Call a function with each new value; returns a function that ends the subscription. */
  subscribe(listener: (value: T, message: Message<T>) => void): () => void {
    return this.#subscribers.add(listener);
  }

  /**
   * Each new value, for a `for await` loop. The newest 10,000 are kept for a loop that is slow; its
   * `missed` counts the others.
   */
  messages(): Feed<T> {
    const values: T[] = [];
    const feed: Feed<T> = new Feed(
      {
        get hasNext() {
          return values.length > 0;
        },
        next: () => values.shift() as T,
      },
      () => this.#feeds.delete(feed),
    );
    this.#feeds.set(feed, values);
    if (this.#ended !== null) feed.end(this.#ended);
    return feed;
  }

  /** As `messages()`. */
  [Symbol.asyncIterator](): Feed<T> {
    return this.messages();
  }

  /** Stop listening, and end the loops; what was published is still sent. */
  close(): void {
    this.#subscribers.clear();
    this.#end(closedHere());
    this.session.leave(this.key, this.#listener);
  }

  #pushed(entry: Entry): void {
    const message = messageOf<T>(entry, this.session.bigint);
    if (this.#history.push(message.value) > HISTORY) this.#history.shift();
    this.#subscribers.notify(message.value, message);
    for (const [feed, values] of this.#feeds) {
      if (values.push(message.value) > FEED_LIMIT) {
        values.shift();
        feed.missed += 1;
      }
      feed.wake();
    }
  }

  #end(error: Refused): void {
    this.#ended = error;
    for (const feed of [...this.#feeds.keys()]) feed.end(error);
  }
}
