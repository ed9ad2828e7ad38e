/** CBOR (RFC 8949), as far as the protocol has it ("Over WebSocket"). */
import type { Codec } from "./codec";
import { LongInteger } from "./integers";

/** Messages in CBOR: values may hold a `Uint8Array` as it is. */
export const CBOR: Codec = {
  query: "&cbor=true",
  encode,
  decode(frame) {
    if (typeof frame === "string") throw new TypeError("expected bytes, got text");
    return decode(frame);
  },
};

const [UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE] = [0, 1, 2, 3, 4, 5, 6, 7];
const MOST_IN_HEAD = 0xffff_ffff_ffff_ffffn;
const [FALSE, TRUE, NULL, UNDEFINED] = [20, 21, 22, 23];
const [HALF, SINGLE, DOUBLE, INDEFINITE] = [25, 26, 27, 31];
const BREAK = 0xff;
const UINT8_ARRAY = 64;
const [POSITIVE_BIGNUM, NEGATIVE_BIGNUM] = [2, 3];
/** How deep an item may be nested: values as deep as a server allows by default, in a message. */
const DEEPEST = 160;

const LONE_SURROGATE = /\p{Surrogate}/u;
const toUtf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A value as an item: what JSON holds, and `Uint8Array`. Members that are `undefined` are left out,
 * elsewhere it is null, as in JSON. Throws `TypeError` for what has no encoding: a bigint, a
 * function, NaN, a lone surrogate.
 */
export function encode(value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new CborWriter();
  writer.write(value);
  return writer.finish();
}

class CborWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  write(value: unknown): void {
    if (value === null || value === undefined) this.#head(SIMPLE, NULL);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "boolean") this.#head(SIMPLE, value ? TRUE : FALSE);
    else if (typeof value === "object") this.#object(value);
    else throw new TypeError(`expected what JSON holds, or bytes, got a ${typeof value}`);
  }

  #text(value: string): void {
    if (LONE_SURROGATE.test(value)) throw new TypeError("expected text, got half a character");
    this.#string(TEXT, toUtf8.encode(value));
  }

  #object(value: object): void {
    if (value instanceof Uint8Array) {
      this.#string(BYTES, value);
    } else if (value instanceof LongInteger) {
      this.#integer(BigInt(value.digits));
    } else if (Array.isArray(value)) {
      this.#head(ARRAY, value.length);
      for (const item of value) this.write(item);
    } else if ("toJSON" in value && typeof value.toJSON === "function") {
      this.write(value.toJSON());
    } else {
      const members = Object.entries(value).filter(([, member]) => member !== undefined);
      this.#head(MAP, members.length);
      for (const [name, member] of members) {
        this.write(name);
        this.write(member);
      }
    }
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`expected a finite number, got ${value}`);
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value >= 0) this.#head(UNSIGNED, value);
      else this.#head(NEGATIVE, -1 - value);
      return;
    }
    this.#reserve(9);
    this.#view.setUint8(this.#length, (SIMPLE << 5) | DOUBLE);
    this.#view.setFloat64(this.#length + 1, value);
    this.#length += 9;
  }

  #integer(value: bigint): void {
    const magnitude = value < 0n ? -1n - value : value;
    if (magnitude <= MOST_IN_HEAD) {
      this.#head(value < 0n ? NEGATIVE : UNSIGNED, magnitude);
      return;
    }
    this.#head(TAG, value < 0n ? NEGATIVE_BIGNUM : POSITIVE_BIGNUM);
    const digits = magnitude.toString(16);
    const pairs = digits.padStart(digits.length + (digits.length % 2), "0").match(/../g) ?? [];
    this.#string(
      BYTES,
      Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16)),
    );
  }

  #string(major: number, bytes: Uint8Array): void {
    this.#head(major, bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #head(major: number, number: number | bigint): void {
    this.#reserve(9);
    const first = major << 5;
    if (number < 24) {
      this.#view.setUint8(this.#length, first | Number(number));
      this.#length += 1;
    } else if (number < 0x100) {
      this.#view.setUint16(this.#length, ((first | 24) << 8) | Number(number));
      this.#length += 2;
    } else if (number < 0x10000) {
      this.#view.setUint8(this.#length, first | 25);
      this.#view.setUint16(this.#length + 1, Number(number));
      this.#length += 3;
    } else if (number < 0x100000000) {
      this.#view.setUint8(this.#length, first | 26);
      this.#view.setUint32(this.#length + 1, Number(number));
      this.#length += 5;
    } else {
      this.#view.setUint8(this.#length, first | 27);
      this.#view.setBigUint64(this.#length + 1, BigInt(number));
      this.#length += 9;
    }
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/**
 * The value of an item: bytes and tagged Uint8Arrays as `Uint8Array`, integers beyond 2^53 as
 * `LongInteger`, what has another tag as its content, undefined as null. Throws `TypeError` for what is
 * not one whole item, is nested too deep, or has no such value.
 */
