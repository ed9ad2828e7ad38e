import { randomText } from "../client/random";
import { parse, stringify } from "../protocol/integers";
import { type Entry, isObject, type Json } from "../protocol/messages";

/** What each action costs a room beside its own length, in bytes. */
const ACTION_BYTES = 200;

/** A value that actions make: those that the room ordered, and own ones behind them. */
export interface Model<V> {
  /** The value with the own actions; the same object until it changes. */
  readonly value: V;
  /** How many own actions the room has not ordered yet. */
  readonly pending: number;
  /** How many actions have to be applied to make `value`. */
  readonly behind: number;
  /** Begin with a snapshot of what the room has; without one with the initial value. */
  begin(snapshot?: Json): void;
  /**
   * Apply the room's next action; `mark` is whose it is, if it says so. Returns whether `value`
   * may be another.
   */
  apply(action: Json, mark?: string): boolean;
  /** Apply an own action, behind all others. Throws what the function throws; then it is not. */
  propose(mark: string, action: Json): void;
  /** Take an own action back, if it is pending; returns whether it was. */
  withdraw(mark: string): boolean;
  /** The value that the room has, without the pending actions, as it travels. */
  snapshot(): Json;
}

/** A snapshot in parts that lacks some of them (protocol, "Snapshots in parts"). */
interface Unfinished {
  readonly of: string;
  readonly count: number;
  readonly texts: Map<Json | undefined, string>;
  /** What the room ordered behind it. */
  readonly actions: Json[];
}

/**
 * The actions and snapshots of a stream in the room's order, applied to a model. So all folds of a
 * stream end equal, those of Python (driftdb_jupyter.client.session.fold) too.
 */
export class Fold<V> {
  /** The newest number that was heard. */
  seq = 0;
  /** How many actions the stream holds, as far as this knows; a snapshot counts as one. */
  length = 0;
  /** What these cost the room, in bytes. */
  cost = 0;
  /** Whether the stream holds nothing. */
  isEmpty = true;
  /** Whether the model holds what the room has forgotten, so that it is to be offered anew. */
  isLeftOver = false;
  /** Whether the model holds nothing but the initial value. */
  isInitial = true;
  readonly #source = randomText(12);
  #count = 0;
  #unfinished: Unfinished | null = null;
  /** The stream's first value, by which it is known again in another epoch. */
  #first: string | null = null;

  readonly #lost: () => void;

  /** `lost` hears that what the room has forgotten is not what it goes on from. */
  constructor(
    readonly model: Model<V>,
    lost: () => void = () => {},
  ) {
    this.#lost = lost;
  }

  /** Whether parts of a snapshot have not come yet. */
  get isUnfinished(): boolean {
    return this.#unfinished !== null;
  }

  /** Apply an own action; returns its mark. Throws what the function throws. */
  propose(action: Json): string {
    this.#count += 1;
    const mark = `${this.#source}-${this.#count}`;
    this.model.propose(mark, action);
    return mark;
  }

  /** The stream holds just these. */
  startOver(held: readonly Entry[], sameEpoch: boolean): void {
    const goesOn = this.isLeftOver && sameEpoch;
    const first = held[0] === undefined ? null : stringify(held[0].value);
    const isKnown = first !== null && first === this.#first;
    this.#first = first;
    const before = goesOn ? this.seq : 0;
    this.seq = before;
    this.length = this.cost = 0;
    this.isEmpty = held.length === 0;
    this.#unfinished = null;
    this.isLeftOver = goesOn || (!sameEpoch && !isKnown && !this.isInitial);
    if (!this.isLeftOver) {
      this.model.begin();
      this.isInitial = true;
    }
    for (const entry of held) if (entry.seq > before) this.receive(entry);
  }

  /** The stream's next entry; returns whether the model's value may be another. */
  receive({ value, seq }: Entry): boolean {
    if (this.isEmpty) this.#first = stringify(value);
    this.isEmpty = false;
    this.seq = seq;
    if (!isObject(value)) return false; // it counts for nothing
    const { apply, reset, parts, part, of, text, i } = value;
    if (reset !== undefined) {
      // Who knows more than where it begins, keeps that.
      const isInitial = typeof value.initial === "string";
      if (isInitial && this.isLeftOver) return false;
      this.#restart(reset, isInitial);
      return true;
    }
    if (apply !== undefined) {
      this.length += 1;
      this.cost += ACTION_BYTES + JSON.stringify(apply).length;
      this.#unfinished?.actions.push(apply);
      this.isInitial = false;
      return this.model.apply(apply, typeof i === "string" ? i : undefined);
    }
    if (typeof of !== "string") return false;
    if (Number.isSafeInteger(parts) && (parts as number) > 0)
      this.#unfinished = { of, count: parts as number, texts: new Map(), actions: [] };
    else if (of === this.#unfinished?.of && typeof text === "string")
      return this.#add(this.#unfinished, part, text);
    return false;
  }

  #add(unfinished: Unfinished, part: Json | undefined, text: string): boolean {
    const { texts, count } = unfinished;
    const fits = Number.isSafeInteger(part) && (part as number) >= 0 && (part as number) < count;
    if (fits && !texts.has(part)) texts.set(part, text);
    if (texts.size < count) return false;
    this.#unfinished = null;
    let whole: Json;
    try {
      whole = parse(Array.from({ length: count }, (_, place) => texts.get(place)).join("")) as Json;
    } catch {
      return false; // it counts for nothing
    }
    const { length, cost } = this;
    this.#restart(whole, false, unfinished.actions);
    [this.length, this.cost] = [length, cost];
    return true;
  }

  /** The stream is shorter: its actions have been put together. */
  resize(length: number): void {
    if (length < this.length) this.cost *= length / this.length;
    this.length = length;
  }

  #restart(snapshot: Json, isInitial: boolean, actions: readonly Json[] = []): void {
    const { model, isLeftOver } = this;
    const before = isLeftOver ? stringify(model.snapshot()) : null;
    model.begin(snapshot);
    for (const action of actions) model.apply(action);
    this.#unfinished = null;
    this.isLeftOver = false;
    this.isInitial = isInitial;
    this.length = 1;
    this.cost = 0;
    if (before !== null && before !== stringify(model.snapshot())) this.#lost();
  }
}
