import type { Entry } from "../protocol/messages";

/** How far somebody has come in a stream: picks out what was not seen yet. */
export class Bookmark {
  #seen: Entry | null = null;

  /** The next push was seen. */
  pass(entry: Entry): void {
    this.#seen = entry;
  }

  /** Those of a stream that started over that come next. */
  startOver(held: readonly Entry[], sameEpoch: boolean): readonly Entry[] {
    const seen = this.#seen;
    this.#seen = held[held.length - 1] ?? null;
    if (seen === null) return held;
    // In another epoch the numbers may be another's: only the same value is the same.
    const same = sameEpoch || held.some((entry) => entry.seq === seen.seq && equal(entry, seen));
    return same ? held.filter(({ seq }) => seq > seen.seq) : held;
  }
}

/** Whether two entries have the same value. */
export function equal(one: Entry | undefined, two: Entry | undefined): boolean {
  return JSON.stringify(one?.value) === JSON.stringify(two?.value);
}
