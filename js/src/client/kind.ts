import { isObject, type Json } from "../protocol/messages";
import { unwrap } from "./form";

const KINDS = ["state", "reducer", "dict", "stream", "channel"] as const;

/** What a key is used as (protocol, "What a key is"). */
export type Kind = (typeof KINDS)[number];

/** The kind that a description names, which is the newest value of `$meta/KEY`; null: none. */
export function kindInMeta(value: Json): Kind | null {
  const told = unwrap(value);
  const kind = isObject(told) ? told.kind : null;
  return KINDS.find((each) => each === kind) ?? null;
}

/** The names in an action, a snapshot and a part of one, in the order of the alphabet. */
const REDUCER = /^(apply i|(initial )?reset|of parts|of part text)$/;

/**
 * What the newest value of a stream tells of its kind, null: nothing; `several`: the stream holds
 * others, too. A reducer may be a dictionary as well.
 */
export function looksLike(newest: Json, several: boolean): Kind | null {
  if (isObject(newest)) {
    const names = Object.keys(newest).sort().join(" ");
    if (REDUCER.test(names)) return "reducer";
    if (names === "i v" && typeof newest.i === "string" && !several) return "state";
  }
  return several ? "stream" : null;
}
