import { check } from "./check";

/** Call functions; what one of them throws keeps nobody from hearing. */
export function notify<A extends unknown[]>(
  listeners: Iterable<(...told: A) => unknown>,
  ...told: A
): void {
  notifyEach(listeners, (listener) => listener(...told));
}

/** Do the same with each of several listeners; what one of them throws keeps no other from hearing. */
export function notifyEach<L>(listeners: Iterable<L>, call: (listener: L) => void): void {
  for (const listener of [...listeners]) {
    try {
      call(listener);
    } catch (error) {
      console.error(error);
    }
  }
}

/** Who is to be told of something. */
export class Listeners<A extends unknown[]> {
  readonly #known = new Set<(...told: A) => void>();

  get size(): number {
    return this.#known.size;
  }

  /** Tell somebody from now on; returns what ends that. */
  add(listener: (...told: A) => void): () => void {
    check(typeof listener === "function", "a function", listener);
    const own = (...told: A) => listener(...told); // so that the same one may be added twice
    this.#known.add(own);
    return () => {
      this.#known.delete(own);
    };
  }

  notify(...told: A): void {
    notify(this.#known, ...told);
  }

  clear(): void {
    this.#known.clear();
  }
}
