// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { areVotes, readCategories, rowsOf, Votes } from "../../src/chart/categories";
import { Reader } from "../../src/chart/reader";
import { fileName } from "../../src/chart/save";
import { csvOf } from "../../src/chart/sheet";
import { readStyle } from "../../src/chart/style";
import { LongInteger } from "../../src/protocol/integers";
import type { Json } from "../../src/protocol/messages";

function read(style: Json, values: readonly Json[], times: readonly number[] = []) {
  const reader = new Reader(readStyle(style), "log");
  values.forEach((value, place) => {
    reader.add({ value, time: times[place] });
  });
  const series = reader.series.map(({ name, course }) => {
    course.settle();
    const { x, y, length } = course;
    return [name, [...x.subarray(0, length)], [...y.subarray(0, length)]];
  });
  return { series, reader };
}

test("numbers are counted from 0", () => {
  expect(read({}, [5, 6.5, new LongInteger("9007199254740993")]).series).toEqual([
    ["log", [0, 1, 2], [5, 6.5, 9007199254740992]],
  ]);
});

test("of dicts all numbers are drawn above the column that seems to be the axis", () => {
  const values = [
    { step: 1, loss: 0.5, note: "a" },
    { step: 2, loss: 0.4, accuracy: 1, ok: true },
  ];
  const { series, reader } = read({}, values);
  expect(series).toEqual([
    ["loss", [1, 2], [0.5, 0.4]],
    ["accuracy", [2], [1]],
  ]);
  expect(reader.x).toBe("step");
  expect(read({ x: "loss", y: ["step", "none"] }, values).series).toEqual([
    ["step", [0.4, 0.5], [2, 1]],
  ]);
  expect(read({}, [{ a: 1 }, { a: 2 }]).series).toEqual([["a", [0, 1], [1, 2]]]);
});

test("a time is a column's, or the server's", () => {
  const when = { $datetime: "1970-01-01T00:00:05+00:00" };
  const own = read({ x: "when" }, [{ when, a: 1 }]);
  expect([own.series, own.reader.isTime]).toEqual([[["a", [5], [1]]], true]);
  const stamped = read({ x: "time" }, [{ a: 1 }, 2], [1000, 2000]);
  expect(stamped.series).toEqual([
    ["a", [1], [1]],
    ["log", [2], [2]],
  ]);
  expect(stamped.reader.isTime).toBe(true);
});

test("what can't be drawn is left out: no number, none that an axis has, and none that is one", () => {
  const values = ["text", null, { a: { $float: "nan" } }, { a: 1e31 }, [1], { b: 2 }, { a: 3 }];
  const { series, reader } = read({ y: ["a"] }, values);
  expect(series).toEqual([["a", [6], [3]]]);
  expect(reader.left).toBe(6);
  expect(read({ log_y: true, log_x: true }, [5, 0, -1, 7]).series).toEqual([["log", [3], [7]]]);
});

test("a name that all objects inherit is no column", () => {
  expect(read({ y: ["constructor"], x: "toString" }, [{ a: 1 }]).series).toEqual([]);
});

test("of very many columns so many are drawn as can be told apart", () => {
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`c${n}`, n]));
  expect(read({}, [wide]).series).toHaveLength(20);
});

test.each<[Json, object]>([
  [null, {}],
  [{ kind: "pie", x: 3, y: 4, smoothing: 2, bins: 0, window: -1, log_x: 1 }, {}],
  [
    { y: "loss", kind: "bar", window: 5 },
    { y: ["loss"], kind: "bar", window: 5 },
  ],
  [
    { y: ["a", 1, "a"], smoothing: 0.5 },
    { y: ["a"], smoothing: 0.5 },
  ],
])("of what the room says of a style, what makes sense is taken: %j", (told, expected) => {
  const plain = { kind: "line", x: null, y: null, logX: false, logY: false };
  const more = { smoothing: 0, bins: 30, window: null };
  expect(readStyle(told)).toEqual({ ...plain, ...more, ...expected });
});

const amounts = (value: Json, style: Json = {}) => {
  const { series, rows } = readCategories(value, readStyle(style));
  return [series, rows.map((row) => [row.name, ...row.amounts])];
};

