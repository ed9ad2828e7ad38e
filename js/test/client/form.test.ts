import { expect, test } from "vitest";
import { unwrap, wrap } from "../../src/client/form";
import type { Json } from "../../src/protocol/messages";

const values: Json[] = [0, null, "text", [1], { a: 1 }, { v: 1, i: "x" }, {}];

test.each(values)("%j comes back as it was written", (value) => {
  expect(unwrap(wrap(value))).toEqual(value);
});

test("DriftDB's own form is understood", () => {
  expect(unwrap({ v: 42, i: "x7f3a9" })).toBe(42);
});

test.each([7, "bare", [1, 2], { v: 1 }, { i: "x" }, { v: 1, i: 2 }, { v: 1, i: "x", more: 1 }])(
  "%j is a value as it is",
  (value) => {
    expect(unwrap(value as Json)).toEqual(value);
  },
);
