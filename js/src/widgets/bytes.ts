const UNITS = ["bytes", "KiB", "MiB", "GiB"];

/** An amount of bytes, for people; as limits are given. */
export function bytes(amount: number): string {
  if (amount === 1) return "1 byte";
  let left = amount;
  let unit = 0;
  for (; left >= 1024 && unit < UNITS.length - 1; unit += 1) left /= 1024;
  return `${unit === 0 ? left : Number(left.toPrecision(3))} ${UNITS[unit]}`;
}
