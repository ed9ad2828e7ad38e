import { randomText } from "../client/random";
import type { Json } from "../protocol/messages";
import type { PartForm, PartsForm, SnapshotForm } from "../protocol/objects";

/**
 * What stands for all actions up to now. `isInitial`: it is only where they begin, and has a name
 * of its own, by which the stream is known again.
 */
export function whole(value: Json, isInitial: boolean): Json {
  const form: SnapshotForm = { reset: value };
  return isInitial ? { ...form, initial: randomText(12) } : form;
}

/** A snapshot in parts: what names them, and they themselves (protocol, "Snapshots in parts"). */
export interface Parts {
  readonly head: PartsForm;
  readonly parts: readonly PartForm[];
}

/** Cut the text of a snapshot into parts of at most so many UTF-16 code units. */
export function inParts(text: string, most: number, of = randomText(12)): Parts {
  const parts: PartForm[] = [];
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + most, text.length);
    if (end < text.length && isHigh(text.charCodeAt(end - 1))) end -= 1;
    parts.push({ part: parts.length, of, text: text.slice(start, end) });
    start = end;
  }
  return { head: { parts: parts.length, of }, parts };
}

/** Whether a code unit is the first half of a character. */
function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}
