/** Characters that two texts have in common: where they begin in each, and how many there are. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly length: number;
}

/** Two texts that differ more than that are compared at their ends alone. */
const MOST_EDITS = 300;

/**
 * Make the change that somebody made of `base` (which made it `mine`) to what is there now: what
 * others wrote since stays, and so does what was typed.
 */
export function merged(base: string, mine: string, now: string): string {
  if (now === base || now === mine) return mine;
  const [head, tail] = ends(base, mine);
  const last = base.length - tail;
  const runs = kept(base, now);
  const place = placeIn(runs, head);
  let text = now.slice(0, place) + mine.slice(head, mine.length - tail);
  let next = place;
  for (const { from, to, length } of runs) {
    // Of what was taken out, only what was there: others' letters between stay.
    const begin = to + Math.max(head - from, 0);
    const end = to + Math.min(last - from, length);
    if (begin >= end) continue;
    text += now.slice(next, begin);
    next = end;
  }
  return text + now.slice(next);
}

/** Where a place of a text (a caret) is in what others made of that text. */
export function moved(place: number, before: string, after: string): number {
  return placeIn(kept(before, after), place);
}

/** What others write at the very place comes after it. */
function placeIn(runs: readonly Run[], place: number): number {
  let found = 0;
  for (const { from, to, length } of runs) {
    if (place < from) break;
    found = to + Math.min(place - from, length);
    if (place <= from + length) break;
  }
  return found;
}

/** How many characters two texts have in common at their beginning, and then at their end. */
function ends(one: string, other: string): [head: number, tail: number] {
  const shorter = Math.min(one.length, other.length);
  let head = 0;
  while (head < shorter && one[head] === other[head]) head += 1;
  if (isHigh(one, head - 1)) head -= 1;
  let tail = 0;
  while (tail < shorter - head && one.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  if (isLow(one, one.length - tail)) tail -= 1;
  return [head, tail];
}

/** What two texts have in common, in order; no character of two code units is taken apart. */
function kept(before: string, after: string): Run[] {
  const [head, tail] = ends(before, after);
  const middle = steps(
    before.slice(head, before.length - tail),
    after.slice(head, after.length - tail),
  );
  return [
    { from: 0, to: 0, length: head },
    ...middle.map(({ from, to, length }) => ({ from: head + from, to: head + to, length })),
    { from: before.length - tail, to: after.length - tail, length: tail },
  ].flatMap((run) => {
    const begins = isLow(before, run.from) ? 1 : 0;
    const ends = isHigh(before, run.from + run.length - 1) ? 1 : 0;
    const length = run.length - begins - ends;
    return length > 0 ? [{ from: run.from + begins, to: run.to + begins, length }] : [];
  });
}

/** The shortest way from one text to the other (E. W. Myers, An O(ND) Difference Algorithm). */
function steps(before: string, after: string): Run[] {
  if (before === "" || after === "") return [];
  // How far each diagonal (place in `before` less place in `after`) was come with so many edits.
  const reached: Map<number, number>[] = [];
  for (let edits = 0; edits <= MOST_EDITS; edits += 1) {
    const known = reached[edits - 1] ?? new Map([[1, 0]]);
    const now = new Map<number, number>();
    reached.push(now);
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let from = begin(known, diagonal);
      while (from < before.length && before[from] === after[from - diagonal]) from += 1;
      now.set(diagonal, from);
      if (from >= before.length && from - diagonal >= after.length)
        return wayBack(reached, before.length, diagonal);
    }
  }
  return [];
}

/** Where a diagonal is entered with one edit more. */
function begin(known: ReadonlyMap<number, number>, diagonal: number): number {
  const inserted = known.get(diagonal + 1) ?? -1;
  const deleted = known.get(diagonal - 1) ?? -1;
  return deleted < inserted ? inserted : deleted + 1;
}

function wayBack(reached: readonly Map<number, number>[], end: number, last: number): Run[] {
  const runs: Run[] = [];
  let [to, diagonal] = [end, last];
  for (let edits = reached.length - 1; edits >= 0; edits -= 1) {
    const known = reached[edits - 1] ?? new Map([[1, 0]]);
    const from = begin(known, diagonal);
    if (to > from) runs.unshift({ from, to: from - diagonal, length: to - from });
    const inserted = (known.get(diagonal - 1) ?? -1) < (known.get(diagonal + 1) ?? -1);
    diagonal += inserted ? 1 : -1;
    to = known.get(diagonal) ?? 0;
  }
  return runs;
}

function isHigh(text: string, place: number): boolean {
  return /[\ud800-\udbff]/.test(text[place] ?? "");
}

function isLow(text: string, place: number): boolean {
  return /[\udc00-\udfff]/.test(text[place] ?? "");
}