test.each<[string, Json, unknown]>([
  [
    "a dict of numbers",
    { Paris: 2, Lyon: 1 },
    [
      [""],
      [
        ["Paris", 2],
        ["Lyon", 1],
      ],
    ],
  ],
  [
    "votes",
    ["a", "b", "a"],
    [
      [""],
      [
        ["a", 2],
        ["b", 1],
      ],
    ],
  ],
  [
    "votes by voter",
    { ann: "a", ben: ["a", "b"] },
    [
      [""],
      [
        ["a", 2],
        ["b", 1],
      ],
    ],
  ],
  [
    "votes of some, while others have not chosen",
    { ann: "a", ben: null, cyd: "a" },
    [[""], [["a", 2]]],
  ],
  ["votes in a list, of which some are none", [null, "a"], [[""], [["a", 1]]]],
  [
    "names that begin with $",
    { $5: 3, $10: 4 },
    [
      [""],
      [
        ["$5", 3],
        ["$10", 4],
      ],
    ],
  ],
  ["a single name that begins with $", { $object: { $5: 3 } }, [[""], [["$5", 3]]]],
  [
    "numbers",
    [3, 4],
    [
      [""],
      [
        ["1", 3],
        ["2", 4],
      ],
    ],
  ],
  ["rows", [{ who: "a", n: 1, m: 2 }], [["n", "m"], [["a", 1, 2]]]],
  [
    "a frame",
    { $dataframe: { columns: ["who", "n"], data: { who: ["a", "b"], n: [1, null] } } },
    [
      ["n"],
      [
        ["a", 1],
        ["b", null],
      ],
    ],
  ],
  ["a text", "text", [[], []]],
  ["nothing", null, [[], []]],
  ["a date", { $date: "2024-02-29" }, [[], []]],
])("bars are of %s", (_, value, expected) => {
  expect(amounts(value)).toEqual(expected);
});

test("bars are of the columns that are asked for, and of so many rows as can be seen", () => {
  const rows = [{ who: "a", n: 1, m: 2 }];
  expect(amounts(rows, { x: "who", y: ["m"] })).toEqual([["m"], [["a", 2]]]);
  const many = readCategories(
    Array.from({ length: 120 }, (_, n) => n),
    readStyle({}),
  );
  expect([many.rows.length, many.more]).toEqual([100, 20]);
});

test("a list is votes where all of it was chosen", () => {
  expect([areVotes(["a", true]), areVotes(["a", 1]), areVotes([])]).toEqual([true, false, false]);
});

test("votes without end are counted, and their names are bounded", () => {
  const votes = new Votes();
  for (let n = 0; n < 5000; n += 1) votes.add(n % 2 === 0 ? "yes" : `${"n".repeat(300)}`);
  const [yes, long] = votes.categories.rows;
  expect([yes, long?.name.length, long?.amounts]).toEqual([
    { name: "yes", amounts: [2500] },
    201,
    [2500],
  ]);
  for (let n = 0; n < 5000; n += 1) votes.add([`other ${n}`, "yes"]);
  const { rows, more } = votes.categories;
  expect([rows.length, rows[0]?.amounts, more]).toEqual([100, [7500], 998 - 98 + 4002]);
  const { size } = (votes as unknown as { counts: Map<string, number> }).counts;
  expect(size).toBe(1000);
});

test("what is nearly all smoothed is smoothed as much as can be", () => {
  expect(readStyle({ smoothing: 0.9999 }).smoothing).toBe(0.999);
});

test("of a name of any length so much is shown as can be read", () => {
  const long = "n".repeat(100_000);
  const [[name = ""] = []] = read({}, [{ [long]: 1 }]).series as string[][];
  expect(name).toHaveLength(101);
  expect(readCategories({ [long]: 1 }, readStyle({})).rows[0]?.name).toHaveLength(201);
});

test("a frame is drawn row by row", () => {
  const frame = { $dataframe: { columns: ["t", "n"], data: { t: [1, 2], n: [3, 4] } } };
  expect(rowsOf(frame)).toEqual([
    { t: 1, n: 3 },
    { t: 2, n: 4 },
  ]);
  expect(rowsOf("text")).toEqual([]);
});

test("a spreadsheet takes no text for a formula, and the numbers as they are", () => {
  const rows = [
    ["=1+1", -1, null],
    ['say "a", b', 0.1, 1e-9],
  ];
  expect(csvOf({ head: ["name", "@x", "y"], rows })).toBe(
    'name,\'@x,y\r\n\'=1+1,-1,\r\n"say ""a"", b",0.1,1e-9\r\n',
  );
});

test.each([
  ["\t=1+1", "' =1+1"],
  ["  =1+1", "'  =1+1"],
  ["\u00a0@x", "'\u00a0@x"],
  ["\u200b-1", "'\u200b-1"],
  ["\n+1", "' +1"],
  ["＝1+1", "'＝1+1"],
  ["＠x", "'＠x"],
  ["a\tb\r\n=c\u0000", "a b  =c "],
  ["a=b", "a=b"],
])("no spreadsheet takes %j for a formula, or for several cells", (text, cell) => {
  expect(csvOf({ head: [text], rows: [] })).toBe(`${cell}\r\n`);
});

test.each([
  ["Training / loss", "Training-loss"],
  ["../../etc", "etc"],
  ["", "chart"],
  ["тест", "тест"],
  ["\u202egpj.exe", "gpj-exe"],
])("a file's name is made of %j", (label, name) => {
  expect(fileName(label)).toBe(name);
});
