import type { Course } from "./course";

/** Points to be drawn. */
export interface Points {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/** A part of the horizontal axis. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The points to draw where there are so many columns of pixels: of each column the first, the
 * least, the greatest and the last point. A line through them covers the same pixels as one through
 * all. One point beyond each end is there, too, so that lines go on to the edge. What it costs
 * depends on the columns, hardly on how many points there are.
 */
export function decimate(course: Course, span: Span, columns: number, isLog = false): Points {
  const { from, to } = span;
  const first = Math.max(0, course.placeOf(from) - 1);
  const last = Math.min(course.length, course.placeAfter(to) + 1);
  const x: number[] = [];
  const y: number[] = [];
  const take = (place: number) => {
    x.push(course.x[place] as number);
    y.push(course.y[place] as number);
  };
  if (last - first <= 4 * columns) {
    for (let place = first; place < last; place += 1) take(place);
    return { x, y };
  }
  const edge =
    isLog && from > 0
      ? (column: number) => from * (to / from) ** (column / columns)
      : (column: number) => from + ((to - from) * column) / columns;
  let begin = first;
  for (let column = 1; column <= columns + 1 && begin < last; column += 1) {
    const end = column > columns ? last : Math.min(last, course.placeOf(edge(column), begin));
    if (end === begin) continue;
    const { least, greatest } = course.extremes(begin, end);
    const [one, other] = least < greatest ? [least, greatest] : [greatest, least];
    take(begin);
    if (one > begin) take(one);
    if (other > Math.max(begin, one)) take(other);
    if (end - 1 > Math.max(begin, other)) take(end - 1);
    begin = end;
  }
  return { x, y };
}
