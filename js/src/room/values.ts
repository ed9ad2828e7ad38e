import { check } from "../client/check";
import { LongInteger } from "../protocol/integers";
import { isObject, type Json } from "../protocol/messages";

/**
 * A value that can be shared: what JSON holds, and NaN, the infinities, integers of any length,
 * bytes and points in time (docs/values.md). Members that are `undefined` are left out.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | Value[]
  | { [name: string]: Value | undefined };

/** The items of a dictionary, by name. */
export type Items<T> = Readonly<Record<string, T>>;

/**
 * Return a value as it travels. What has no type here and was read from anywhere is written as it
 * was. `before` is what the value was made of, or the long integers in that: what stands there with
 * more digits than a number or a `Date` holds is written with all of them.
 *
 * Throws `TypeError` for what has no encoding, with the path to it.
 */
export function encode(value: unknown, before?: Json | Long): Json {
  let known: Long | null = before instanceof Map ? before : null;

  /** The integer that a number was rounded from: one that stood there, or elsewhere before. */
  const exact = (number: number, old: Json | undefined): Json => {
    if (old instanceof LongInteger && Number(old.digits) === number) return old;
    known ??= collect(before);
    return known.get(number) ?? number;
  };

  /** `old`: what stood in the place of `part`. */
  const write = (part: unknown, path: string, depth: number, old: Json | undefined): Json => {
    switch (typeof part) {
      case "string":
        return whole(part, path);
      case "boolean":
        return part;
      case "number":
        if (Number.isSafeInteger(part)) return part;
        if (!Number.isFinite(part)) return { $float: floatName(part) };
        return Number.isInteger(part) ? exact(part, old) : part;
      case "bigint":
        return written(part);
      case "object":
        return part === null ? null : object(part, path, depth - 1, old);
    }
    return unfit(part, path);
  };

  const object = (part: object, path: string, depth: number, old: Json | undefined): Json => {
    if (depth < 0) check(false, `at most ${DEEPEST} nested values`, "more", path.slice(0, 50));
    if (Array.isArray(part)) {
      const items = Array.isArray(old) ? old : [];
      return part.map((item, place) => write(item, `${path}[${place}]`, depth, items[place]));
    }
    if (part instanceof Uint8Array) return { $bytes: toBase64(part) };
    if (part instanceof Date) {
      if (Number.isNaN(part.getTime())) unfit("an invalid Date", path);
      const read = [READ.get(part), old].find((each) => isTime(each, part));
      return read ?? { $datetime: part.toISOString().replace("Z", "+00:00") };
    }
    const kind = Object.getPrototypeOf(part) as object | null;
    if (kind !== null && kind !== Object.prototype) unfit(part, path);
    const inside = membersOf(READ.get(part) ?? old) ?? {};
    const made: { [name: string]: Json } = Object.fromEntries(
      Object.entries(part)
        .filter(([, member]) => member !== undefined)
        .map(([name, member]) => {
          const place = `${path}.${name}`;
          const before = Object.hasOwn(inside, name) ? inside[name] : undefined;
          return [whole(name, place), write(member, place, depth, before)];
        }),
    );
    // What has no type here was read as it travels, and stays what it is, wherever it is put.
    if (!tagOf(made) || READ.has(part)) return made;
    const isAsRead = JSON.stringify(made) === JSON.stringify(old);
    return isAsRead ? (old as Json) : { $object: made };
  };

  return write(value, "value", DEEPEST, before as Json);
}

/** Long integers, by the numbers that they are rounded to. */
export type Long = Map<number, LongInteger>;

/** Add all long integers in a value to those that were found. */
export function collect(json: unknown, found: Long = new Map()): Long {
  if (json instanceof LongInteger) found.set(Number(json.digits), json);
  else if (typeof json === "object" && json !== null)
    for (const part of Object.values(json)) collect(part, found);
  return found;
}

function written(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : new LongInteger(String(value));
}

/** A text without half a character, which UTF-8 can't hold. */
function whole(text: string, path: string): string {
  check(!HALF.test(text), "text", "half a character", path);
  return text;
}

