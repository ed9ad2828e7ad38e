import { notify } from "../client/listeners";
import { encode } from "../room/values";
import type { DbConnection } from "./connection";
import { CopiedReducer } from "./copied";

const SIZE_THRESHOLD = 30;

/** What a {@link Reducer} is made of. */
interface ReducerOptions<T, A> {
  /** The key whose stream has the actions. */
  key: string;
  /** Returns the value that an action makes of a value. */
  reducer: (state: T, action: A) => T;
  /** The value where there are no actions yet. */
  initialValue: T;
  /** How many actions the room keeps before a snapshot replaces them. */
  sizeThreshold?: number;
  /** The connection to the room. */
  db: DbConnection;
  /** Called with the value after each action. */
  callback: (state: T) => void;
}

/**
 * A value that everybody in a room changes by actions. `callback` is called with it after each
 * action, own or others'; all clients end with the same value. `reducer` may change the state that
 * it gets in place, and return it.
 */
export class Reducer<T, A> {
  #shared: CopiedReducer<T, A> | null = null;
  #end: (() => void) | null = null;

  readonly #opts: ReducerOptions<T, A>;

  /** `sizeThreshold`: how many actions the room keeps before a snapshot replaces them. */
  constructor(opts: ReducerOptions<T, A>) {
    this.#opts = opts;
    this.dispatch = this.dispatch.bind(this);
  }

  /** Begin to call `callback`. */
  subscribe(): void {
    const { db, key, reducer, initialValue, sizeThreshold = SIZE_THRESHOLD } = this.#opts;
    this.#end ??= db.join((session, again) => {
      const told = (state: T) => notify([this.#opts.callback], state);
      this.#shared = new CopiedReducer(session, key, reducer, initialValue, told, sizeThreshold);
      // Another room begins with another value.
      if (again) told(this.#shared.value);
      return () => {
        this.#shared?.close();
        this.#shared = null;
      };
    });
  }

  /** Stop calling `callback`. */
  destroy(): void {
    this.#end?.();
    this.#end = null;
  }

  /** Apply an action for everybody; it shows at once. */
  dispatch(action: A): void {
    const { db, key } = this.#opts;
    if (this.#shared !== null) {
      this.#shared.dispatch(action).catch((error: unknown) => db.report(error, key));
      return;
    }
    const value = { apply: encode(action) };
    db.send({ type: "push", action: { type: "append" }, key, value });
  }
}
