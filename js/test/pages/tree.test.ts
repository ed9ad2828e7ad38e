// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { Tree } from "../../src/pages/tree";
import type { Json } from "../../src/protocol/messages";

afterEach(() => document.body.replaceChildren());

function tree(): Tree {
  const made = new Tree();
  document.body.append(made.element);
  return made;
}

const summaries = () => [...document.querySelectorAll("summary")];
const leaves = () => [...document.querySelectorAll(".leaf")].map((leaf) => leaf.textContent);

test("what is closed is not made", () => {
  tree().show({ a: { b: { c: { d: 1 } } } });
  expect(leaves()).toEqual([]);
  expect(summaries().map((summary) => summary.textContent)).toEqual(["{1}", "a{1}", "b{1}"]);
});

test("what somebody opened stays open with the next value", () => {
  const shown = tree();
  shown.show({ a: { b: { c: 1 } } });
  document.querySelectorAll("details")[2]?.setAttribute("open", "");
  expect(leaves()).toEqual(["c1"]);
  shown.show({ a: { b: { c: 2 } } });
  expect(leaves()).toEqual(["c2"]);
});

test("the keyboard's place is kept with the next value", () => {
  const shown = tree();
  shown.show({ a: { b: 1 } });
  summaries()[1]?.focus();
  shown.show({ a: { b: 2 } });
  expect(document.activeElement).toBe(summaries()[1]);
});

test("what is there again keeps its element, as what is pressed must", () => {
  const shown = tree();
  shown.show({ a: { b: 1 }, c: [1, 2] });
  const before = [...document.querySelectorAll("details, summary, .leaf")];
  shown.show({ new: 0, a: { b: 2 }, c: [3, 4] });
  expect(leaves()).toEqual(["new0", "b2", "03", "14"]);
  for (const element of before) expect(document.body.contains(element)).toBe(true);
});

test("a branch turns into a leaf and back, an empty one opens when something comes", () => {
  const shown = tree();
  shown.show({});
  expect(summaries().map(({ textContent }) => textContent)).toEqual(["{0}"]);
  for (const [value, text] of [
    [{ a: 1 }, "{1}a1"],
    [{ a: { b: 1 } }, "{1}a{1}b1"],
    [{ a: [] }, "{1}a[0]"],
    [7, "7"],
  ] as const) {
    shown.show(value as Json);
    expect(document.body.textContent).toBe(text);
  }
});

test("only what somebody opened or closed is remembered, until another value is to be shown", () => {
  const shown = tree();
  const list = (length: number) => ({ list: Array.from({ length }, (_, n) => n) });
  shown.show(list(2));
  shown.show(null);
  shown.show(list(30)); // so many are not open at first
  expect(leaves()).toEqual([]);
  document.querySelectorAll("details")[1]?.setAttribute("open", "");
  shown.show(null);
  shown.show(list(30));
  expect(leaves()).toHaveLength(30);
  shown.forget();
  shown.show(list(30));
  expect(leaves()).toEqual([]);
});

test("a long list stands in groups", () => {
  tree().show(Array.from({ length: 25_000 }, (_, n) => n));
  expect(summaries()[0]?.textContent).toBe("[25000]");
  expect(summaries()[1]?.textContent).toBe("0 … 9999");
  expect(summaries()).toHaveLength(4);
});

test("no value is told as such", () => {
  const shown = tree();
  shown.show(1);
  shown.show(undefined);
  expect(document.body.textContent).toBe("no value");
});
