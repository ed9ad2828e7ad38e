import { check } from "../client/check";
import type { Session } from "../client/session";
import { isObject, type Json } from "../protocol/messages";
import { Folded } from "./folded";
import { ItemsModel } from "./items";
import { encode, type Items, type Value } from "./values";

/**
 * A dictionary that everybody in a room shares. Setting one item leaves the others as they are; if
 * two clients set the same item, the later one counts, for all. Setting an item costs the same
 * however many there are; `value`, the object of all items, is made when it is read.
 */
export class SharedDict<T = Value> extends Folded<Items<T>> {
  readonly #items: ItemsModel<T>;

  /** @internal `initial` is what it holds in a room that has none yet. */
  constructor(session: Session, key: string, initial: Items<T> = {}) {
    check(isObject(initial as Json), "an object", initial);
    const items = new ItemsModel<T>(encode(initial), session.bigint);
    super(session, key, items, "dict");
    this.#items = items;
  }

  /** One item, frozen; `undefined`: there is none. */
  get(name: string): T | undefined {
    return this.#items.get(name);
  }

  /**
   * Set some items at once: others see all of them or none. Resolves when the room has them.
   * Rejects with `QueueFull`.
   */
  set(items: Items<T>): Promise<void> {
    check(isObject(items as Json), "an object", items);
    return this.log.dispatch({ set: items }, { set: this.#items.inRoom(Object.keys(items)) });
  }

  /** Remove some items; resolves when the room has done so. */
  remove(...names: string[]): Promise<void> {
    for (const name of names) check(typeof name === "string", "a name", name);
    return this.log.dispatch({ remove: names });
  }
}
