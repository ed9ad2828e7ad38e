import type { Kind } from "../client/kind";
import type { Session } from "../client/session";
import { ActionLog, type Lengths } from "./action_log";
import type { Model } from "./fold";
import { Telling } from "./telling";

/** What reducers and dictionaries have in common: a value that actions make. */
export class Folded<V> {
  protected readonly log: ActionLog<V>;
  private readonly telling: Telling<V>;

  protected constructor(
    session: Session,
    readonly key: string,
    private readonly model: Model<V>,
    kind: Kind,
    lengths?: Partial<Lengths>,
  ) {
    this.telling = new Telling(model);
    const touched = (restarted: boolean) => this.telling.touched(restarted);
    this.log = new ActionLog(session, key, model, touched, lengths, kind);
  }

  /** Resolves when the room's value was heard for the first time. */
  get ready(): Promise<void> {
    return this.log.ready;
  }

  /** The value now, own actions included: frozen, and the same object until it changes. */
  get value(): V {
    return this.model.value;
  }

  /** Call a function with the value when it is another; returns what ends that. */
  subscribe(listener: (value: V) => void): () => void {
    return this.telling.add(listener);
  }

  /**
   * Resolves with the value as soon as the predicate is true of it. Rejects with what the predicate
   * throws, with the signal's reason, and with a `Refused` when it, or the room, is closed.
   */
  waitFor(predicate: (value: V) => boolean, signal?: AbortSignal): Promise<V> {
    return this.log.waitFor(this, predicate, signal);
  }

  /** Hear no more; what was written is on its way. */
  close(): void {
    this.telling.clear();
    this.log.close();
  }
}
