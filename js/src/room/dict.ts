import type { Session } from "../client/session";
import { Folded } from "./folded";
import { type Items, ItemsModel } from "./items";
import { encode, type Value } from "./values";

/**
 * Several values under one key. Who sets one item leaves the others as they are; of two who set
 * the same the later counts, and all see the same. Setting one costs the same however many there
 * are; `value`, the object of all items, is made when it is read.
 */
export class SharedDict<T = Value> extends Folded<Items<T>> {
  private readonly items: ItemsModel<T>;

  /** Made by `Room.dict`. `initial` is what it holds in a room that has none yet. */
  constructor(session: Session, key: string, initial: Items<T> = {}) {
    const items = new ItemsModel<T>(encode(initial), session.bigint);
    super(session, key, items, "dict");
    this.items = items;
  }

  /** One item; frozen, too. */
  get(name: string): T | undefined {
    return this.items.get(name);
  }

  /** Set some items at once: others see all or none. Resolves when the room has them. */
  set(items: Items<T>): Promise<void> {
    return this.log.dispatch({ set: items });
  }

  /** Remove some items. */
  remove(...names: string[]): Promise<void> {
    return this.log.dispatch({ remove: names });
  }
}
