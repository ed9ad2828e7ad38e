const UNITS = ["bytes", "KiB", "MiB", "GiB"];
const ONE_DECIMAL = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** An amount of bytes that is compared with a limit, in the units that limits are given in. */
export function bytes(amount: number): string {
  if (amount === 1) return "1 byte";
  let left = amount;
  let unit = 0;
  for (; left >= 1024 && unit < UNITS.length - 1; unit += 1) left /= 1024;
  return `${unit === 0 ? left : Number(left.toPrecision(3))} ${UNITS[unit]}`;
}

/** How much there is, as `driftdb` prints it (driftdb_jupyter.cli.amounts). */
export function size(amount: number): string {
  if (amount < 1000) return bytes(amount);
  const [divisor, unit] = amount < 999_950 ? [1e3, "kB"] : [1e6, "MB"];
  return `${ONE_DECIMAL.format(amount / divisor)} ${unit}`;
}
