import fc from "fast-check";
import { expect, test } from "vitest";
import { merged, moved } from "../../src/widgets/merge";

test.each([
  ["nobody else wrote", "hello", "hello!", "hello", "hello!"],
  ["others wrote at the other end", "hello", "hello1", "2hello", "2hello1"],
  ["others wrote at the same place", "hello", "hello1", "hello2", "hello12"],
  ["others wrote the same", "hello", "hello1", "hello1", "hello1"],
  ["others wrote at both ends", "middle", "mid-dle", "12middle34", "12mid-dle34"],
  [
    "others wrote in what is taken out",
    "one two three",
    "one three",
    "one 2two three",
    "one 2three",
  ],
  ["others took out where is written", "one two", "one twXo", "one", "oneX"],
  ["both replaced a word", "a cat b", "a dog b", "a cow b", "a dogow b"],
  ["all was taken out", "hello", "", "hello2", "2"],
  ["others took out all", "hello", "hello1", "", "1"],
  ["there was nothing", "", "1", "2", "12"],
  ["a letter of two code units is changed", "a😀b", "a😁b", "a😀b2", "a😁b2"],
  ["others change a letter of two code units", "a😀b", "a😀b1", "a😁b", "a😁b1"],
  ["a line of text shows no line breaks", "ab", "abx", "a\nb", "a\nbx"],
])("where %s nothing is lost", (_, base, mine, now, expected) => {
  expect(merged(base, mine, now)).toBe(expected);
});

test.each([
  ["others write before it", "hello", 5, "2hello", 6],
  ["others write after it", "hello", 0, "hello2", 0],
  ["others write there", "hello", 5, "hello2", 5],
  ["others write in several places", "hello", 3, "1he2llo3", 5],
  ["others take it out", "hello", 3, "ho", 1],
  ["all is new", "hello", 3, "XYZ", 0],
])("a caret stays where it was in the text where %s", (_, before, place, after, expected) => {
  expect(moved(place, before, after)).toBe(expected);
});

test("very different texts are compared at their ends", () => {
  const [before, after] = ["a".repeat(2_000), "b".repeat(3_000)];
  expect(merged(before, `x${before}`, `1${after}2`)).toBe(`x1${after}2`);
});

/** A text of letters that stand there once, and what some spans of it become. */
const edited = fc
  .tuple(
    fc.uniqueArray(fc.integer({ min: 0x4e00, max: 0x5e00 }), { maxLength: 40 }),
    fc.array(fc.tuple(fc.nat(40), fc.nat(6), fc.nat(3)), { maxLength: 5 }),
    fc.tuple(fc.nat(40), fc.nat(6), fc.nat(3)),
  )
  .map(([codes, others, own]) => {
    const base = codes.map((code) => String.fromCharCode(code)).join("");
    let next = 0;
    const replace = (
      text: string,
      [at, length, more]: [number, number, number],
      letters: string,
    ) => {
      const place = Math.min(at, text.length);
      const put = Array.from({ length: more }, () => letters.charAt(next++ % letters.length));
      return text.slice(0, place) + put.join("") + text.slice(place + length);
    };
    const now = others.reduce(
      (text, edit) => replace(text, edit, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
      base,
    );
    return { base, now, mine: replace(base, own, "0123456789") };
  });

test("what anybody wrote is there, and what anybody took out is not", () => {
  fc.assert(
    fc.property(edited, ({ base, mine, now }) => {
      const letters = (text: string) => [...text].sort().join("");
      const added = (text: string) => [...text].filter((letter) => !base.includes(letter));
      const stays = [...base].filter((letter) => mine.includes(letter) && now.includes(letter));
      const expected = [...stays, ...added(mine), ...added(now)].join("");
      expect(letters(merged(base, mine, now))).toBe(letters(expected));
    }),
    { numRuns: 500 },
  );
});
