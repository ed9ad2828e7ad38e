import { tell } from "../client/listeners";
import { ActionLog } from "../room/action_log";
import { COPIED, Reduction } from "../room/reduction";
import { encode } from "../room/values";
import type { DbConnection } from "./connection";

const SIZE_THRESHOLD = 30;

/**
 * A value that everybody in a room changes by actions. `callback` hears it with each action, own
 * and others'; whoever dispatches at the same time, all end with the same one. `reducer` may change
 * the state that it is given, and return it.
 */
export class Reducer<T, A> {
  private log: ActionLog<T> | null = null;
  private end: (() => void) | null = null;

  /** `sizeThreshold`: how many actions the room keeps before a snapshot takes their place. */
  constructor(
    private readonly opts: {
      key: string;
      reducer: (state: T, action: A) => T;
      initialValue: T;
      sizeThreshold?: number;
      db: DbConnection;
      callback: (state: T) => void;
    },
  ) {
    this.dispatch = this.dispatch.bind(this);
  }

  /** Begin to hear. */
  subscribe(): void {
    const { db, key, reducer, initialValue, sizeThreshold = SIZE_THRESHOLD } = this.opts;
    this.end ??= db.join((session, again) => {
      const model = new Reduction<T, A>(key, reducer, encode(initialValue), COPIED);
      let hasTold = false;
      const told = () => {
        hasTold = true;
        tell([this.opts.callback], model.value);
      };
      // Another room begins with another value.
      if (again) told();
      // Of a room that holds nothing npm's client hears nothing.
      const touched = (_: boolean, isEmpty: boolean) => (hasTold || !isEmpty) && told();
      const log = new ActionLog(session, key, model, touched, { compactAt: sizeThreshold });
      this.log = log;
      return () => {
        this.log = null;
        log.close();
      };
    });
  }

  /** Hear no more. */
  destroy(): void {
    this.end?.();
    this.end = null;
  }

  /** Apply an action, for everybody. */
  dispatch(action: A): void {
    const { db, key } = this.opts;
    if (this.log !== null) {
      this.log.dispatch(action).catch((error: unknown) => db.report(error, key));
      return;
    }
    const value = { apply: encode(action) };
    db.send({ type: "push", action: { type: "append" }, key, value });
  }
}
