// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { Tree } from "../../src/pages/tree";

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
  const [, , b] = document.querySelectorAll("details");
  b?.setAttribute("open", "");
  b?.dispatchEvent(new Event("toggle"));
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
