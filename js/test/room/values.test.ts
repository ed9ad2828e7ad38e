import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LongInteger, parse, stringify } from "../../src/protocol/integers";
import type { Json } from "../../src/protocol/messages";
import { copy, decode, encode, type Value } from "../../src/room/values";

const plain = fc.jsonValue({ maxDepth: 4 });

test("what JSON holds travels as it is, and comes back", () => {
  fc.assert(
    fc.property(plain, (value) => {
      // JSON knows no minus zero.
      const clean = JSON.parse(JSON.stringify(value));
      expect(decode(encode(clean))).toEqual(clean);
    }),
  );
});

test.each([
  [Number.NaN, { $float: "nan" }],
  [Number.NEGATIVE_INFINITY, { $float: "-inf" }],
  [new Uint8Array([255, 0]), { $bytes: "/wA=" }],
  [new Date("2024-02-29T11:00:00Z"), { $datetime: "2024-02-29T11:00:00.000+00:00" }],
  [{ $odd: 1 }, { $object: { $odd: 1 } }],
  [[{ deep: Number.POSITIVE_INFINITY }], [{ deep: { $float: "inf" } }]],
])("%j has an encoding, and comes back", (value, json) => {
  expect(encode(value)).toEqual(json);
  expect(decode(json)).toEqual(value);
});

test("members that are undefined are left out", () => {
  expect(encode({ a: 1, b: undefined })).toEqual({ a: 1 });
});

test.each([
  [undefined, "value: expected what JSON holds, bytes or a Date, got undefined"],
  [{ a: [new Map()] }, "value.a[0]: expected what JSON holds, bytes or a Date, got Map"],
  [() => 1, "value: expected what JSON holds, bytes or a Date, got function"],
  [new Date("never"), "value: expected what JSON holds, bytes or a Date, got an invalid Date"],
])("%s has none", (value, message) => {
  expect(() => encode(value)).toThrow(message);
});

test.each([[{ $float: "one" }], [{ $bytes: "%" }], [{ $datetime: "x" }], [{ $object: 1 }]])(
  "%j only looks encoded",
  (json) => {
    expect(decode(json)).toEqual(json);
  },
);

test.each([
  [{ $date: "2024-02-29" }],
  [{ when: { $date: "2024-02-29" }, n: 1 }],
  [[{ $decimal: "1.10" }, { $ndarray: { dtype: "<f8", shape: [2], data: "AAAA" } }]],
  [{ $object: { $date: "no date" } }],
])("what was read as it travels is written as it was: %j", (json: Json) => {
  const read = decode(json);
  expect(encode(read, json)).toEqual(json);
  expect(encode(structuredClone(read), json)).toEqual(json);
});

test.each<[string, (value: Value) => Value]>([
  ["moved", (value) => ({ moved: [0, value] })],
  ["copied", (value) => copy({ moved: [0, value] })],
])("what has no type here stays what it is where it is %s", (_, move) => {
  for (const json of [
    { $date: "2024-02-29" },
    { $decimal: "1.10" },
    { $odd: [new LongInteger("1009513310189256287")] },
    { $dataframe: { columns: ["a"], data: { a: [{ $float: "nan" }, { $bytes: "/wA=" }] } } },
    { $datetime: "2024-02-29T12:00:00.123456+01:00" },
    { $datetime: "2024-02-29T12:00:00" },
  ])
    expect(encode(move(decode(json)))).toEqual({ moved: [0, json] });
});

test("what is read of an object in a copy is looked at once, though it is in many places", () => {
  let looks = 0;
  const leaf = {
    get n() {
      looks += 1;
      return 1;
    },
  };
  let value: unknown = leaf;
  for (let level = 0; level < 10; level += 1) value = [value, value];
  copy(value);
  expect(looks).toBeLessThanOrEqual(2); // once to copy it, once to look for what was read
});

test("what is in a circle is copied, and what is in it stays what it is", () => {
  const circle: unknown[] = [decode({ $date: "2024-02-29" })];
  circle.push(circle);
  const made = copy(circle);
  expect(made[1]).toBe(made);
  expect(encode(made[0])).toEqual({ $date: "2024-02-29" });
});

test.each([false, true])(
  "a copy of what has no type here keeps its digits, and its type (bigint: %s)",
  (bigint) => {
    for (const text of [
      '{"$odd":1009513310189256287}',
      '{"n":1,"at":{"$odd":[9007199254740993,{"$object":{"$odd":9007199254740995}}]}}',
      '{"$odd":{"$datetime":"2024-02-29T12:00:00.123456+01:00"}}',
    ]) {
      const json = parse(text) as Json;
      expect(stringify(encode(structuredClone(decode(json, bigint)), json))).toBe(text);
    }
  },
);

