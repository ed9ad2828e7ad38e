/** Numbers as people read them. */
const WHOLE = new Intl.NumberFormat("en");
/** So many digits tell all marks of an axis apart: ticks have no more. */
const MOST_DIGITS = 12;

/** A number with a few digits: those that are read at a glance; `least`: at least so many. */
export function figure(number: number, least = 0): string {
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-4 || size >= 1e12))
    return number.toExponential(Math.max(4, least) - 1);
  return Number.isInteger(number) ? WHOLE.format(number) : formatOf(5, least).format(number);
}

/**
 * Numbers beside an axis, where there is little room, with as many digits as they all have: those
 * of an axis that shows a small part differ in the last ones alone. `null`: nothing stands there.
 */
export function labels(numbers: readonly (number | null)[]): string[] {
  const digits = numbers.length > 1 ? Math.max(...numbers.map((each) => digitsOf(each ?? 0))) : 0;
  return numbers.map((each) => (each === null ? "" : mark(each, digits)));
}

function mark(number: number, least: number): string {
  const size = Math.abs(number);
  if (size < 1e6 || size >= 1e15) return figure(number, least);
  return formatOf(4, least, "compact").format(number);
}

/** How many digits a number has, without the zeros at its end. */
function digitsOf(number: number): number {
  let digits = 1;
  while (digits < MOST_DIGITS && Number(number.toPrecision(digits)) !== number) digits += 1;
  return digits;
}

/** The formats that were needed so far, for making one takes long. */
const formats = new Map<string, Intl.NumberFormat>();

function formatOf(usual: number, least: number, notation: "standard" | "compact" = "standard") {
  const maximumSignificantDigits = Math.max(usual, least);
  const name = `${notation} ${maximumSignificantDigits}`;
  const format =
    formats.get(name) ?? new Intl.NumberFormat("en", { notation, maximumSignificantDigits });
  formats.set(name, format);
  return format;
}

/** A place on the horizontal axis. */
export function place(x: number, isTime: boolean): string {
  return isTime ? new Date(1000 * x).toLocaleString() : figure(x);
}
