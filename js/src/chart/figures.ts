/** Numbers as people read them. */
const PLAIN = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });
const WHOLE = new Intl.NumberFormat("en");

/** A number with a few digits: those that are read at a glance. */
export function figure(number: number): string {
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return number.toExponential(3);
  return Number.isInteger(number) ? WHOLE.format(number) : PLAIN.format(number);
}

/** A number beside an axis, where there is little room. */
export function mark(number: number): string {
  return Math.abs(number) >= 1e6 && Math.abs(number) < 1e15 ? SHORT.format(number) : figure(number);
}

/** A place on the horizontal axis. */
export function place(x: number, isTime: boolean): string {
  return isTime ? new Date(1000 * x).toLocaleString() : figure(x);
}
