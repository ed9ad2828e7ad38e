import { expect, test } from "vitest";
import { guessKind, readMeta } from "../../src/pages/meta";
import type { Json } from "../../src/protocol/messages";

test("a description is read as Python writes it", () => {
  const control = { kind: null, min: 0, max: 10, step: null, label: "Speed", options: [] };
  const meta = readMeta({ kind: "state", label: "Speed", control });
  expect(meta).toMatchObject({ kind: "state", label: "Speed" });
  expect(meta?.control).toMatchObject({ kind: null, min: 0, max: 10, label: "Speed" });
});

test("a control's own label does where there is no other", () => {
  expect(readMeta({ kind: "state", control: { label: "Speed" } })?.label).toBe("Speed");
});

test.each<[string, Json | undefined]>([
  ["nothing", undefined],
  ["no object", "state"],
  ["a list", [{ kind: "state" }]],
  ["no kind", { label: "x" }],
  ["an unknown kind", { kind: "script" }],
])("%s is no description", (_, value) => {
  expect(readMeta(value)).toBeNull();
});

test("what makes no sense in a control is left out", () => {
  const control = {
    ...{ kind: 7, label: {}, description: [], min: "0", max: null, step: -1 },
    ...{ options: { a: 1 }, disabled: "yes", limit_bytes: "x" },
  };
  expect(readMeta({ kind: "state", control })?.control).toEqual({
    ...{ kind: null, label: null, description: null, min: null, max: null, step: null },
    ...{ options: [], disabled: false, read_only: false },
  });
});

test.each<[string, Json[]]>([
  ["state", [5]],
  ["state", [{ v: 5, i: "me" }]],
  ["state", []],
  ["stream", ["one", "two"]],
  ["reducer", [{ reset: {} }]],
  ["reducer", [{ reset: {} }, { apply: 1, i: "me" }]],
  ["stream", [{ apply: 1 }, { apply: 2 }]],
  ["reducer", [{ reset: { name: "" }, initial: "X" }]],
  ["reducer", [{ apply: { set: "name" }, i: "me" }]],
  ["reducer", [{ apply: { set: {}, add: 1 }, i: "me" }]],
  ["dict", [{ reset: { name: "" } }, { apply: { set: { name: "Ann" } }, i: "me" }]],
  ["dict", [{ apply: { remove: ["name"] }, i: "me" }]],
])("it looks like a %s: %j", (kind, held) => {
  expect(guessKind(held)).toBe(kind);
});

test("a choice is a label with its value, or a value alone; there are so many at most", () => {
  const read = (options: Json) =>
    readMeta({ kind: "state", control: { options } })?.control.options;
  expect(read([["Tea", "t"], "Coffee", 3])).toEqual([
    ["Tea", "t"],
    ["Coffee", "Coffee"],
    ["3", 3],
  ]);
  expect(read(Array.from({ length: 3_000 }, () => "a"))).toHaveLength(1_000);
});

test("a key may be said to be a dictionary", () => {
  expect(readMeta({ kind: "dict", label: null })?.kind).toBe("dict");
});
