import { stringify } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { bytes } from "./bytes";
import { tagged } from "./control";
import { isRecord } from "./record";

/** A value as people read it: text as it is, what JSON can't hold in a few words, others as JSON. */
export function readable(value: Json): string {
  return typeof value === "string" ? value : (inWords(value) ?? stringify(value));
}

/** The same, and a word where there is no value, or that of nothing (`null`, Python's `None`). */
export function readableOrNone(value: Json | undefined): string {
  if (value === undefined) return "no value yet";
  return value === null ? "no value" : readable(value);
}

/** What stands for a value that JSON can't hold (docs/values.md); `null` for all others. */
export function inWords(value: Json): string | null {
  if (!isRecord(value)) return null;
  for (const tag of ["$date", "$datetime", "$time", "$decimal", "$uuid", "$float"]) {
    const content = tagged(value, tag);
    if (typeof content === "string") return content;
  }
  const seconds = tagged(value, "$timedelta");
  if (typeof seconds === "number") return `${seconds} s`;
  const data = tagged(value, "$bytes");
  if (typeof data === "string") return bytes(lengthOf(data));
  const array = tagged(value, "$ndarray");
  if (!isRecord(array ?? undefined)) return null;
  const { dtype, shape } = array as Record<string, Json>;
  return Array.isArray(shape) && typeof dtype === "string"
    ? `an array of ${dtypeName(dtype)}, ${shape.length === 0 ? "one item" : shape.map(readable).join(" × ")}`
    : null;
}

const KINDS: Record<string, string> = { f: "float", i: "int", u: "uint", c: "complex" };

/** A dtype by the name that numpy shows, `float64` for `<f8`; others as they are. */
function dtypeName(dtype: string): string {
  const [, kind, size] = /^[<|]([fiucb])(\d+)$/.exec(dtype) ?? [];
  if (kind === "b") return "bool";
  return kind === undefined ? dtype : `${KINDS[kind]}${8 * Number(size)}`;
}

/** How many bytes a text in Base64 holds. */
function lengthOf(base64: string): number {
  return Math.floor((base64.replace(/=+$/, "").length * 3) / 4);
}
