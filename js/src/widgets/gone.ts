import type { Entry } from "../protocol/messages";

/** What a stream held: so many values, up to that number. */
export interface Holding {
  readonly size: number;
  readonly seq: number;
}

/**
 * How many of these entries, the oldest, a stream held no more; those that came later are not
 * counted. So a stream that is bounded, or was replaced, is told from one that only grew.
 */
export function goneFrom(entries: readonly Entry[], { size, seq }: Holding): number {
  let known = entries.length;
  while (known > 0 && (entries[known - 1] as Entry).seq > seq) known -= 1;
  return Math.max(0, known - size);
}
