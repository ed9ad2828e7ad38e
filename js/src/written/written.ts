import { check } from "../client/check";
import { unwrap } from "../client/form";
import { Listeners } from "../client/listeners";
import type { LogListener, LogReplica } from "../client/log";
import type { Session } from "../client/session";
import type { Entry } from "../protocol/messages";
import { Lifecycle } from "../room/lifecycle";
import { type Message, messageOf } from "../room/message";
import { SharedState } from "../room/state";
import type { Value } from "../room/values";

/**
 * The value that the room has of a state, with who wrote it, and when. An own write is here once the
 * room has it.
 */
export class Written<T = Value> {
  readonly #session: Session;
  readonly #key: string;
  readonly #replica: LogReplica;
  readonly #subscribers = new Listeners<[Message<T> | null]>();
  readonly #listener: LogListener & Lifecycle = Object.assign(new Lifecycle(), {
    pushed: (entry: Entry) => this.#changed(entry),
    startedOver: (held: readonly Entry[]) => this.#changed(held[held.length - 1]),
  });
  #message: Message<T> | null = null;
  /** What makes the message, as text: to tell another message from the same one told again. */
  #known = text(undefined);

  /** Throws a `TypeError` for what is no `SharedState`. */
  constructor(state: SharedState<T> | SharedState<T, never>) {
    check(state instanceof SharedState, "a SharedState", state);
    this.#session = (state as unknown as { readonly session: Session }).session;
    this.#key = state.key;
    // Beside the state's own replica, of which nobody asks for stamps.
    this.#replica = this.#session.log(this.#key, this.#listener, true, true, 1);
    if (!this.#replica.begun) return;
    this.#changed(this.#replica.entries[this.#replica.entries.length - 1]);
    this.#listener.answered();
  }

  /** Resolves when the room has told for the first time. */
  get ready(): Promise<void> {
    return this.#listener.ready;
  }

  /** The value with its author and time; `null` where the room has none, or has not told yet. */
  get message(): Message<T> | null {
    return this.#message;
  }

  /**
   * Call a function with each new message (`null`: the room has no value any more), and not again
   * with one that the room only repeats after a reconnection; returns a function that ends the
   * subscription.
   */
  subscribe(listener: (message: Message<T> | null) => void): () => void {
    return this.#subscribers.add(listener);
  }

  /** Stop listening. */
  close(): void {
    this.#subscribers.clear();
    this.#listener.closed();
    this.#session.leave(this.#key, this.#listener);
  }

  #changed(entry: Entry | undefined): void {
    const { bigint } = this.#session;
    const known = text(entry);
    if (known === this.#known) return;
    this.#known = known;
    this.#message =
      entry === undefined ? null : messageOf<T>({ ...entry, value: unwrap(entry.value) }, bigint);
    this.#subscribers.notify(this.#message);
  }
}

function text({ seq, value, time, client, user }: Partial<Entry> = {}): string {
  return JSON.stringify([seq, value, time, client, user]);
}
