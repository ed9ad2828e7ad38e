import type { Span } from "./decimate";

const STEPS = [1, 2, 2.5, 5, 10];

/** Round numbers in a part of an axis, at most so many; of whole numbers if `isWhole`. */
export function linearTicks({ from, to }: Span, most: number, isWhole = false): number[] {
  const exact = (to - from) / Math.max(1, most);
  if (!(exact > 1e-300)) return [from + 0];
  const size = 10 ** Math.floor(Math.log10(exact));
  const round = STEPS.find((each) => each * size >= exact) ?? 10;
  const step = isWhole ? Math.max(1, Math.ceil(round * size)) : round * size;
  const first = Math.ceil(from / step - 1e-9);
  const ticks: number[] = [];
  // What is counted, and not what is added up: where numbers are far from 0 a step may change none.
  for (let place = 0; place <= most; place += 1) {
    // Without what dividing has added behind the digits.
    const tick = Number(((first + place) * step).toPrecision(12)) + 0;
    if (tick > to || tick === ticks[ticks.length - 1]) break;
    ticks.push(tick);
  }
  return ticks;
}

/** Powers of ten in a part of a logarithmic axis, and what is between where they are few. */
export function logTicks({ from, to }: Span, most: number): number[] {
  if (!(from > 0 && to > from)) return [from + 0];
  const [least, greatest] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const stride = Math.max(1, Math.ceil((greatest - least) / Math.max(1, most)));
  const digits = greatest - least <= 6 ? [1, 2, 3, 4, 5, 6, 7, 8, 9] : [1];
  const ticks: number[] = [];
  for (let power = least; power <= greatest; power += stride)
    for (const digit of digits) {
      const tick = Number(`${digit}e${power}`);
      if (tick >= from && tick <= to && tick !== ticks[ticks.length - 1]) ticks.push(tick);
    }
  return ticks.length > 0 ? ticks : [from + 0];
}
