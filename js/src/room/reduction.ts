import { LongInteger } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import type { Model } from "./fold";
import { decode, encode } from "./values";

/** How a reducer's function may treat the value that it is given. */
export interface Treatment {
  read(json: Json, bigint: boolean): unknown;
  /** What the function returned, made of `before`. */
  made<S>(next: S, before: S): S;
  /** Where the function is applied twice to one value: another that is its like. */
  copy<S>(value: S): S;
  /** Whether what is shown may be the very object that the room's order has made. */
  readonly shares: boolean;
}

/** It must not change it: values are frozen, so that it throws if it does. Nothing is copied. */
export const FROZEN: Treatment = {
  read: (json, bigint) => freeze(decode(json, bigint)),
  made: freeze,
  copy: (value) => value,
  shares: true,
};

/**
 * It may change it, as DriftDB's client lets it: there are two values, that of the room's order and
 * the shown one. They are copied where others' actions come between own ones.
 */
export const COPIED: Treatment = {
  read: decode,
  made: (next) => next,
  copy: (value) => structuredClone(value),
  shares: false,
};

/** What a function makes of a value and actions, one after the other. */
export class Reduction<S, A> implements Model<S> {
  #confirmed: S;
  /** `null`: it is to be made of `confirmed` and the own actions, when it is asked for. */
  #shown: { readonly value: S } | null = null;
  readonly #own = new Map<string, Json>();
  /** Long integers that may be in the value, by their digits: `fn` knows the nearest numbers. */
  long = new Map<string, LongInteger>();
  #longLimit = LONG_LIMIT;
  #hasThrown = false;

  readonly #key: string;
  readonly #fn: (value: S, action: A) => S;
  readonly #initial: Json;
  readonly #treatment: Treatment;
  readonly #bigint: boolean;

  constructor(
    key: string,
    fn: (value: S, action: A) => S,
    initial: Json,
    treatment: Treatment,
    bigint: boolean = false,
  ) {
    this.#key = key;
    this.#fn = fn;
    this.#initial = initial;
    this.#treatment = treatment;
    this.#bigint = bigint;
    this.#confirmed = this.#read(initial);
  }

  get value(): S {
    if (this.#shown === null) {
      let value = this.#treatment.copy(this.#confirmed);
      for (const action of this.#own.values()) value = this.#applied(value, action);
      this.#shown = { value };
    }
    return this.#shown.value;
  }

  get pending(): number {
    return this.#own.size;
  }

  get behind(): number {
    return this.#shown === null ? this.#own.size : 0;
  }

  begin(snapshot = this.#initial): void {
    this.long.clear();
    this.#confirmed = this.#read(snapshot);
    this.#shown = null;
  }

  apply(action: Json, mark = ""): boolean {
    const [own, shown, { shares }] = [this.#own, this.#shown, this.#treatment];
    const [oldest] = own.keys();
    const isNext = mark === oldest;
    const isOwn = own.delete(mark);
    if (isNext && shown !== null) {
      // Nobody's came between: what is shown has it already.
      const isSame = shares && own.size === 0;
      this.#confirmed = isSame ? shown.value : this.#applied(this.#confirmed, action);
      return false;
    }
    this.#confirmed = this.#applied(this.#confirmed, action);
    if (shares || shown === null || isOwn || own.size > 0) this.#shown = null;
    else this.#shown = { value: this.#applied(shown.value, action) };
    return true;
  }

  propose(mark: string, action: Json): void {
    const { value } = this;
    let next: S;
    try {
      next = this.#call(value, action);
    } catch (error) {
      if (!this.#treatment.shares) this.#shown = null; // it may have been changed in part
      throw error;
    }
    this.#own.set(mark, action);
    this.#shown = { value: next };
  }

  withdraw(mark: string): boolean {
    const was = this.#own.delete(mark);
    if (was) this.#shown = null;
    return was;
  }

  snapshot(): Json {
    return encode(this.#confirmed, [...this.long.values()]);
  }

  #read(snapshot: Json): S {
    this.#collectLong(snapshot);
    return this.#treatment.read(snapshot, this.#bigint) as S;
  }

  #call(value: S, action: Json): S {
    this.#collectLong(action);
    // Each value has an action of its own, which may become a part of it.
    const read = this.#treatment.read(action, this.#bigint) as A;
    try {
      return this.#treatment.made(this.#fn(value, read), value);
    } catch (error) {
      if (!(error instanceof TypeError) || !this.#changes(value, read)) throw error;
      const explained = new TypeError(`${this.#key}: ${NOT_IN_PLACE}`, { cause: error });
      this.#report(explained);
      throw explained;
    }
  }

  /** Whether the function threw because it changes what it gets, which is frozen. */
  #changes(value: S, action: A): boolean {
    if (!this.#treatment.shares) return false;
    try {
      this.#fn(structuredClone(value), structuredClone(action));
      return true;
    } catch {
      return false;
    }
  }

  /** An action for which the function throws has no effect. */
  #applied(value: S, action: Json): S {
    try {
      return this.#call(value, action);
    } catch (error) {
      this.#report(error);
      return value;
    }
  }

  /** Say once in the console what the function throws. */
  #report(error: unknown): void {
    if (!this.#hasThrown) console.error(`driftdb: ${this.#key}: an action has no effect:`, error);
    this.#hasThrown = true;
  }

  #collectLong(json: Json): void {
    if (json instanceof LongInteger) this.long.set(json.digits, json);
    else if (typeof json === "object" && json !== null)
      for (const part of Object.values(json)) this.#collectLong(part);
    if (this.long.size <= this.#longLimit) return;
    // Forget those that are in the value no more.
    this.#longLimit = Number.POSITIVE_INFINITY;
    const used = [json, this.snapshot(), ...this.#own.values()];
    this.long.clear();
    for (const each of used) this.#collectLong(each);
    this.#longLimit = Math.max(LONG_LIMIT, 2 * this.long.size);
  }
}

const NOT_IN_PLACE =
  "a reducer returns a new value; it must not change the one it gets, nor the action " +
  "(copy them first, as in { ...value } or [...value])";

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
