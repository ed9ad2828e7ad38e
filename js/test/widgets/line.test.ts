import { expect, test } from "vitest";
import { nameOf } from "../../src/client/user";
import { readLine } from "../../src/widgets/line";

const read = (value: never | object | string | number | null, more: object = {}) =>
  readLine({ value: value as never, seq: 1, ...more });

test("a text is a line, any other value its JSON", () => {
  expect(read("hello").text).toBe("hello");
  expect(read({ a: [1] }).text).toBe('{"a":[1]}');
  expect(read(null).text).toBe("null");
});

test("stamps tell who and when", () => {
  const line = read("x", { time: 12, user: { username: "ann", display_name: "Ann" } });
  expect([line.time, line.author]).toEqual([12, "Ann"]);
  expect(nameOf({ name: 3 })).toBe(null);
});

test("a logger's record shows its message, and knows its level and time", () => {
  const line = read({ level: "WARNING", logger: "x", message: "loss is high", time: 1.5 });
  expect([line.text, line.level, line.time]).toEqual(["loss is high", "warning", 1500]);
});

test("a progress says in words where it is", () => {
  const value = { progress: 2, total: 4, id: "a", done: false, seconds: 1.26, description: "fit" };
  const line = read({ ...value, postfix: { loss: 0.123456, lr: "1e-3" } });
  expect(line.text).toBe("fit  ·  2 of 4  ·  1.3 s  ·  loss 0.1235  ·  lr 1e-3");
  expect(line.progress).toEqual({
    id: "a",
    count: 2,
    total: 4,
    done: false,
    failed: false,
    stopped: false,
  });
  expect(read({ ...value, postfix: { toString: { toString: 1 } } }).text).toMatch(
    /{"toString":1}$/,
  );
  expect(read({ progress: 7, id: "a", error: "ValueError" }).text).toBe("7  ·  ValueError");
  expect(read({ progress: 7, id: "a", stopped: true }).text).toBe("7  ·  stopped");
});

test("a number that is none, and a time that is no date, are not told", () => {
  const huge = Number.POSITIVE_INFINITY;
  expect(read({ progress: huge, id: "a" }).progress).toBeNull();
  expect(read({ progress: 1, total: huge, id: "a" }).progress?.total).toBeNull();
  for (const time of [huge, 1e300])
    expect(read({ level: "info", message: "m", time }).time).toBeNull();
});
