import { expect, test } from "vitest";
import { readAnsi } from "../../src/widgets/ansi";

const plain = (line: string) =>
  readAnsi(line)
    .map(({ text }) => text)
    .join("");
const classes = (line: string) => readAnsi(line).map(({ classes }) => classes.join(" "));

test("text without sequences is one piece", () => {
  expect(readAnsi("a <b>c</b>")).toEqual([{ text: "a <b>c</b>", classes: [] }]);
  expect(readAnsi("")).toEqual([]);
});

test("colours and weights last until they are taken back", () => {
  const line = "a\u001b[1;31mb\u001b[22mc\u001b[0md\u001b[103me\u001b[me";
  expect(plain(line)).toBe("abcdee");
  expect(classes(line)).toEqual([
    "",
    "driftdb-bold driftdb-fg-red",
    "driftdb-fg-red",
    "",
    "driftdb-bg-bright-yellow",
    "",
  ]);
});

test("of many colours those that a terminal names are taken", () => {
  expect(classes("\u001b[38;5;12ma\u001b[38;5;200mb\u001b[38;2;1;2;3mc\u001b[4md")).toEqual([
    "driftdb-fg-bright-blue",
    "",
    "",
    "driftdb-underlined",
  ]);
});

test("other sequences and control characters are taken out", () => {
  expect(plain("\u001b[2K\u001b]0;title\u0007a\u0008\u001b[1Ab")).toBe("ab");
});
