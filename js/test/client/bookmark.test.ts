import { expect, test } from "vitest";
import { Bookmark } from "../../src/client/bookmark";

const entries = (...values: string[]) => values.map((value, index) => ({ value, seq: index + 1 }));

function at(...values: string[]): Bookmark {
  const bookmark = new Bookmark();
  for (const entry of entries(...values)) bookmark.pass(entry);
  return bookmark;
}

test("at the beginning all comes next", () => {
  expect(new Bookmark().startOver(entries("a", "b"), true)).toEqual(entries("a", "b"));
});

test("in the same epoch what has higher numbers comes next", () => {
  const held = [{ value: "short", seq: 2 }, ...entries("a", "b", "c").slice(2)];
  expect(at("a", "b").startOver(held, true)).toEqual([{ value: "c", seq: 3 }]);
});

test("in another epoch it goes on behind the value that was seen last", () => {
  const bookmark = at("a", "b");
  expect(bookmark.startOver(entries("a", "b", "c"), false)).toEqual([{ value: "c", seq: 3 }]);
  expect(bookmark.startOver(entries("a", "b", "c"), false)).toEqual([]);
});

test("in another epoch that doesn't hold it all comes next", () => {
  expect(at("a", "b").startOver(entries("a", "x", "c"), false)).toHaveLength(3);
  expect(at("a", "b").startOver(entries("b"), false)).toEqual(entries("b"));
});
