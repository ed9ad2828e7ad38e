import type { Entry } from "../protocol/messages";

/** The only name in what tells of a stream that was shortened; with it the newest number there. */
export const COMPACTED = "$compacted";

/** What tells of a stream that was shortened is none of its values. */
export function isNotice({ value }: Entry): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.hasOwn(value, COMPACTED) &&
    Object.keys(value).length === 1
  );
}
