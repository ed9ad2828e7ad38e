import { Deferred } from "../client/deferred";
import type { Refused } from "../client/errors";

/** Where a loop gets its values from. */
export interface Source<T> {
  /** Whether there is a value. */
  readonly hasNext: boolean;
  /** Take the next value. */
  next(): T;
}

/** Values that are yet to come, for a `for await` loop. */
export class Feed<T> implements AsyncIterableIterator<T> {
  /** How many values were dropped before the loop asked for them, because it was too slow. */
  missed = 0;
  readonly #source: Source<T>;
  readonly #leave: () => void;
  readonly #waiting: Deferred<IteratorResult<T>>[] = [];
  #ended = false;
  /** Why it ended, which the loop is still to be told. */
  #error: Refused | null = null;

  /** @internal */
  constructor(source: Source<T>, leave: () => void) {
    this.#source = source;
    this.#leave = leave;
  }

  /** @internal There may be a value. */
  wake(): void {
    while (this.#waiting.length > 0 && this.#source.hasNext)
      this.#waiting.shift()?.resolve({ value: this.#source.next(), done: false });
  }

  /** @internal End the loop behind what is there: with an error where nobody here wanted that. */
  end(error: Refused): void {
    if (this.#ended) return;
    if (error.code !== "closed") {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.#error = error;
      else waiter.reject(error);
    }
    void this.return();
  }

  /** The next value, as soon as there is one. Rejects with a `Refused` where none will come. */
  async next(): Promise<IteratorResult<T>> {
    if (this.#source.hasNext) return { value: this.#source.next(), done: false };
    const error = this.#error;
    this.#error = null;
    if (error !== null) throw error;
    if (this.#ended) return END;
    const waiter = new Deferred<IteratorResult<T>>();
    this.#waiting.push(waiter);
    return waiter.promise;
  }

  /** End the loop; leaving it with `break` does so, too. */
  async return(): Promise<IteratorResult<T>> {
    if (!this.#ended) {
      this.#ended = true;
      this.#leave();
      for (const waiter of this.#waiting.splice(0)) waiter.resolve(END);
    }
    return END;
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

const END = { value: undefined, done: true } as const;
