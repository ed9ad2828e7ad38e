import type { Json } from "../protocol/messages";
import type { Model } from "./fold";
import { collect, decode, encode, type Long } from "./values";

/**
 * What a function makes of a value and actions, one after the other. It must not change them: they
 * are frozen, so that it throws if it does, and nothing has to be copied.
 */
export class Reduction<S, A> implements Model<S> {
  /** What the room's order has made. */
  protected confirmed: S;
  /** `null`: it is to be made of `confirmed` and the own actions, when it is asked for. */
  protected shown: { readonly value: S } | null = null;
  protected readonly own = new Map<string, Json>();
  /** Long integers that may be in the value: `fn` knows the nearest numbers. */
  readonly long: Long = new Map();
  #longLimit = LONG_LIMIT;
  #hasThrown = false;

  readonly #key: string;
  readonly #fn: (value: S, action: A) => S;
  readonly #initial: Json;
  protected readonly bigint: boolean;

  constructor(key: string, fn: (value: S, action: A) => S, initial: Json, bigint: boolean = false) {
    this.#key = key;
    this.#fn = fn;
    this.#initial = initial;
    this.bigint = bigint;
    this.confirmed = this.#begun(initial);
  }

  get value(): S {
    this.shown ??= { value: [...this.own.values()].reduce(this.applied, this.basis) };
    return this.shown.value;
  }

  get pending(): number {
    return this.own.size;
  }

  get behind(): number {
    return this.shown === null ? this.own.size : 0;
  }

  begin(snapshot = this.#initial): void {
    this.long.clear();
    this.confirmed = this.#begun(snapshot);
    this.shown = null;
  }

  apply(action: Json, mark = ""): boolean {
    const [own, shown] = [this.own, this.shown];
    const [oldest] = own.keys();
    own.delete(mark);
    const isKnown = mark === oldest && shown !== null;
    // Nobody's came between: what is shown has it already.
    const isSame = isKnown && own.size === 0;
    this.confirmed = isSame ? shown.value : this.applied(this.confirmed, action);
    if (!isKnown) this.shown = null;
    return !isKnown;
  }

  propose(mark: string, action: Json): void {
    const next = this.#call(this.value, action);
    this.own.set(mark, action);
    this.shown = { value: next };
  }

  withdraw(mark: string): boolean {
    const was = this.own.delete(mark);
    if (was) this.shown = null;
    return was;
  }

  snapshot(): Json {
    return encode(this.confirmed, this.long);
  }

  /** Where the own actions begin. */
  protected get basis(): S {
    return this.confirmed;
  }

  protected read(json: Json): unknown {
    return freeze(decode(json, this.bigint));
  }

  /** What the function returned, made of `before`. */
  protected made(next: S, before: S): S {
    return freeze(next, before);
  }

  /** Whether the function threw because it changes what it gets, which is frozen. */
  protected changes(value: S, action: A): boolean {
    try {
      this.#fn(structuredClone(value), structuredClone(action));
      return true;
    } catch {
      return false;
    }
  }

  /** An action for which the function throws has no effect. */
  protected readonly applied = (value: S, action: Json): S => {
    try {
      return this.#call(value, action);
    } catch (error) {
      this.#report(error);
      return value;
    }
  };

  #begun(snapshot: Json): S {
    this.#collectLong(snapshot);
    return this.read(snapshot) as S;
  }

  #call(value: S, action: Json): S {
    this.#collectLong(action);
    // Each value has an action of its own, which may become a part of it.
    const read = this.read(action) as A;
    try {
      return this.made(this.#fn(value, read), value);
    } catch (error) {
      if (!(error instanceof TypeError) || !this.changes(value, read)) throw error;
      const explained = new TypeError(`${this.#key}: ${NOT_IN_PLACE}`, { cause: error });
      this.#report(explained);
      throw explained;
    }
  }

  /** Say once in the console what the function throws. */
  #report(error: unknown): void {
    if (!this.#hasThrown) console.error(`driftdb: ${this.#key}: an action has no effect:`, error);
    this.#hasThrown = true;
  }

  #collectLong(json: Json): void {
    collect(json, this.long);
    if (this.long.size <= this.#longLimit) return;
    // Forget those that are in the value no more.
    const used = [json, this.snapshot(), ...this.own.values()];
    this.long.clear();
    collect(used, this.long);
    this.#longLimit = Math.max(LONG_LIMIT, 2 * this.long.size);
  }
}

const NOT_IN_PLACE =
  "a reducer returns a new value; it must not change the one it gets, nor the action " +
  "(copy them first: { ...value }, [...value])";

/** How many long integers are noted before those are forgotten that are used no more. */
const LONG_LIMIT = 1_000;

/**
 * Freeze a value, and all arrays and plain objects in it. What it has in common with `before`,
 * which is frozen, is passed over.
 */
export function freeze<T>(value: T, before?: unknown): T {
  if (typeof value !== "object" || value === null || value === before) return value;
  if (Object.isFrozen(value)) return value;
  const old = (before ?? {}) as Record<string | number, unknown>;
  if (Array.isArray(value)) {
    Object.freeze(value);
    for (let place = 0; place < value.length; place += 1) {
      const item: unknown = value[place];
      if (typeof item === "object" && item !== old[place]) freeze(item, old[place]);
    }
  } else {
    const kind: unknown = Object.getPrototypeOf(value);
    if (kind !== Object.prototype && kind !== null) return value; // bytes, dates
    Object.freeze(value);
    for (const [name, member] of Object.entries(value))
      if (typeof member === "object" && member !== old[name]) freeze(member, old[name]);
  }
  return value;
}
