const FIRST_MILLISECONDS = 250;
const LONGEST_MILLISECONDS = 15_000;

/** How long to wait before the next try: exponential, with full jitter. */
export class Backoff {
  #tries = 0;

  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** The next wait in milliseconds. */
  next(): number {
    const longest = Math.min(LONGEST_MILLISECONDS, FIRST_MILLISECONDS * 2 ** this.#tries);
    this.#tries += 1;
    return this.#random() * longest;
  }

  /** Begin anew: the connection is good. */
  reset(): void {
    this.#tries = 0;
  }
}
