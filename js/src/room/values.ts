import type { Json } from "../protocol/messages";

/**
 * What can be shared: what JSON holds, and NaN, the infinities, bytes and points in time, which
 * have an encoding (docs/values.md). Members that are `undefined` are left out.
 */
export type Value = Json | Uint8Array | Date | Value[] | { [name: string]: Value | undefined };

/** A value as it travels. Throws `TypeError` for what has no encoding, with the path to it. */
export function encode(value: unknown, path = "value", depth = DEEPEST): Json {
  switch (typeof value) {
    case "string":
      return whole(value, path);
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : { $float: FLOATS.get(String(value)) ?? "nan" };
    case "object":
      return value === null ? null : encodeObject(value, path, depth - 1);
  }
  throw unfit(value, path);
}

function encodeObject(value: object, path: string, depth: number): Json {
  if (depth < 0)
    throw new TypeError(`${path}: expected at most ${DEEPEST} values in each other, got more`);
  if (Array.isArray(value))
    return value.map((item, index) => encode(item, `${path}[${index}]`, depth));
  if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw unfit("an invalid Date", path);
    return { $datetime: value.toISOString().replace("Z", "+00:00") };
  }
  const kind = Object.getPrototypeOf(value) as object | null;
  if (kind !== null && kind !== Object.prototype) throw unfit(value, path);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => {
      const inside = `${path}.${name}`;
      return [whole(name, inside), encode(member, inside, depth)] as const;
    });
  const made = Object.fromEntries(members);
  return members.length === 1 && members[0]?.[0].startsWith("$") ? { $object: made } : made;
}

/** A text without half a character, which UTF-8 can't hold. */
function whole(text: string, path: string): string {
  if (HALF.test(text)) throw new TypeError(`${path}: expected text, got half a character`);
  return text;
}

/** The value that was encoded; what only looks so, or has no type here, stays as it is. */
export function decode(json: Json): Value {
  if (typeof json !== "object" || json === null) return json;
  if ((json as unknown) instanceof Uint8Array) return json; // from CBOR, whoever wrote it so
  if (Array.isArray(json)) return json.map(decode);
  const [name, ...more] = Object.keys(json);
  const read = more.length === 0 && name !== undefined ? READERS.get(name) : undefined;
  const found = read?.(json[name as string] as Json);
  if (found !== undefined) return found;
  return Object.fromEntries(Object.entries(json).map(([key, member]) => [key, decode(member)]));
}

/** What servers take by default. */
const DEEPEST = 128;
const HALF = /\p{Surrogate}/u;

const FLOATS = new Map([
  ["NaN", "nan"],
  ["Infinity", "inf"],
  ["-Infinity", "-inf"],
]);
const NUMBERS = new Map<Json, number>([
  ["nan", Number.NaN],
  ["inf", Number.POSITIVE_INFINITY],
  ["-inf", Number.NEGATIVE_INFINITY],
]);
/** A map: of an object everybody's "constructor" would be a member, too. */
const READERS = new Map<string, (content: Json) => Value | undefined>([
  ["$float", (content) => NUMBERS.get(content)],
  ["$bytes", (content) => (typeof content === "string" ? fromBase64(content) : undefined)],
  [
    "$datetime",
    (content) => {
      const time = typeof content === "string" ? new Date(content) : null;
      return time === null || Number.isNaN(time.getTime()) ? undefined : time;
    },
  ],
  [
    "$object",
    (content) => {
      if (typeof content !== "object" || content === null || Array.isArray(content))
        return undefined;
      return Object.fromEntries(Object.entries(content).map(([key, each]) => [key, decode(each)]));
    },
  ],
]);

function unfit(value: unknown, path: string): TypeError {
  const got = typeof value === "object" ? (value?.constructor.name ?? "null") : typeof value;
  const what = typeof value === "string" ? value : got;
  return new TypeError(`${path}: expected what JSON holds, bytes or a Date, got ${what}`);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
