import fc from "fast-check";
import { expect, test } from "vitest";
import { linearTicks, logTicks } from "../../src/chart/ticks";

test.each<[number, number, number, number[]]>([
  [0, 10, 5, [0, 2, 4, 6, 8, 10]],
  [-0.3, 0.3, 6, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]],
  [0.1, 0.9, 3, [0.5]],
  [1e9, 1e9 + 1e-7, 5, [1e9]],
  [3, 3, 5, [3]],
])("from %d to %d there are at most %d steps between %j", (from, to, most, ticks) => {
  expect(linearTicks({ from, to }, most)).toEqual(ticks);
});

test("what is counted has whole numbers alone", () => {
  expect(linearTicks({ from: -0.1, to: 4.1 }, 10, true)).toEqual([0, 1, 2, 3, 4]);
});

test("a logarithmic axis has the powers, and what is between where they are few", () => {
  expect(logTicks({ from: 0.9, to: 21 }, 10)).toEqual([0.9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20]);
  expect(logTicks({ from: 1e-10, to: 1e10 }, 5)).toEqual([1e-10, 1e-6, 1e-2, 1e2, 1e6, 1e10]);
  expect(logTicks({ from: 0, to: 1 }, 5)).toEqual([0]);
});

test("whatever is shown, the marks are few, in order, and inside", () => {
  const end = fc.double({ min: -1e30, max: 1e30, noNaN: true });
  fc.assert(
    fc.property(end, end, fc.integer({ min: 1, max: 20 }), (one, other, most) => {
      const span = { from: Math.min(one, other), to: Math.max(one, other) };
      for (const ticks of [linearTicks(span, most), logTicks(span, most)]) {
        expect(ticks.length).toBeLessThanOrEqual(Math.max(most + 1, 63));
        expect(ticks).toEqual([...new Set(ticks)].sort((a, b) => a - b));
      }
    }),
  );
});
