import type { Refused } from "../client/errors";

/** Where a loop gets its values from. */
export interface Source<T> {
  /** Whether there is one. */
  readonly hasNext: boolean;
  take(): T;
}

/** What is yet to come, for a `for await` loop. */
export class Feed<T> implements AsyncIterableIterator<T> {
  /** How many values the loop was too slow for: they were forgotten before it asked for them. */
  missed = 0;
  private readonly waiting: {
    resolve(result: IteratorResult<T>): void;
    reject(error: Error): void;
  }[] = [];
  private ended = false;
  /** What the loop is still to be told. */
  private error: Refused | null = null;

  constructor(
    private readonly source: Source<T>,
    private readonly leave: () => void,
  ) {}

  /** There may be a value. */
  wake(): void {
    while (this.waiting.length > 0 && this.source.hasNext)
      this.waiting.shift()?.resolve({ value: this.source.take(), done: false });
  }

  /** End the loop behind what is there: with an error where nobody here wanted that. */
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
    if (this.source.hasNext) return Promise.resolve({ value: this.source.take(), done: false });
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

/** Values that are kept for a loop alone, the newest of them. */
export class Buffer<T> implements Source<T> {
  private readonly values: T[] = [];

  constructor(private readonly limit: number) {}

  get hasNext(): boolean {
    return this.values.length > 0;
  }

  take(): T {
    return this.values.shift() as T;
  }

  /** Add a value; returns how many were forgotten for it. */
  put(value: T): number {
    if (this.values.push(value) <= this.limit) return 0;
    this.values.shift();
    return 1;
  }
}

const END = { value: undefined, done: true } as const;
