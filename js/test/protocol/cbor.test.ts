import fc from "fast-check";
import { expect, test } from "vitest";
import { CBOR, decode, encode } from "../../src/protocol/cbor";
import { LongInteger, parse, stringify } from "../../src/protocol/integers";
import { load } from "../vectors";

interface Values {
  readonly "json to cbor": readonly { rule: string; json: string; cbor: string }[];
  readonly "cbor to json": readonly { rule: string; json: unknown; cbor: string }[];
  readonly "refused as cbor": readonly { rule: string; cbor: string }[];
}

const vectors = load<Values>("values");
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** As the server gives it to those who speak JSON. */
const asJson = (value: unknown): unknown =>
  parse(stringify(value, (_, v) => (v instanceof Uint8Array ? [...v] : v)));

test.each(vectors["json to cbor"])("read from JSON: $rule", ({ json, cbor }) => {
  expect(decode(bytesOf(cbor))).toEqual(nearest(parse(json)));
});

/** JavaScript's JSON has infinities where the protocol has the nearest double. */
function nearest(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(nearest);
  if (typeof value !== "number" || Number.isFinite(value)) return value;
  return Math.sign(value) * Number.MAX_VALUE;
}

test.each(vectors["cbor to json"])("$rule", ({ json, cbor }) => {
  expect(asJson(decode(bytesOf(cbor)))).toEqual(json);
});

test.each(vectors["refused as cbor"])("refused: $rule", ({ cbor }) => {
  expect(() => decode(bytesOf(cbor))).toThrow(TypeError);
});

test.each([
  [
    "integers",
    [0, 23, 24, -1, 2 ** 32, -(2 ** 32) - 1],
    "8600171818201b0000000100000000 3b0000000100000000",
  ],
  ["simple values", [null, true, false], "83f6f5f4"],
  ["text", ["", "é", "😀", "\0"], "84 60 62c3a9 64f09f9880 6100"],
  ["floats", [1.5, -0, 1e300], "83 fb3ff8000000000000 fb8000000000000000 fb7e37e43c8800759c"],
  [
    "integers that no double holds",
    [
      "9007199254740993",
      "-18446744073709551616",
      "18446744073709551616",
      "-18446744073709551617",
    ].map((digits) => new LongInteger(digits)),
    "84 1b0020000000000001 3bffffffffffffffff c249010000000000000000 c349010000000000000000",
  ],
  ["bytes", new Uint8Array([1, 255, 0]), "4301ff00"],
  ["what is nested", { "": [{}, []] }, "a160 82 a0 80"],
])("%s are written as the server writes them", (_, value, hex) => {
  expect(encode(value)).toEqual(bytesOf(hex));
});

test("what is written is read as it was", () => {
  const leaf = fc.oneof(
    fc
      .bigInt()
      .filter((value) => !Number.isSafeInteger(Number(value)))
      .map((value) => new LongInteger(String(value))),
    fc.string({ unit: "grapheme" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
  );
  const value = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: "small" }, leaf, tie("list"), tie("map")),
    list: fc.array(tie("value")),
    map: fc.dictionary(fc.string({ unit: "grapheme" }), tie("value"), { noNullPrototype: true }),
  })).value;
  fc.assert(
    fc.property(value, (each) => {
      expect(decode(encode(each))).toStrictEqual(each);
    }),
  );
});

test("members that are undefined are left out, and a date is what JSON makes of it", () => {
  const date = new Date(0);
  expect(decode(encode({ a: undefined, b: [undefined], date }))).toEqual({
    b: [null],
    date: date.toJSON(),
  });
});

test.each([1n, Number.NaN, Number.POSITIVE_INFINITY, () => {}, "\ud800", { a: [Symbol("s")] }])(
  "%s has no encoding",
  (value) => {
    expect(() => encode(value)).toThrow(TypeError);
  },
);

test("whatever comes is read, or refused, at once", () => {
  const start = fc.constantFrom("", "9b", "bb00ffffffffffffff", "5b", "7f", "df", "c2");
  const bytes = fc.tuple(start, fc.uint8Array({ maxLength: 64 }));
  fc.assert(
    fc.property(bytes, ([first, rest]) => {
      try {
        decode(new Uint8Array([...bytesOf(first), ...rest]));
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test.each(["81", "a1 60", "c1", "9f"])("%s over and over is nested too deep", (hex) => {
  expect(() => decode(bytesOf(hex.repeat(100_000)))).toThrow("nested less deep");
  expect(decode(bytesOf(`${"81".repeat(128)}00`))).toBeInstanceOf(Array);
});

test("a frame of text is none of its own", () => {
  expect(() => CBOR.decode("{}")).toThrow("expected bytes");
});
