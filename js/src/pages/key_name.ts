import { withUnseen } from "../widgets/unseen";

/** A key as people can tell it from others: what is not seen in it is written out. */
export function keyName(key: string): string {
  if (key === "") return "(the empty key)";
  const seen = withUnseen(key);
  return seen.trim() === seen ? seen : `"${seen}"`;
}
