import type { Session } from "../client/session";
import { ActionLog } from "./action_log";
import { FROZEN, Reduction } from "./reduction";
import { Telling } from "./telling";
import { encode, type Value } from "./values";

/**
 * A value that everybody in a room changes by actions, in one order for all. `fn(value, action)`
 * returns the next value; it has to be the same for all who take part, and depend on nothing else.
 * It must not change what it is given: values and actions are frozen, so that it throws if it does.
 * Own actions show at once, and are applied anew behind those that the room ordered before them.
 * An action for which `fn` throws counts for nothing.
 */
export class SharedReducer<S = Value, A = Value> {
  private readonly model: Reduction<S, A>;
  private readonly telling: Telling<S>;
  private readonly log: ActionLog<S>;

  /**
   * Made by `Room.reducer`. `initial`: where it begins in a room that has nothing yet. `compactAt`:
   * of how many actions a snapshot takes the place, at least.
   */
  constructor(
    session: Session,
    key: string,
    fn: (value: S, action: A) => S,
    initial: S,
    compactAt?: number,
  ) {
    this.model = new Reduction<S, A>(key, fn, encode(initial), FROZEN);
    this.telling = new Telling(this.model);
    const touched = (restarted: boolean) => this.telling.touched(restarted);
    this.log = new ActionLog(
      session,
      key,
      this.model,
      touched,
      compactAt === undefined ? {} : { compactAt },
    );
  }

  get key(): string {
    return this.log.key;
  }

  /** Resolves when the room's value was heard for the first time. */
  get ready(): Promise<void> {
    return this.log.ready;
  }

  /**
   * The value now, own actions included; the same object until it changes. It is frozen: dispatch
   * an action to change it.
   */
  get value(): S {
    return this.model.value;
  }

  /**
   * Apply an action; resolves when the room has it. Rejects with what `fn` throws for it, and
   * with `QueueFull`.
   */
  dispatch(action: A): Promise<void> {
    return this.log.dispatch(action);
  }

  /** Call a function with the value when it is another; returns what ends that. */
  subscribe(listener: (value: S) => void): () => void {
    return this.telling.add(listener);
  }

  /**
   * Resolves with the value as soon as the predicate is true of it. Rejects with what the predicate
   * throws, with the signal's reason, and with a `Refused` when it, or the room, is closed.
   */
  waitFor(predicate: (value: S) => boolean, signal?: AbortSignal): Promise<S> {
    return this.log.waitFor(this, predicate, signal);
  }

  /** Hear no more; what was dispatched is on its way. */
  close(): void {
    this.telling.clear();
    this.log.close();
  }
}
