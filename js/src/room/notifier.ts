import { Listeners } from "../client/listeners";
import type { Model } from "./fold";

/** For each change that is heard so many actions may be applied anew. */
const REPLAYED = 16;

/** Tells of a model's value when it is another. Where nobody listens, it isn't made. */
export class Notifier<V> {
  readonly #listeners = new Listeners<[V]>();
  #lastValue: V | undefined;
  #untold = 0;

  readonly #model: Model<V>;

  constructor(model: Model<V>) {
    this.#model = model;
  }

  /** Call a function with the value when it is another; returns what ends that. */
  add(listener: (value: V) => void): () => void {
    if (this.#listeners.size === 0) this.#lastValue = this.#model.value;
    return this.#listeners.add(listener);
  }

  /**
   * Tell of the value, if it is another. `restarted`: it was made anew, and may be equal. While
   * very many own actions wait behind others', it is told of several of these at once.
   */
  changed(restarted: boolean): void {
    if (this.#listeners.size === 0) return;
    this.#untold += 1;
    if (this.#model.behind > REPLAYED * this.#untold) return;
    this.#untold = 0;
    const told = this.#lastValue;
    const { value } = this.#model;
    if (Object.is(value, told)) return;
    this.#lastValue = value;
    if (restarted && JSON.stringify(value) === JSON.stringify(told)) return;
    this.#listeners.notify(value);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
