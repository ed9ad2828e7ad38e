import type { Refused } from "../client/errors";

/**
 * What is yet to come, for a `for await` loop. Of what nobody took, so many are remembered.
 */
export class Feed<T> implements AsyncIterableIterator<T> {
  /** How many were forgotten, for the loop was too slow. */
  missed = 0;
  private readonly ready: T[] = [];
  private readonly waiting: {
    resolve(result: IteratorResult<T>): void;
    reject(error: Error): void;
  }[] = [];
  private ended = false;
  /** What the loop is still to be told. */
  private error: Error | null = null;

  constructor(
    private readonly limit: number,
    private readonly leave: () => void,
  ) {}

  /** Hand something to the loop. */
  push(value: T): void {
    const waiter = this.waiting.shift();
    if (waiter !== undefined) waiter.resolve({ value, done: false });
    else if (this.ready.push(value) > this.limit) {
      this.ready.shift();
      this.missed += 1;
    }
  }

  /** End the loop behind what is ready: with an error where nobody here wanted that. */
  end(error: Refused): void {
    if (this.ended) return;
    if (error.code !== "closed") {
      const waiter = this.waiting.shift();
      if (waiter === undefined) this.error = error;
      else waiter.reject(error);
    }
    void this.return();
  }

  next(): Promise<IteratorResult<T>> {
    if (this.ready.length > 0)
      return Promise.resolve({ value: this.ready.shift() as T, done: false });
    const { error } = this;
    this.error = null;
    if (error !== null) return Promise.reject(error);
    if (this.ended) return Promise.resolve(END);
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  /** End the loop; leaving it with `break` does so, too. */
  return(): Promise<IteratorResult<T>> {
    if (!this.ended) {
      this.ended = true;
      this.leave();
      for (const waiter of this.waiting.splice(0)) waiter.resolve(END);
    }
    return Promise.resolve(END);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const END = { value: undefined, done: true } as const;

/** So many values a feed remembers. */
export const FEED_LIMIT = 10_000;
