/**
 * What is yet to come, for a `for await` loop. Of what nobody took, so many are remembered.
 */
export class Feed<T> implements AsyncIterableIterator<T> {
  /** How many were forgotten, for the loop was too slow. */
  missed = 0;
  private readonly ready: T[] = [];
  private readonly waiting: ((result: IteratorResult<T>) => void)[] = [];
  private ended = false;

  constructor(
    private readonly limit: number,
    private readonly leave: () => void,
  ) {}

  /** Hand something to the loop. */
  push(value: T): void {
    const waiter = this.waiting.shift();
    if (waiter !== undefined) waiter({ value, done: false });
    else if (this.ready.push(value) > this.limit) {
      this.ready.shift();
      this.missed += 1;
    }
  }

  next(): Promise<IteratorResult<T>> {
    if (this.ready.length > 0)
      return Promise.resolve({ value: this.ready.shift() as T, done: false });
    if (this.ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** End the loop; leaving it with `break` does so, too. */
  return(): Promise<IteratorResult<T>> {
    if (!this.ended) {
      this.ended = true;
      this.leave();
      for (const waiter of this.waiting.splice(0)) waiter({ value: undefined, done: true });
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** So many values a feed remembers. */
export const FEED_LIMIT = 10_000;
