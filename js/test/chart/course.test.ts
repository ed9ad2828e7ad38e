import fc from "fast-check";
import { expect, test } from "vitest";
import { align } from "../../src/chart/align";
import { Course } from "../../src/chart/course";
import { decimate } from "../../src/chart/decimate";
import { Histogram } from "../../src/chart/histogram";
import { Smoothed } from "../../src/chart/smooth";

type Point = [x: number, y: number];

/** Without -0, and others that no picture tells from 0. */
const number = fc
  .double({ min: -1e6, max: 1e6, noNaN: true })
  .map((each) => (Math.abs(each) < 1e-100 ? 0 : each));
const points = fc.array(fc.tuple(fc.integer({ min: -50, max: 500 }), number), { maxLength: 600 });

function courseOf(given: readonly Point[], most?: number): Course {
  const course = new Course(most);
  for (const [x, y] of given) course.push(x, y);
  course.settle();
  return course;
}

const pointsOf = ({ x, y, length }: Course): Point[] =>
  Array.from({ length }, (_, place) => [x[place] as number, y[place] as number]);

test("points stand in the order of their x, and those of the same x in that in which they came", () => {
  fc.assert(
    fc.property(points, (given) => {
      const sorted = given
        .map((point, place) => ({ point, place }))
        .sort((one, other) => one.point[0] - other.point[0] || one.place - other.place)
        .map(({ point }) => point);
      expect(pointsOf(courseOf(given))).toEqual(sorted);
    }),
  );
});

test("points that come late are put between in several steps, too", () => {
  const course = courseOf([
    [1, 10],
    [3, 30],
  ]);
  course.push(2, 20);
  course.push(4, 40);
  course.settle();
  course.push(0, 0);
  course.settle();
  expect(pointsOf(course).map(([, y]) => y)).toEqual([0, 10, 20, 30, 40]);
  expect(course.extremes(0, 5)).toEqual({ least: 0, greatest: 4 });
});

test("the extremes of any range are those that a search through all finds", () => {
  const range = fc.tuple(fc.nat(), fc.nat());
  fc.assert(
    fc.property(points, range, (given, [one, other]) => {
      const course = courseOf(given);
      fc.pre(course.length > 0);
      const [from, last] = [one % course.length, other % course.length].sort((a, b) => a - b);
      const { least, greatest } = course.extremes(from as number, (last as number) + 1);
      const inside = pointsOf(course)
        .slice(from, (last as number) + 1)
        .map(([, y]) => y);
      expect(course.y[least]).toBe(Math.min(...inside));
      expect(course.y[greatest]).toBe(Math.max(...inside));
    }),
  );
});

test("of more points than are kept the detail goes, and no peak", () => {
  const given = fc.array(number, { minLength: 100, maxLength: 700 });
  fc.assert(
    fc.property(given, (values) => {
      const course = courseOf(
        values.map((y, x) => [x, y]),
        64,
      );
      expect(course.length).toBeLessThanOrEqual(64);
      const kept = pointsOf(course);
      expect(Math.max(...kept.map(([, y]) => y))).toBe(Math.max(...values));
      expect(Math.min(...kept.map(([, y]) => y))).toBe(Math.min(...values));
      const xs = kept.map(([x]) => x);
      expect(xs).toEqual([...xs].sort((one, other) => one - other));
      const { greatest } = course.extremes(0, course.length);
      expect(course.y[greatest]).toBe(Math.max(...values));
    }),
  );
});

test("what is drawn has the extremes of each column of pixels, and its ends", () => {
  const columns = fc.integer({ min: 1, max: 40 });
  const logarithmic = fc.boolean();
  fc.assert(
    fc.property(points, columns, logarithmic, (given, count, isLog) => {
      const course = courseOf(isLog ? given.filter(([x]) => x > 0) : given);
      fc.pre(course.length > 1 && course.x[0] !== course.x[course.length - 1]);
      const from = course.x[0] as number;
      const to = course.x[course.length - 1] as number;
      const drawn = decimate(course, { from, to }, count, isLog);
      expect(drawn.x.length).toBeLessThanOrEqual(4 * (count + 2));
      const kept = Array.from(drawn.x, (x, place) => `${x} ${drawn.y[place]}`);
      const all = pointsOf(course).map(([x, y]) => `${x} ${y}`);
      expect(kept.filter((each) => !all.includes(each))).toEqual([]);
      const column = (x: number) => {
        const share = isLog ? Math.log(x / from) / Math.log(to / from) : (x - from) / (to - from);
        return Math.min(count - 1, Math.floor(share * count));
      };
      // A point on the edge of two columns may be in either.
      for (const pick of [Math.min, Math.max]) {
        const byColumn = new Map<number, number>();
        for (const [x, y] of pointsOf(course)) {
          if (Math.abs(column(x * (1 + 1e-9)) - column(x * (1 - 1e-9))) > 0) continue;
          byColumn.set(column(x), pick(byColumn.get(column(x)) ?? y, y));
        }
        const ys = new Set(drawn.y as number[]);
        const bound = pick(...pointsOf(course).map(([, y]) => y));
        expect(ys.has(bound)).toBe(true);
        for (const [each, y] of byColumn) {
          const shown = Array.from(drawn.x, (x, place) => [x, drawn.y[place]] as Point).filter(
            ([x]) => Math.abs(column(x) - each) <= 1,
          );
          expect(pick(y, ...shown.map(([, value]) => value))).toBe(
            pick(...shown.map(([, value]) => value)),
          );
        }
      }
    }),
  );
});

