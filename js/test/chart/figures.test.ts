import fc from "fast-check";
import { expect, test } from "vitest";
import { figure, labels } from "../../src/chart/figures";
import { linearTicks } from "../../src/chart/ticks";

test.each([
  [
    [0, 2_000_000, 4_000_000],
    ["0", "2M", "4M"],
  ],
  [
    [1_000_000, 1_000_001, 1_000_002],
    ["1M", "1.000001M", "1.000002M"],
  ],
  [
    [1_000_250, 1_000_500],
    ["1.00025M", "1.0005M"],
  ],
  [
    [1_000.01, 1_000.02],
    ["1,000.01", "1,000.02"],
  ],
  [
    [1.00001e-5, 1.00002e-5],
    ["1.00001e-5", "1.00002e-5"],
  ],
  [
    [0.5, null, 12],
    ["0.5", "", "12"],
  ],
  [[1_234_567], ["1.235M"]],
])("beside an axis with marks at %j stand %j", (numbers, texts) => {
  expect(labels(numbers)).toEqual(texts);
});

test("no two marks of an axis read alike, however small a part it shows", () => {
  const from = fc.double({ min: -1e18, max: 1e18, noNaN: true });
  const part = fc.double({ min: 1e-9, max: 1, noNaN: true });
  fc.assert(
    fc.property(from, part, fc.integer({ min: 1, max: 20 }), (from, part, most) => {
      const ticks = linearTicks({ from, to: from + part * Math.abs(from) }, most);
      expect(new Set(labels(ticks)).size).toBe(ticks.length);
    }),
  );
});

test.each([
  [1234.5678, "1,234.6"],
  [1_234_567, "1,234,567"],
  [0.000012345678, "1.235e-5"],
])("%d is read at a glance as %s", (number, text) => {
  expect(figure(number)).toBe(text);
});