test("a Date keeps the offset and the digits with which it was read until it is another time", () => {
  const json = { at: { $datetime: "2024-02-29T12:00:00.123456+01:00" }, n: 1 };
  const { at } = decode(json) as { at: Date };
  expect(encode({ at: new Date(at), n: 2 }, json)).toEqual({ ...json, n: 2 });
  at.setTime(0);
  expect(encode({ at }, json)).toEqual({ at: { $datetime: "1970-01-01T00:00:00.000+00:00" } });
});

test("what only looks like what stood there is a value of its own", () => {
  expect(encode({ $date: "2024-03-01" }, { $date: "2024-02-29" })).toEqual({
    $object: { $date: "2024-03-01" },
  });
  const nan = { $a: { $float: "nan" } };
  expect(encode({ $a: Number.NaN }, { $a: null })).toEqual({ $object: nan });
  expect(encode({ $a: Number.NaN, b: 1 }, { $a: null, b: 1 })).toEqual({
    $a: { $float: "nan" },
    b: 1,
  });
});

test.each(["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"])(
  "a member %s is one as any other",
  (name) => {
    const json = JSON.parse(`{"${name}":3}`);
    expect(JSON.stringify(decode(json))).toBe(JSON.stringify(json));
    expect(JSON.stringify(encode(json))).toBe(JSON.stringify(json));
    expect(decode({ $float: name })).toEqual({ $float: name });
  },
);

test("what Python writes is read, by the table in docs/values.md", () => {
  const table = readFileSync(new URL("../../../docs/values.md", import.meta.url), "utf8");
  for (const name of ["$float", "$bytes", "$datetime", "$object"]) expect(table).toContain(name);
});

test("what is in a circle, or nested too deep, is refused with where it begins", () => {
  const circle: Value[] = [];
  circle.push({ again: circle });
  const message = /^value\[0\]\.again.{1,50}: expected at most 128 nested values, got more$/;
  expect(() => encode(circle)).toThrow(message);
});

test("half a character is refused with the path to it", () => {
  const half = "😀".slice(0, 1);
  expect(() => encode({ a: [half] })).toThrow("value.a[0]: expected text, got half a character");
  expect(() => encode({ [half]: 1 })).toThrow("expected text, got half a character");
  expect(encode("😀")).toBe("😀");
});

const ROWS = '[{"id":1009513310189256287,"n":1},{"id":1009513310189256288,"n":2}]';

test("integers that no double holds are the nearest numbers, or bigints where asked for", () => {
  const json = parse('{"id":1009513310189256287,"$x":[-9007199254740993]}') as Json;
  expect(decode(json)).toEqual({ id: 1009513310189256300, $x: [-9007199254740992] });
  expect(decode(json, true)).toEqual({ id: 1009513310189256287n, $x: [-9007199254740993n] });
});

test("a bigint is written with all of its digits, and one that a double holds as a number", () => {
  expect(encode([1009513310189256287n, 5n])).toEqual([new LongInteger("1009513310189256287"), 5]);
});

test("a value that is made of another keeps the digits of what it leaves as it was", () => {
  const before = parse(ROWS) as Json;
  const rows = decode(before) as { id: number; n: number }[];
  const next = rows.map((row) => ({ ...row, n: row.n + 1 }));
  expect(stringify(encode(next, before))).toBe(
    ROWS.replace('"n":2', '"n":3').replace('"n":1', '"n":2'),
  );
});

test("an integer that moves in a value keeps its digits", () => {
  const before = parse(ROWS) as Json;
  const [first] = decode(before) as { id: number }[];
  const one = parse('{"of":{"$one":1009513310189256287}}') as Json;
  expect(stringify(encode({ moved: [first?.id] }, one))).toBe('{"moved":[1009513310189256287]}');
  expect(stringify(encode(decode(one), one))).toBe('{"of":{"$one":1009513310189256287}}');
});

test("another integer is written as the number that it is", () => {
  expect(encode({ id: 2 ** 60 }, parse('{"id":1009513310189256287}') as Json)).toEqual({
    id: 2 ** 60,
  });
});

test("a bigint, too, may be the only member of what looks like a value of another type", () => {
  expect(encode({ $n: 5n })).toEqual({ $object: { $n: 5 } });
  expect(encode({ $n: 5n }, { $n: 5 })).toEqual({ $n: 5 });
  expect(encode({ $n: 5n }, { $n: 6 })).toEqual({ $object: { $n: 5 } });
  expect(decode(encode({ $n: 2n ** 64n }), true)).toEqual({ $n: 2n ** 64n });
});
