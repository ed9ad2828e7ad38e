import { randomText } from "../client/random";
import { type Entry, isObject, type Json } from "../protocol/messages";

/** What stands for all actions up to now. */
export function snapshot(value: Json): Json {
  return { reset: value };
}

/**
 * Applies actions with a pure function, in the room's order; own ones that it has not ordered yet
 * behind. So all folds of a stream end equal, those of Python (driftdb_jupyter.client.session.fold) too.
 */
export class Fold<S, A> {
  confirmed: S;
  /** The newest number that is in `confirmed`. */
  seq = 0;
  /** How many actions the stream holds, as far as this knows. */
  actions = 0;
  /** Whether the stream is empty, so that `confirmed` is to be offered to it. */
  missing = false;
  private readonly own = new Map<string, A>();
  private readonly source: string;
  private count = 0;
  private leftOver = false;
  private shown: { readonly value: S } | null = null;

  constructor(
    private readonly apply: (value: S, action: A) => S,
    private readonly begin: () => S,
    private readonly readAction: (action: Json) => A,
    private readonly readValue: (value: Json) => S,
  ) {
    this.source = randomText(12);
    this.confirmed = begin();
  }

  /** The value with the own actions. */
  get value(): S {
    if (this.shown === null) {
      let value = this.confirmed;
      for (const action of this.own.values()) value = this.applied(value, action);
      this.shown = { value };
    }
    return this.shown.value;
  }

  get pending(): number {
    return this.own.size;
  }

  /**
   * Apply an own action that is on its way; returns its mark. Throws what the function throws:
   * such an action goes nowhere.
   */
  propose(action: A): string {
    const value = this.apply(this.value, action);
    this.count += 1;
    const mark = `${this.source}-${this.count}`;
    this.own.set(mark, action);
    this.shown = { value };
    return mark;
  }

  /** An own action was ordered, or refused. */
  settle(mark: string): void {
    if (this.own.delete(mark)) this.shown = null;
  }

  /** The stream holds just these. */
  startOver(held: readonly Entry[], sameEpoch: boolean): void {
    this.seq = this.actions = 0;
    this.missing = held.length === 0;
    // What a room held before it forgot is offered to it anew.
    this.leftOver = this.missing && !sameEpoch;
    if (!this.leftOver) this.confirmed = this.begin();
    for (const entry of held) this.hear(entry);
    this.shown = null;
  }

  /** The next action, or a snapshot; what is neither counts for nothing. */
  hear({ value, seq }: Entry): void {
    this.missing = false;
    if (this.leftOver) {
      // Somebody was faster than what was offered.
      this.leftOver = false;
      this.confirmed = this.begin();
    }
    this.seq = seq;
    this.actions += 1;
    this.shown = null;
    if (!isObject(value)) return;
    const { apply, reset, i } = value;
    if (typeof i === "string") this.own.delete(i);
    if (reset !== undefined) {
      this.confirmed = this.readValue(reset);
      this.actions = 1;
    } else if (apply !== undefined) {
      this.confirmed = this.applied(this.confirmed, this.readAction(apply));
    }
  }

  private applied(value: S, action: A): S {
    try {
      return this.apply(value, action);
    } catch {
      return value;
    }
  }
}
