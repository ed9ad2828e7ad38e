import type { Json } from "../protocol/messages";
import type { Model } from "./fold";
import { freeze } from "./reduction";
import { decode, type Items, membersOf, objectOf } from "./values";

/** A change to some items, as they travel: what is removed, and then what is set. */
interface Step {
  readonly set: readonly (readonly [string, Json])[];
  readonly remove: readonly string[];
}

/** One item as it travels, and as it is shown: frozen, and decoded when somebody asks for it. */
class Item<T> {
  #made: { readonly value: T } | null = null;

  readonly #bigint: boolean;

  constructor(
    readonly json: Json,
    bigint: boolean,
  ) {
    this.#bigint = bigint;
  }

  get value(): T {
    this.#made ??= { value: freeze(decode(this.json, this.#bigint)) as T };
    return this.#made.value;
  }

  equals(other: Item<T> | null): boolean {
    return other !== null && JSON.stringify(this.json) === JSON.stringify(other.json);
  }
}

/**
 * The items of a dictionary. Each step costs what it changes: the room's items stand in one map,
 * and what the own pending steps leave of some names in another before it
 * (driftdb_jupyter.client.objects.dictionary).
 */
export class ItemsModel<T> implements Model<Items<T>> {
  /** Nothing is ever applied twice. */
  readonly behind = 0;
  readonly #confirmed = new Map<string, Item<T>>();
  readonly #own = new Map<string, Step>();
  /** By name: what the own steps leave (`null`: nothing), and how many of them mean it. */
  readonly #shown = new Map<string, { item: Item<T> | null; count: number }>();
  #made: Items<T> | null = null;
  /** Whether others' new items came between own pending ones, so that their order is another. */
  #isMixed = false;

  readonly #initial: Json;
  readonly #bigint: boolean;

  /** `bigint`: as of `decode`. */
  constructor(initial: Json, bigint: boolean = false) {
    this.#initial = initial;
    this.#bigint = bigint;
    this.begin();
  }

  get value(): Items<T> {
    this.#made ??= Object.freeze(Object.fromEntries(this.#entries()));
    return this.#made;
  }

  get pending(): number {
    return this.#own.size;
  }

  get(name: string): T | undefined {
    return this.#lookUp(name)?.value;
  }

  /** Some items as they travel; null for one that there isn't. */
  inRoom(names: readonly string[]): Json {
    return objectOf(names.map((name) => [name, this.#lookUp(name)?.json ?? null]));
  }

  begin(snapshot = this.#initial): void {
    this.#confirmed.clear();
    // What holds no items is an empty one: anybody may have written it.
    for (const [name, json] of Object.entries(membersOf(snapshot) ?? {}))
      this.#confirmed.set(name, new Item(json, this.#bigint));
    this.#made = null;
  }

  apply(action: Json, mark = ""): boolean {
    const [oldest] = this.#own.keys();
    const isOwn = this.#own.has(mark);
    const isNext = mark === oldest;
    if (isOwn) this.#forget(mark);
    const step = read(action);
    let changed = isOwn && !isNext;
    for (const name of step.remove) {
      changed ||= !isOwn && this.#confirmed.has(name) && !this.#shown.has(name);
      this.#confirmed.delete(name);
    }
    for (const [name, json] of step.set) {
      const item = new Item<T>(json, this.#bigint);
      const before = this.#confirmed.get(name) ?? null;
      changed ||= !isOwn && !this.#shown.has(name) && !item.equals(before);
      this.#isMixed ||= !isOwn && before === null && this.#own.size > 0;
      this.#confirmed.set(name, item);
    }
    if (changed || (this.#isMixed && this.#own.size === 0)) this.#redraw();
    return changed;
  }

  propose(mark: string, action: Json): void {
    const step = read(action);
    this.#own.set(mark, step);
    this.#show(step);
    this.#made = null;
  }

  withdraw(mark: string): boolean {
    if (!this.#own.has(mark)) return false;
    this.#forget(mark);
    this.#redraw();
    return true;
  }

  snapshot(): Json {
    return objectOf([...this.#confirmed].map(([name, { json }]) => [name, json] as const));
  }

  #redraw(): void {
    this.#made = null;
    this.#isMixed &&= this.#own.size > 0;
  }

  #lookUp(name: string): Item<T> | null | undefined {
    const own = this.#shown.get(name);
    return own === undefined ? this.#confirmed.get(name) : own.item;
  }

  *#entries(): Generator<readonly [string, T]> {
    for (const [name, item] of this.#confirmed) {
      const own = this.#shown.get(name);
      if (own === undefined) yield [name, item.value];
      else if (own.item !== null) yield [name, own.item.value];
    }
    for (const [name, { item }] of this.#shown)
      if (item !== null && !this.#confirmed.has(name)) yield [name, item.value];
  }

  /** Put what an own step leaves before the room's items. */
  #show({ remove, set }: Step): void {
    const put = (name: string, item: Item<T> | null) => {
      const count = (this.#shown.get(name)?.count ?? 0) + 1;
      this.#shown.set(name, { item, count });
    };
    for (const name of remove) put(name, null);
    for (const [name, json] of set) put(name, new Item<T>(json, this.#bigint));
  }

  /** Take an own step away from before the room's items. */
  #forget(mark: string): void {
    const [own, shown] = [this.#own, this.#shown];
    const [oldest] = own.keys();
    const { remove, set } = own.get(mark) as Step;
    own.delete(mark);
    if (mark !== oldest) {
      // It may be what is shown of some names, though it is not the newest.
      shown.clear();
      for (const step of own.values()) this.#show(step);
      return;
    }
    for (const name of [...remove, ...set.map(([each]) => each)]) {
      const left = shown.get(name);
      if (left === undefined || left.count === 1) shown.delete(name);
      else left.count -= 1;
    }
  }
}

/** A step of anybody's; what is none changes nothing, as Python has it. */
function read(action: Json): Step {
  const { set, remove = [] } = membersOf(action) ?? {};
  const members = set === undefined ? {} : membersOf(set);
  if (members === null || !Array.isArray(remove)) return { set: [], remove: [] };
  const names = remove.filter((name) => typeof name === "string");
  return { set: Object.entries(members), remove: [...new Set(names)] };
}
