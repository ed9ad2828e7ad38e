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
 * Return a value as it travels. `before` is what it was made of: a number that stands there with
 * more digits than a double holds is written with all of them.
 *
 * Throws `TypeError` for what has no encoding, with the path to it.
 */
export function encode(value: unknown, before?: Json): Json {
  return new Encoder(before).write(value, "value", DEEPEST, before);
}

class Encoder {
  #known: Map<number, LongInteger> | null = null;

  readonly #before: Json | undefined;

  constructor(before: Json | undefined) {
    this.#before = before;
  }

  /** `old`: what stood in the place of `value`. */
  write(value: unknown, path: string, depth: number, old: Json | undefined): Json {
    switch (typeof value) {
      case "string":
        return whole(value, path);
      case "boolean":
        return value;
      case "number":
        if (Number.isSafeInteger(value)) return value;
        if (!Number.isFinite(value)) return { $float: floatName(value) };
        return Number.isInteger(value) ? this.#exact(value, old) : value;
      case "bigint":
        return written(value);
      case "object":
        return value === null ? null : this.#object(value, path, depth - 1, old);
    }
    return unfit(value, path);
  }

  #object(value: object, path: string, depth: number, old: Json | undefined): Json {
    if (depth < 0) check(false, `at most ${DEEPEST} nested values`, "more", path.slice(0, 50));
    if (Array.isArray(value)) {
      const items = Array.isArray(old) ? old : [];
      return value.map((item, place) => this.write(item, `${path}[${place}]`, depth, items[place]));
    }
    if (value instanceof Uint8Array) return { $bytes: toBase64(value) };
    if (value instanceof Date) {
      if (Number.isNaN(value.getTime())) unfit("an invalid Date", path);
      return { $datetime: value.toISOString().replace("Z", "+00:00") };
    }
    const kind = Object.getPrototypeOf(value) as object | null;
    if (kind !== null && kind !== Object.prototype) unfit(value, path);
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    const inside = membersOf(old) ?? undefined;
    const made = members.map(([name, member]) => {
      const place = `${path}.${name}`;
      return [
        whole(name, place),
        this.write(member, place, depth, memberOf(inside, name)),
      ] as const;
    });
    // What has no type here was read as it travels, and stays what it is.
    const isTag = made.length === 1 && made[0]?.[0].startsWith("$");
    const isAsRead = isTag && JSON.stringify(value, readable) === JSON.stringify(old);
    return isAsRead ? (old as Json) : objectOf(made);
  }

  /** The integer that a number was rounded from: one that stood there, or elsewhere before. */
  #exact(value: number, old: Json | undefined): Json {
    if (old instanceof LongInteger && Number(old.digits) === value) return old;
    if (this.#known === null) {
      this.#known = new Map();
      if (this.#before !== undefined) collect(this.#before, this.#known);
    }
    return this.#known.get(value) ?? value;
  }
}

/** All long integers in a value, by the numbers that they are rounded to. */
function collect(json: Json, found: Map<number, LongInteger>): void {
  if (json instanceof LongInteger) found.set(Number(json.digits), json);
  else if (typeof json === "object" && json !== null)
    for (const part of Object.values(json)) collect(part, found);
}

function memberOf(json: Json | undefined, name: string): Json | undefined {
  return json !== undefined && isObject(json) && Object.hasOwn(json, name) ? json[name] : undefined;
}

function written(value: bigint): Json {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : new LongInteger(String(value));
}

/** A part of a value as `JSON.stringify` takes it, which knows no bigints. */
const readable = (_name: string, part: unknown) =>
  typeof part === "bigint" ? written(part) : part;

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
  const found = special(json);
  if (found !== undefined) return found;
  return Object.fromEntries(
    Object.entries(plain(json)).map(([name, member]) => [name, decode(member, bigint)]),
  );
}

/** What stands in an object of one member that is no object; `undefined`: it is one. */
function special(json: { [name: string]: Json }): Value | undefined {
  const { length, 0: name = "" } = Object.keys(json);
  return length === 1 ? READERS.get(name)?.(json[name] as Json) : undefined;
}

/** The members that an object stands for. */
function plain(json: { [name: string]: Json }): { [name: string]: Json } {
  const { $object } = json;
  const escapes = $object !== undefined && isObject($object) && Object.keys(json).length === 1;
  return escapes ? $object : json;
}

/** The members of an object as they travel; `null` for a value that is none. */
export function membersOf(json: Json | undefined): { [name: string]: Json } | null {
  return json === undefined || !isObject(json) || special(json) !== undefined ? null : plain(json);
}

/** An object as it travels, of members that do. */
export function objectOf(members: Iterable<readonly [string, Json]>): Json {
  const made = Object.fromEntries(members);
  const [name, ...more] = Object.keys(made);
  return more.length === 0 && name?.startsWith("$") ? { $object: made } : made;
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
  const got = typeof value === "object" ? (value?.constructor.name ?? "null") : typeof value;
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
