import type { Source } from "./feed";

/** The newest values that a loop has not asked for yet. */
export class Buffer<T> implements Source<T> {
  readonly #values: T[] = [];
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get hasNext(): boolean {
    return this.#values.length > 0;
  }

  next(): T {
    return this.#values.shift() as T;
  }

  /** Add a value; returns how many were dropped for it. */
  put(value: T): number {
    if (this.#values.push(value) <= this.#limit) return 0;
    this.#values.shift();
    return 1;
  }
}
