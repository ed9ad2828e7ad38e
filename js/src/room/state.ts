import { Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { Session } from "../client/session";
import type { StateListener, StateReplica } from "../client/state";
import { Life } from "./life";
import { outcome } from "./outcome";
import { decode, encode, type Value } from "./values";

/**
 * A value with a name (`key`) that everybody in a room shares. `Nothing`: what it reads as while
 * there is none; that is never so where an initial value was given.
 */
export class SharedState<T = Value, Nothing = undefined> implements StateListener {
  /** Why the newest write was refused; `null` where none was. */
  error: Refused | null = null;
  readonly #replica: StateReplica;
  readonly #subscribers = new Listeners<[T | Nothing]>();
  readonly #life = new Life();
  #told: string | undefined;

  /** Made by `Room.state`. `initial` is written where the room has no value. */
  constructor(
    private readonly session: Session,
    readonly key: string,
    initial?: T,
  ) {
    const offered = initial === undefined ? undefined : encode(initial);
    this.#replica = session.state(key, this, offered, "state");
    this.#told = JSON.stringify(this.#replica.value);
    if (this.#replica.begun) this.#life.begin();
  }

  /** Resolves when the room's value was heard for the first time. */
  get ready(): Promise<void> {
    return this.#life.ready;
  }

  /** The room's value, or the own newest write while it is under way; `undefined`: there is none. */
  get value(): T | Nothing {
    const { value } = this.#replica;
    return value === undefined ? (undefined as Nothing) : (decode(value, this.session.bigint) as T);
  }

  set value(value: T) {
    const json = encode(value, this.#replica.value);
    this.error = null;
    this.#replica.write(json);
  }

  /** Whether an own write has not arrived yet. */
  get pending(): boolean {
    return this.#replica.pending;
  }

  /** Set the value; resolves when the room has it, or a newer own one that took its place. */
  set(value: T): Promise<void> {
    const json = encode(value, this.#replica.value);
    this.error = null;
    return outcome(this.#replica.set(json).then(() => {}));
  }

  /**
   * Set the value to `step(value)`, such that nobody's update is lost: where somebody else was
   * faster, the function is called again with the newer one. Resolves with what it returned last,
   * when the room has it. Throws what it throws the first time.
   */
  update(step: (value: T | Nothing) => T): Promise<T> {
    return outcome(this.#made(step));
  }

  /** Call a function with each other value from now on; returns what ends that. */
  subscribe(listener: (value: T | Nothing) => void): () => void {
    return this.#subscribers.add(listener);
  }

  /**
   * Resolves with the value as soon as the predicate is true of it. Rejects with what the predicate
   * throws, with the signal's reason, and with a `Refused` when it, or the room, is closed.
   */
  waitFor(predicate: (value: T | Nothing) => boolean, signal?: AbortSignal): Promise<T> {
    return this.#life.waitFor(this, predicate, signal) as Promise<T>;
  }

  /** Hear no more; what was set is on its way. */
  close(): void {
    this.#subscribers.clear();
    this.#life.end();
    this.#replica.listeners.delete(this);
    this.session.leave(this.key);
  }

  async #made(step: (value: T | Nothing) => T): Promise<T> {
    const made = await this.#replica.update((base) =>
      encode(
        step(
          base === undefined ? (undefined as Nothing) : (decode(base, this.session.bigint) as T),
        ),
        base,
      ),
    );
    return decode(made, this.session.bigint) as T;
  }

  /** For the session. */
  changed(): void {
    const now = JSON.stringify(this.#replica.value);
    if (now === this.#told) return;
    this.#told = now;
    this.#subscribers.tell(this.value);
  }

  /** For the session. */
  answered(): void {
    this.#life.begin();
  }

  /** For the session. */
  refused(code: string, message: string): void {
    this.error = new Refused(code, message);
  }

  /** For the session. */
  closed(error: Refused): void {
    this.#life.end(error);
  }

  /** For the session. */
  reopened(): void {
    this.#life.reopen();
  }
}
