/** Integers that no double holds: they travel with all of their digits. */

class Digits {
  /** What no value holds by chance or intent: it is another in each page. */
  static readonly mark = `long-${Math.random().toString(36).slice(2)}-`;
  /** Whether `mark` was written since that was reset. */
  static wroteMark = false;

  constructor(readonly digits: string) {}

  /** For `JSON.stringify`, which can write no digits as they are: `stringify` below can. */
  toJSON(): string {
    Digits.wroteMark = true;
    return Digits.mark + this.digits;
  }
}

/** A page may have several copies of this module, in the client and in CBOR: they share the class. */
const shared = globalThis as unknown as Record<symbol, typeof Digits | undefined>;
const NAME = Symbol.for("driftdb-jupyter.LongInteger");
shared[NAME] ??= Digits;

/** An integer beyond 2^53, as its digits in JSON. */
export const LongInteger = shared[NAME];
export type LongInteger = Digits;

/** Whether a value is a number, of whatever length. */
export function isNumber(value: unknown): value is number | LongInteger {
  return typeof value === "number" || value instanceof LongInteger;
}

/** The nearest number. */
export function rounded(value: number | LongInteger): number {
  return typeof value === "number" ? value : Number(value.digits);
}

/** As `JSON.parse`, but an integer that a double would round is a `LongInteger`. */
export function parse(text: string): unknown {
  if (!MAY_BE_LONG.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKEN, (token) => (isLong(token) ? `{"${MARK}":"${token}"}` : token));
  return JSON.parse(marked, (_, value) => {
    const digits = typeof value === "object" && value !== null ? value[MARK] : undefined;
    return digits === undefined ? value : new LongInteger(digits);
  });
}

/** As `JSON.stringify`, but a `LongInteger` is written as the number that it is. */
export function stringify(
  value: unknown,
  replacer: ((name: string, value: unknown) => unknown) | null = null,
  indent?: number,
): string {
  LongInteger.wroteMark = false;
  const text = JSON.stringify(value, replacer as never, indent);
  return LongInteger.wroteMark ? text.replace(MARKED, "$1") : text;
}

/** Whether the text of a number is an integer that a double would round. */
function isLong(token: string): boolean {
  return INTEGER.test(token) && !Number.isSafeInteger(Number(token));
}

const MARK = LongInteger.mark;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, "g");
const MAY_BE_LONG = /(?:^|[[,:\s-])\d{16,}(?=$|[\],}\s])/;
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const INTEGER = /^-?[1-9]\d{15,}$/;
