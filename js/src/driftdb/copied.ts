import type { Kind } from "../client/kind";
import type { Session } from "../client/session";
import { ActionLog } from "../room/action_log";
import { CopiedReduction } from "../room/copied_reduction";
import { encode } from "../room/values";

/**
 * A reducer as npm's is: its function may change the state that it is given, and `told` is called
 * with each action, own and others', but not where the room holds nothing at first. Where others'
 * actions come between own ones the state has to be copied: then it is called a moment later, once
 * for all that came meanwhile. `kind`: what the key has to be; null: anything.
 */
export class CopiedReducer<S, A> {
  readonly #model: CopiedReduction<S, A>;
  readonly #log: ActionLog<S>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasTold = false;

  readonly #onValue: (state: S) => void;

  constructor(
    session: Session,
    key: string,
    reducer: (state: S, action: A) => S,
    initial: S,
    told: (state: S) => void,
    compactAt?: number,
    kind: Kind | null = null,
  ) {
    this.#onValue = told;
    this.#model = new CopiedReduction<S, A>(key, reducer, encode(initial));
    const changed = (_: boolean, isEmpty: boolean) => {
      if (isEmpty && !this.#hasTold) return;
      if (this.#model.behind === 0) this.#notify();
      else this.#timer ??= setTimeout(() => this.#notify());
    };
    const lengths = compactAt === undefined ? {} : { compactAt };
    this.#log = new ActionLog(session, key, this.#model, changed, lengths, kind);
  }

  get value(): S {
    return this.#model.value;
  }

  dispatch(action: A): Promise<void> {
    return this.#log.dispatch(action, this.#model.long);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#log.close();
  }

  #notify(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#hasTold = true;
    this.#onValue(this.#model.value);
  }
}
