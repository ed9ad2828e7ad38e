import { expect, test } from "vitest";
import { PLAIN, readAnsi } from "../../src/widgets/ansi";

const plain = (line: string) =>
  readAnsi(line)
    .pieces.map(({ text }) => text)
    .join("");
const classes = (line: string) => readAnsi(line).pieces.map(({ classes }) => classes.join(" "));

test("text without sequences is one piece", () => {
  expect(readAnsi("a <b>c</b>").pieces).toEqual([
    { text: "a <b>c</b>", classes: [], fg: null, bg: null },
  ]);
  expect(readAnsi("").pieces).toEqual([]);
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

test.each([
  ["38;5;12", null, ["driftdb-fg-bright-blue"]],
  ["38;5;208", "#ff8700", []],
  ["38;5;16", "#000000", []],
  ["38;5;231", "#ffffff", []],
  ["38;5;232", "#080808", []],
  ["38;5;255", "#eeeeee", []],
  ["38;2;1;2;3", "#010203", []],
  ["38:2::1:2:3", "#010203", []],
  ["38:2:1:2:3", "#010203", []],
  ["1;38:5:208;4:3", "#ff8700", ["driftdb-bold", "driftdb-underlined"]],
  ["38;5;256", null, []],
  ["38;2;1;2;300", null, []],
  ["38;2;1", null, []],
])("the colour %s is kept", (parameters, fg, classes) => {
  const [piece] = readAnsi(`\u001b[${parameters}ma`).pieces;
  expect(piece).toEqual({ text: "a", classes, fg, bg: null });
});

test("a sequence without end is read in no time, and its text is shown", () => {
  const began = performance.now();
  const { pieces } = readAnsi(`\u001b[${"38;".repeat(340_000)}m hi`);
  expect(pieces.map(({ text }) => text)).toEqual([" hi"]);
  expect(performance.now() - began).toBeLessThan(2_000);
});

test("a ground has any colour, too", () => {
  const { pieces } = readAnsi("\u001b[48;5;208ma\u001b[48;2;1;2;3mb\u001b[49mc");
  expect(pieces.map(({ bg }) => bg)).toEqual(["#ff8700", "#010203", null]);
});

test("inverse puts the ground's colour in the place of the text's", () => {
  const { pieces } = readAnsi("\u001b[7;31ma\u001b[48;5;208mb\u001b[0;7mc\u001b[27md");
  expect(pieces.map(({ classes, fg, bg }) => [classes, fg, bg])).toEqual([
    [["driftdb-fg-page", "driftdb-bg-red"], null, null],
    [["driftdb-bg-red"], "#ff8700", null],
    [["driftdb-fg-page", "driftdb-bg-text"], null, null],
    [[], null, null],
  ]);
});

test("a line goes on as the one before ended", () => {
  const { after } = readAnsi("\u001b[1;31ma");
  const next = readAnsi("b\u001b[0mc", after);
  expect(next.pieces.map(({ classes }) => classes.length)).toEqual([2, 0]);
  expect(next.after).toBe(PLAIN);
});

test("other sequences and control characters are taken out", () => {
  expect(plain("\u001b]8;;https://a.example\u001b\\link\u001b]8;;\u001b\\")).toBe("link");
  expect(plain("\u001b[?25l\u001b(Ba\u001b[>4;2mb\u001b=c\u001b]0;cut")).toBe("abc");
  expect(plain("\u001b[2K\u001b]0;title\u0007a\u0008\u001b[1Ab")).toBe("ab");
});

test.each([
  [" 10%\r 20%", " 20%"],
  ["50%\r", "50%"],
  ["50%\r\u001b[2K\u001b[1A", "50%"],
  ["a\r\u001b[1mb\rc\td", "c\td"],
])("what a carriage return has written over is not there: %j", (line, text) => {
  expect(plain(line)).toBe(text);
});

test("a style holds on, also of what was written over", () => {
  expect(classes("\u001b[31m10%\r20%")).toEqual(["driftdb-fg-red"]);
});

test("control characters of eight bits, and texts for the terminal alone, are taken out", () => {
  expect(plain("\u009b31ma\u009d8;;x\u009cb\u0085c\u007f")).toBe("abc");
  expect(classes("\u009b31ma")).toEqual(["driftdb-fg-red"]);
  expect(plain("\u001bPq#0;2\u001b\\a\u001b_secret\u001b\\b\u001b^p\u001b\\c\u001bXs\u0007d")).toBe(
    "abcd",
  );
});
