import type { Session } from "../client/session";
import { SharedReducer } from "./reducer";
import type { Value } from "./values";

type Items<T> = Readonly<Record<string, T>>;
interface Step<T> {
  readonly set?: Items<T>;
  readonly remove?: readonly string[];
}

/**
 * Several values under one key. Who sets one item leaves the others as they are; of two who set
 * the same the later counts, and all see the same.
 */
export class SharedDict<T = Value> {
  private readonly reducer: SharedReducer<Items<T>, Step<T>>;

  /** Made by `Room.dict`. `initial` is what it holds in a room that has none yet. */
  constructor(session: Session, key: string, initial: Items<T> = {}) {
    this.reducer = new SharedReducer(session, key, applied<T>, initial);
  }

  get key(): string {
    return this.reducer.key;
  }

  get ready(): Promise<void> {
    return this.reducer.ready;
  }

  /** All items. */
  get value(): Items<T> {
    return itemsOf(this.reducer.value);
  }

  get(name: string): T | undefined {
    return Object.hasOwn(this.value, name) ? this.value[name] : undefined;
  }

  /** Set some items at once: others see all or none. Resolves when the room has them. */
  set(items: Items<T>): Promise<void> {
    return this.reducer.dispatch({ set: items });
  }

  /** Remove some items. */
  remove(...names: string[]): Promise<void> {
    return this.reducer.dispatch({ remove: names });
  }

  /** Call a function with all items when any is another; returns what ends that. */
  subscribe(listener: (items: Items<T>) => void): () => void {
    return this.reducer.subscribe((items) => listener(itemsOf(items)));
  }

  /** Resolves with all items as soon as the predicate is true of them; rejects as a reducer's. */
  async waitFor(predicate: (items: Items<T>) => boolean, signal?: AbortSignal): Promise<Items<T>> {
    return itemsOf(await this.reducer.waitFor((items) => predicate(itemsOf(items)), signal));
  }

  /** Hear no more; what was set is on its way. */
  close(): void {
    this.reducer.close();
  }
}

/** The items after a step (driftdb_jupyter.client.objects.dictionary). */
function applied<T>(items: Items<T>, { set = {}, remove = [] }: Step<T>): Items<T> {
  const removed = new Set(remove);
  const stay = Object.entries(itemsOf(items)).filter(([name]) => !removed.has(name));
  return Object.fromEntries([...stay, ...Object.entries(itemsOf(set))]);
}

/** What holds no items is an empty one: anybody may have written it. */
function itemsOf<T>(items: Items<T> | null): Items<T> {
  return typeof items === "object" && items !== null && !Array.isArray(items) ? items : NOTHING;
}

const NOTHING = {};
