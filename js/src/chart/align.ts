import type { Points } from "./decimate";

/** One column of x, and of each series what it has there; `undefined`: nothing. */
export type Aligned = [x: number[], ...y: (number | undefined)[][]];

/** Put several series, each in the order of its x, on one axis. */
export function align(series: readonly Points[]): Aligned {
  const places = series.map(() => 0);
  const xs: number[] = [];
  const ys: (number | undefined)[][] = series.map(() => []);
  for (;;) {
    let x = Number.POSITIVE_INFINITY;
    series.forEach((points, index) => {
      const next = points.x[places[index] as number];
      if (next !== undefined && next < x) x = next;
    });
    if (x === Number.POSITIVE_INFINITY) return [xs, ...ys];
    xs.push(x);
    series.forEach((points, index) => {
      const place = places[index] as number;
      const isHere = points.x[place] === x;
      ys[index]?.push(isHere ? points.y[place] : undefined);
      if (isHere) places[index] = place + 1;
    });
  }
}