/**
 * Return the value that was encoded; what only looks so, or has no type here, stays as it is.
 * `bigint`: integers beyond 2^53 are bigints, and not the nearest numbers.
 */
export function decode(json: Json, bigint = false): Value {
  if (typeof json !== "object" || json === null) return json;
  if (json instanceof LongInteger) return (bigint ? BigInt : Number)(json.digits);
  if ((json as unknown) instanceof Uint8Array) return json as never; // from CBOR, whoever wrote it so
  if (Array.isArray(json)) return json.map((item) => decode(item, bigint));
  const members = plain(json);
  const made =
    special(json) ??
    Object.fromEntries(
      Object.entries(members).map(([name, member]) => [name, decode(member, bigint)]),
    );
  if (members === json && tagOf(json) && typeof made === "object") READ.set(made as object, json);
  return made;
}

/** What was read of values that have no type here, or not all of one, and as what they travel. */
const READ = new WeakMap<object, Json>();

/** Return a copy of a value, which is written as that is. */
export function copy<T>(value: T): T {
  const made = structuredClone(value);
  note(value, made);
  return made;
}

/** Note of a copy, and what is in it, that it was read: once of each part, wherever that is again. */
function note(value: unknown, made: unknown, noted = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || noted.has(value)) return;
  noted.add(value);
  const read = READ.get(value);
  if (read !== undefined) READ.set(made as object, read);
  if (ArrayBuffer.isView(value)) return;
  for (const [name, member] of Object.entries(value))
    note(member, (made as Record<string, unknown>)[name], noted);
}

/** The name of a type, where an object has the form in which values of one travel; else empty. */
function tagOf(members: object): string {
  const { length, 0: name = "" } = Object.keys(members);
  return length === 1 && name.startsWith("$") ? name : "";
}

/** Whether this is how a time travels, with its own offset and digits. */
function isTime(json: Json | undefined, time: Date): boolean {
  const read = json !== undefined && isObject(json) && special(json);
  return read instanceof Date && read.getTime() === time.getTime();
}

/** What stands in an object of one member that is no object; `undefined`: it is one. */
function special(json: { [name: string]: Json }): Value | undefined {
  const tag = tagOf(json);
  return READERS.get(tag)?.(json[tag] as Json);
}

/** The members that an object stands for. */
function plain(json: { [name: string]: Json }): { [name: string]: Json } {
  const { $object = null } = json;
  return isObject($object) && tagOf(json) ? $object : json;
}

/** The members of an object as they travel; `null` for a value that is none. */
export function membersOf(json: Json | undefined): { [name: string]: Json } | null {
  return json === undefined || !isObject(json) || special(json) !== undefined ? null : plain(json);
}

/** An object as it travels, of members that do. */
export function objectOf(members: Iterable<readonly [string, Json]>): Json {
  const made = Object.fromEntries(members);
  return tagOf(made) ? { $object: made } : made;
}

/** What servers take by default. */
const DEEPEST = 128;
const HALF = /\p{Surrogate}/u;

/** The numbers that JSON has no digits for: "nan", "inf" and "-inf". */
const UNWRITABLE = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const floatName = (value: number) => String(value).toLowerCase().replace("inity", "");
/** A map: of an object everybody's "constructor" would be a member, too. */
const READERS = new Map<string, (content: Json) => Value | undefined>([
  ["$float", (content) => UNWRITABLE.find((each) => floatName(each) === content)],
  ["$bytes", (content) => (typeof content === "string" ? fromBase64(content) : undefined)],
  [
    "$datetime",
    (content) => {
      const time = typeof content === "string" ? new Date(content) : null;
      return time === null || Number.isNaN(time.getTime()) ? undefined : time;
    },
  ],
]);

function unfit(value: unknown, path: string): never {
  const got = typeof value === "object" ? (value?.constructor?.name ?? "object") : typeof value;
  const what = typeof value === "string" ? value : got;
  check(false, "what JSON holds, bytes or a Date", what, path);
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
