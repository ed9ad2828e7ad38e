import { expect, test } from "vitest";
import { readable } from "../../src/widgets/readable";

test.each([
  ["text", "text"],
  [{ $date: "2024-02-29" }, "2024-02-29"],
  [{ $decimal: "1.50" }, "1.50"],
  [{ $float: "nan" }, "nan"],
  [{ $timedelta: 90.5 }, "90.5 s"],
  [{ $bytes: "aGVsbG8=" }, "5 bytes"],
  [{ $ndarray: { dtype: "<f8", shape: [2, 3], data: "" } }, "an array of float64, 2 × 3"],
  [{ $ndarray: { dtype: "<f8", shape: [], data: "" } }, "an array of float64, one item"],
  [{ $ndarray: { dtype: "|b1", shape: [3], data: "" } }, "an array of bool, 3"],
  [{ $ndarray: { dtype: "<M8[D]", shape: [3], data: "" } }, "an array of <M8[D], 3"],
  [{ $ndarray: 3 }, '{"$ndarray":3}'],
  [{ $date: 3 }, '{"$date":3}'],
  [{ $date: "2024-02-29", more: 1 }, '{"$date":"2024-02-29","more":1}'],
  [[1, null], "[1,null]"],
  [null, "null"],
] as const)("%j reads %s", (value, text) => {
  expect(readable(value as never)).toBe(text);
});
