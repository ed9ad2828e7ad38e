import { check } from "../client/check";
import { Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { Session } from "../client/session";
import type { StateReplica } from "../client/state";
import type { Json } from "../protocol/messages";
import { Lifecycle } from "./lifecycle";
import { SharedObject } from "./object";
import { tolerateClose } from "./tolerate_close";
import { decode, encode, type Value } from "./values";

/**
 * A value that everybody in a room shares. `Nothing` is the type that it reads as while the room
 * has none; with an initial value that is never so.
 */
export class SharedState<T = Value, Nothing = undefined> extends SharedObject {
  /** Why the newest write was refused; `null`: it was not. */
  error: Refused | null = null;
  readonly #replica: StateReplica;
  readonly #subscribers = new Listeners<[T | Nothing]>();
  readonly #listener = Object.assign(new Lifecycle(), {
    changed: () => this.#changed(),
    refused: (code: string, message: string) => {
      this.error = new Refused(code, message);
    },
  });
  #lastText: string | undefined;

  /** @internal `initial` is written where the room has no value. */
  constructor(session: Session, key: string, initial?: T) {
    super(key, session, "replace");
    const offered = initial === undefined ? undefined : encode(initial);
    this.#replica = session.state(key, this.#listener, offered, "state");
    this.#lastText = JSON.stringify(this.#replica.value);
    if (this.#replica.begun) this.#listener.answered();
  }

  /** Resolves when the room's value has been received for the first time. */
  get ready(): Promise<void> {
    return this.#listener.ready;
  }

  /**
   * The room's value, or the newest own write while it is on its way; `undefined`: there is none.
   * Assigning sets it for everybody.
   */
  get value(): T | Nothing {
    return this.#read(this.#replica.value);
  }

  set value(value: T) {
    this.#replica.write(this.#written(value));
  }

  /** Whether the room has not confirmed an own write yet. */
  get pending(): boolean {
    return this.#replica.pending;
  }

  /** Set the value; resolves when the room has it, or a newer own one that replaced it. */
  set(value: T): Promise<void> {
    return tolerateClose(this.#replica.set(this.#written(value)).then(() => {}));
  }

  /**
   * Set the value to `step(value)` without losing anybody's update: if somebody else was faster,
   * `step` is called again with the newer value. Resolves, when the room has it, with what `step`
   * returned last. Rejects with what `step` throws.
   */
  update(step: (value: T | Nothing) => T): Promise<T> {
    const update = async () => {
      check(typeof step === "function", "a function", step);
      const made = await this.#replica.update((base) => encode(step(this.#read(base)), base));
      return this.#read(made) as T;
    };
    return tolerateClose(update());
  }

  /** Call a function with each new value; returns a function that ends the subscription. */
  subscribe(listener: (value: T | Nothing) => void): () => void {
    return this.#subscribers.add(listener);
  }

  /**
   * Resolves with the value as soon as the predicate is true of it. Rejects with what the predicate
   * throws, with the signal's reason, and with a `Refused` when it, or the room, is closed.
   */
  waitFor(predicate: (value: T | Nothing) => boolean, signal?: AbortSignal): Promise<T> {
    return this.#listener.waitFor(this, predicate, signal) as Promise<T>;
  }

  /** Stop listening; what was set is still sent. */
  close(): void {
    this.#subscribers.clear();
    this.#listener.closed();
    this.session.leave(this.key, this.#listener);
  }

  #read(json: Json | undefined): T | Nothing {
    return (json === undefined ? json : decode(json, this.session.bigint)) as T | Nothing;
  }

  #written(value: T): Json {
    const json = encode(value, this.#replica.value);
    this.error = null;
    return json;
  }

  #changed(): void {
    const now = JSON.stringify(this.#replica.value);
    if (now === this.#lastText) return;
    this.#lastText = now;
    this.#subscribers.notify(this.value);
  }
}
