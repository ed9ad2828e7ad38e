import type { Kind } from "../client/kind";
import type { Session } from "../client/session";
import { ActionLog, type Lengths } from "./action_log";
import type { Model } from "./fold";
import { Notifier } from "./notifier";
import { SharedObject } from "./object";

/** A value that actions make: what reducers and dictionaries have in common. */
export abstract class Folded<V> extends SharedObject {
  /** @internal */
  protected readonly log: ActionLog<V>;
  readonly #model: Model<V>;
  readonly #notifier: Notifier<V>;

  /** @internal */
  protected constructor(
    session: Session,
    key: string,
    model: Model<V>,
    kind: Kind,
    lengths?: Partial<Lengths>,
  ) {
    super(key, session, "append");
    this.#model = model;
    this.#notifier = new Notifier(model);
    const changed = (restarted: boolean) => this.#notifier.changed(restarted);
    this.log = new ActionLog(session, key, model, changed, lengths, kind);
  }

  /** Resolves when the room's value has been received for the first time. */
  get ready(): Promise<void> {
    return this.log.ready;
  }

  /** The value now, own actions included: frozen, and the same object until it changes. */
  get value(): V {
    return this.#model.value;
  }

  /** Call a function with each new value; returns a function that ends the subscription. */
  subscribe(listener: (value: V) => void): () => void {
    return this.#notifier.add(listener);
  }

  /**
   * Resolves with the value as soon as the predicate is true of it. Rejects with what the predicate
   * throws, with the signal's reason, and with a `Refused` when it, or the room, is closed.
   */
  waitFor(predicate: (value: V) => boolean, signal?: AbortSignal): Promise<V> {
    return this.log.waitFor(this, predicate, signal);
  }

  /** Stop listening; what was written is still sent. */
  close(): void {
    this.#notifier.clear();
    this.log.close();
  }
}
