import { Refused } from "../client/errors";
import { wrap } from "../client/form";
import { notify } from "../client/listeners";
import type { StateListener as StateListenerOfSession, StateReplica } from "../client/state";
import { decode, encode } from "../room/values";
import type { DbConnection } from "./connection";

/**
 * A value that everybody in a room sees and sets. `callback` is called with each new one; all
 * clients end with the same value.
 */
export class StateListener<T> {
  /** The value that `callback` was called with last. */
  state: T | null = null;
  /** Its name in the room. */
  readonly key: string;
  /** The connection to the room. */
  readonly db: DbConnection;
  /** What is called with each value. */
  readonly callback: (value: T) => void;
  /** How far apart writes are sent, in milliseconds. */
  readonly debounceMillis: number;
  #replica: StateReplica | null = null;
  readonly #listener: StateListenerOfSession = {
    changed: () => this.#changed(),
    refused: (code, message) => this.db.report(new Refused(code, message), this.key),
  };
  #lastText: string | undefined;
  #end: (() => void) | null = null;

  /** `debounceMillis`: how far apart writes are sent; 20 by default. */
  constructor(opts: {
    callback: (value: T) => void;
    db: DbConnection;
    key: string;
    debounceMillis?: number;
  }) {
    this.callback = opts.callback;
    this.db = opts.db;
    this.key = opts.key;
    this.debounceMillis = opts.debounceMillis ?? 20;
    this.setStateOptimistic = this.setStateOptimistic.bind(this);
  }

  /** Begin to call `callback`. */
  subscribe(): void {
    this.#end ??= this.db.join((session) => {
      this.#replica = session.state(this.key, this.#listener);
      this.#changed();
      return () => {
        this.#replica = null;
        session.leave(this.key, this.#listener);
      };
    });
  }

  /** Stop calling `callback`. */
  destroy(): void {
    this.#end?.();
    this.#end = null;
  }

  /** Set the value, and call `callback` with it at once. */
  setStateOptimistic(value: T): void {
    const json = encode(value, this.#replica?.value);
    this.#lastText = undefined;
    if (this.#replica !== null) {
      this.#replica.write(json, this.debounceMillis);
    } else {
      const push = { type: "push", key: this.key, value: wrap(json) } as const;
      this.db.send({ ...push, action: { type: "replace" } });
      this.#show(value);
    }
  }

  #changed(): void {
    const value = this.#replica?.value;
    const text = JSON.stringify(value);
    if (value === undefined || text === this.#lastText) return;
    this.#lastText = text;
    this.#show(decode(value) as T);
  }

  #show(value: T): void {
    this.state = value;
    notify([this.callback], value);
  }
}
