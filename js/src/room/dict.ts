import type { Session } from "../client/session";
import { ActionLog } from "./action_log";
import { type Items, ItemsModel } from "./items";
import { Telling } from "./telling";
import { encode, type Value } from "./values";

/**
 * Several values under one key. Who sets one item leaves the others as they are; of two who set
 * the same the later counts, and all see the same.
 */
export class SharedDict<T = Value> {
  private readonly model: ItemsModel<T>;
  private readonly telling: Telling<Items<T>>;
  private readonly log: ActionLog<Items<T>>;

  /** Made by `Room.dict`. `initial` is what it holds in a room that has none yet. */
  constructor(session: Session, key: string, initial: Items<T> = {}) {
    this.model = new ItemsModel<T>(encode(initial));
    this.telling = new Telling(this.model);
    const touched = (restarted: boolean) => this.telling.touched(restarted);
    this.log = new ActionLog(session, key, this.model, touched);
  }

  get key(): string {
    return this.log.key;
  }

  get ready(): Promise<void> {
    return this.log.ready;
  }

  /** All items; made when it is read, and the same object until one changes. It is frozen. */
  get value(): Items<T> {
    return this.model.value;
  }

  /** One item; frozen, too. */
  get(name: string): T | undefined {
    return this.model.get(name);
  }

  /** Set some items at once: others see all or none. Resolves when the room has them. */
  set(items: Items<T>): Promise<void> {
    return this.log.dispatch({ set: items });
  }

  /** Remove some items. */
  remove(...names: string[]): Promise<void> {
    return this.log.dispatch({ remove: names });
  }

  /** Call a function with all items when any is another; returns what ends that. */
  subscribe(listener: (items: Items<T>) => void): () => void {
    return this.telling.add(listener);
  }

  /** Resolves with all items as soon as the predicate is true of them; rejects as a reducer's. */
  waitFor(predicate: (items: Items<T>) => boolean, signal?: AbortSignal): Promise<Items<T>> {
    return this.log.waitFor(this, predicate, signal);
  }

  /** Hear no more; what was set is on its way. */
  close(): void {
    this.telling.clear();
    this.log.close();
  }
}