test("of a part of the axis what is in it is drawn, and one point beyond each end", () => {
  const course = courseOf(Array.from({ length: 100 }, (_, n): Point => [n, n]));
  const drawn = decimate(course, { from: 40, to: 45 }, 100);
  expect(drawn.x).toEqual([39, 40, 41, 42, 43, 44, 45, 46]);
  expect(decimate(course, { from: 39.5, to: 40.5 }, 100).x).toEqual([39, 40, 41]);
});

test("one peak among a million points is drawn, from whatever distance", () => {
  const course = new Course();
  for (let place = 0; place < 1_000_000; place += 1) course.push(place, place === 777_777 ? 9 : 0);
  for (const columns of [1, 7, 300, 1000]) {
    const drawn = decimate(course, { from: 0, to: 999_999 }, columns);
    expect(Math.max(...(drawn.y as number[]))).toBe(9);
    expect(drawn.x.length).toBeLessThan(4 * (columns + 2));
  }
});

test("several series stand on one axis, each point of each once", () => {
  const series = fc.array(points, { maxLength: 4 });
  fc.assert(
    fc.property(series, (given) => {
      const each = given.map((some) => {
        const { x, y, length } = courseOf(some);
        return { x: x.subarray(0, length), y: y.subarray(0, length) };
      });
      const [xs, ...ys] = align(each);
      expect(xs).toEqual([...xs].sort((one, other) => one - other));
      ys.forEach((column, place) => {
        const own = column.flatMap((y, row) => (y === undefined ? [] : [[xs[row], y]]));
        const { x, y } = each[place] as (typeof each)[number];
        expect(own).toEqual(Array.from(x, (at, row) => [at, y[row]]));
      });
    }),
  );
});

test("a smoothed line forgets its past, begins where the values do, and goes on as it began", () => {
  const course = courseOf([
    [0, 10],
    [1, 0],
  ]);
  const smooth = new Smoothed(course, 0.5);
  smooth.update();
  expect(pointsOf(smooth.course)[0]).toEqual([0, 10]);
  expect(pointsOf(smooth.course)[1]?.[1]).toBeCloseTo(10 / 3);
  fc.assert(
    fc.property(points, fc.nat(), (given, cut) => {
      const whole = courseOf(given);
      const stepwise = new Course();
      const kept = new Smoothed(stepwise, 0.9);
      given.forEach(([x, y], place) => {
        stepwise.push(x, y);
        if (place === cut % given.length) {
          stepwise.settle();
          kept.update();
        }
      });
      stepwise.settle();
      kept.update();
      const once = new Smoothed(whole, 0.9);
      once.update();
      expect(pointsOf(kept.course)).toEqual(pointsOf(once.course));
    }),
  );
});

test("a histogram counts each value once, also those that widen it", () => {
  fc.assert(
    fc.property(points, fc.integer({ min: 1, max: 60 }), (given, bins) => {
      const course = new Course();
      const histogram = new Histogram(bins);
      given.forEach(([x, y], place) => {
        course.push(x, y);
        if (place % 50 === 0) {
          course.settle();
          histogram.update([course]);
        }
      });
      course.settle();
      histogram.update([course]);
      const [counts = []] = histogram.counts;
      expect(counts).toHaveLength(bins);
      expect(counts.reduce((sum, each) => sum + each, 0)).toBe(given.length);
      const { from, width } = histogram;
      for (const [, y] of given) {
        expect((y - from) / width).toBeGreaterThanOrEqual(-1e-3);
        expect((y - from) / width).toBeLessThanOrEqual(bins + 1e-3);
      }
    }),
  );
});
