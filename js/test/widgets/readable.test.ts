import { expect, test } from "vitest";
import { readable } from "../../src/widgets/readable";

test.each([
  ["text", "text"],
  [{ $date: "2024-02-29" }, "2024-02-29"],
  [{ $decimal: "1.50" }, "1.50"],
  [{ $float: "nan" }, "nan"],
  [{ $timedelta: 90.5 }, "90.5 s"],
  [{ $bytes: "aGVsbG8=" }, "5 bytes"],
  [{ $ndarray: { dtype: "<f8", shape: [2, 3], data: "" } }, "an array of <f8, 2 × 3"],
  [{ $ndarray: { dtype: "<f8", shape: [], data: "" } }, "an array of <f8, one item"],
  [{ $ndarray: 3 }, '{"$ndarray":3}'],
  [{ $date: 3 }, '{"$date":3}'],
  [{ $date: "2024-02-29", more: 1 }, '{"$date":"2024-02-29","more":1}'],
  [[1, null], "[1,null]"],
  [null, "null"],
] as const)("%j reads %s", (value, text) => {
  expect(readable(value as never)).toBe(text);
});