export function decode(bytes: Uint8Array): unknown {
  const reader = new CborReader(bytes);
  const value = reader.read(DEEPEST);
  if (reader.left > 0) throw new TypeError(`expected one item, got ${reader.left} bytes after it`);
  return value;
}

class CborReader {
  readonly #view: DataView;
  #position = 0;

  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#position;
  }

  read(depth: number): unknown {
    const [major, info] = this.#first();
    if (major === SIMPLE) return this.#simple(info);
    if (major <= NEGATIVE && info === 27) {
      const magnitude = this.#view.getBigUint64(this.#readBytes(8));
      return integer(major === NEGATIVE ? -1n - magnitude : magnitude);
    }
    const number = this.#count(major, info);
    if (major === BYTES) return join(this.#pieces(major, number));
    if (major === TEXT) return this.#pieces(major, number).map(text).join("");
    if (number === null || major >= ARRAY) {
      if (depth === 0) throw new TypeError("expected a value nested less deep");
      if (major === ARRAY) return this.#items(number, () => this.read(depth - 1));
      if (major === MAP)
        return Object.fromEntries(this.#items(number, () => this.#member(depth - 1)));
      return this.#tagged(number as number, depth - 1);
    }
    return major === NEGATIVE ? -1 - number : number;
  }

  #first(): readonly [number, number] {
    const first = this.#bytes[this.#readBytes(1)] as number;
    return [first >> 5, first & 31];
  }

  /** Go on by so many bytes; returns where they begin. */
  #readBytes(count: number): number {
    if (count > this.left) throw new TypeError("expected a whole item, got one that is cut off");
    this.#position += count;
    return this.#position - count;
  }

  /** The number of an item's head; `null`: it is of indefinite length. */
  #count(major: number, info: number): number | null {
    if (info < 24) return info;
    if (info === 24) return this.#view.getUint8(this.#readBytes(1));
    if (info === 25) return this.#view.getUint16(this.#readBytes(2));
    if (info === 26) return this.#view.getUint32(this.#readBytes(4));
    if (info === 27) return Number(this.#view.getBigUint64(this.#readBytes(8)));
    if (info === INDEFINITE && major >= BYTES && major <= MAP) return null;
    throw new TypeError("expected an item, got a reserved byte");
  }

  #simple(info: number): unknown {
    switch (info) {
      case FALSE:
      case TRUE:
        return info === TRUE;
      case NULL:
      case UNDEFINED:
        return null;
      case HALF:
        return finite(half(this.#view.getUint16(this.#readBytes(2))));
      case SINGLE:
        return finite(this.#view.getFloat32(this.#readBytes(4)));
      case DOUBLE:
        return finite(this.#view.getFloat64(this.#readBytes(8)));
    }
    throw new TypeError("expected a value with a meaning in JSON, got another simple one");
  }

  #pieces(major: number, length: number | null): Uint8Array[] {
    if (length !== null) {
      const start = this.#readBytes(length);
      return [this.#bytes.slice(start, start + length)];
    }
    return this.#items(null, () => {
      const [kind, info] = this.#first();
      const piece = this.#count(kind, info);
      if (kind !== major || piece === null)
        throw new TypeError("expected a string's pieces to be of its kind");
      return this.#pieces(major, piece)[0] as Uint8Array;
    });
  }

  #items<T>(count: number | null, read: () => T): T[] {
    if (count !== null && count > this.left) this.#readBytes(count); // each takes at least a byte
    const items: T[] = [];
    while (count === null ? this.#bytes[this.#position] !== BREAK : items.length < count)
      items.push(read());
    if (count === null) this.#readBytes(1);
    return items;
  }

  #member(depth: number): readonly [string, unknown] {
    const name = this.read(depth);
    if (typeof name !== "string") throw new TypeError("expected a string as a map's key");
    return [name, this.read(depth)];
  }

  #tagged(tag: number, depth: number): unknown {
    const content = this.read(depth);
    if (!(content instanceof Uint8Array) || tag === UINT8_ARRAY) return content;
    if (tag !== POSITIVE_BIGNUM && tag !== NEGATIVE_BIGNUM) return content;
    const digits = Array.from(content, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const magnitude = BigInt(`0x${digits || "0"}`);
    return integer(tag === NEGATIVE_BIGNUM ? -1n - magnitude : magnitude);
  }
}

function integer(value: bigint): number | LongInteger {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : new LongInteger(String(value));
}

function text(bytes: Uint8Array): string {
  return fromUtf8.decode(bytes);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    whole.set(piece, end);
    end += piece.length;
  }
  return whole;
}

/** A half-precision number (RFC 8949, appendix D). */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (mantissa + 1024) * 2 ** (exponent - 25);
}

function finite(number: number): number {
  if (Number.isFinite(number)) return number;
  throw new TypeError(`expected a finite number, got ${number}`);
}
