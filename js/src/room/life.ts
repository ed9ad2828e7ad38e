import { Deferred } from "../client/deferred";
import { closedHere, type Refused } from "../client/errors";

/** What a wait looks at. */
export interface Watched<T> {
  readonly value: T;
  subscribe(listener: () => void): () => void;
}

/** An object's life: from the room's first answer to its end, and who waits in it. */
export class Life {
  /** Resolves with the first answer; rejects where the end comes before it. */
  get ready(): Promise<void> {
    return this.#answer.promise;
  }

  #answer = new Deferred<void>();
  #ended: Refused | null = null;
  readonly #waiting = new Set<(error: Refused) => void>();

  constructor() {
    this.reopen();
  }

  /** The answer is there. */
  begin(): void {
    this.#answer.resolve();
  }

  /** There will be nothing more, for now at least. */
  end(error: Refused = closedHere()): void {
    this.#ended = error;
    for (const end of [...this.#waiting]) end(error);
    this.#waiting.clear();
  }

  /** There may be an answer, after all. */
  reopen(): void {
    this.#ended = null;
    this.#answer = new Deferred();
    this.#waiting.add(this.#answer.reject);
    // Who doesn't wait for it need not hear that it won't come.
    this.ready.catch(() => {});
  }

  /**
   * Resolves with the value as soon as the predicate is true of it. Rejects with what the predicate
   * throws, with the signal's reason, and with a `Refused` at the end.
   */
  waitFor<T>(
    watched: Watched<T>,
    predicate: (value: T) => boolean,
    signal?: AbortSignal,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (error?: unknown) => {
        unsubscribe();
        this.#waiting.delete(end);
        signal?.removeEventListener("abort", abort);
        reject(error);
      };
      const abort = () => end(signal?.reason);
      const look = () => {
        try {
          const { value } = watched;
          if (!predicate(value)) return;
          resolve(value);
          end();
        } catch (error) {
          end(error);
        }
      };
      const unsubscribe = watched.subscribe(look);
      this.#waiting.add(end);
      signal?.addEventListener("abort", abort);
      if (signal?.aborted) abort();
      else look();
      if (this.#ended !== null) end(this.#ended);
    });
  }
}
