import { check } from "../client/check";
import type { Session } from "../client/session";
import { Folded } from "./folded";
import { Reduction } from "./reduction";
import { encode, type Value } from "./values";

/**
 * A value that everybody in a room changes by actions, in one order for all. `fn(value, action)`
 * returns the next value; it has to be the same function for all, and depend on nothing else. It
 * must not change the value or the action that it gets: both are frozen. Own actions show at once,
 * and are applied again behind those that the room ordered before them. An action for which `fn`
 * throws has no effect.
 */
export class SharedReducer<S = Value, A = Value> extends Folded<S> {
  readonly #model: Reduction<S, A>;

  /**
   * @internal `initial`: where it begins in a room that has nothing yet. `compactAt`: how many
   * actions a snapshot replaces, at least.
   */
  constructor(
    session: Session,
    key: string,
    fn: (value: S, action: A) => S,
    initial: S,
    compactAt?: number,
  ) {
    check(typeof fn === "function", "a function", fn);
    const model = new Reduction<S, A>(key, fn, encode(initial), session.bigint);
    super(session, key, model, "reducer", compactAt === undefined ? {} : { compactAt });
    this.#model = model;
  }

  /**
   * Apply an action; resolves when the room has it. Rejects with what `fn` throws for it, and
   * with `QueueFull`.
   */
  dispatch(action: A): Promise<void> {
    return this.log.dispatch(action, this.#model.long);
  }
}
