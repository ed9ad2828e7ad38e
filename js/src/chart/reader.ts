import { LongInteger, rounded } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { tagged } from "../widgets/control";
import { field, isRecord } from "../widgets/record";
import { Course } from "./course";
import type { ChartStyle } from "./style";

/** A value, and when it came, in milliseconds since 1970, where that is known. */
export interface Told {
  readonly value: Json;
  readonly time?: number | undefined;
}

/** One line, or one set of points or bars. */
export interface Series {
  /** What it is, among those of its chart; the same after all values were forgotten. */
  readonly id: string;
  readonly name: string;
  readonly course: Course;
}

/** The names of what is a horizontal axis where nobody says so. */
const AXES = ["step", "global_step", "iteration", "iter", "epoch", "batch", "x", "t", "time"];
const MOST_SERIES = 20;
/** So much of a column's name is shown. */
const LONGEST_NAME = 100;
/** Nothing that is drawn reaches that far; what is as near to 0 is drawn there. */
const FARTHEST = 1e30;

/** Reads the values of a stream as the points of its series. */
export class Reader {
  readonly series: Series[] = [];
  /** Whether x is a time, in seconds since 1970. */
  isTime = false;
  /** How many values have nothing that could be drawn. */
  left = 0;
  /** The columns that were seen, to be told where those that are wanted are not among them. */
  readonly columns = new Set<string>();
  private axis: string | null;
  private count = 0;
  private readonly byColumn = new Map<string, Course>();

  /** `name`: of a value that is a number by itself; with `prefix`: of its other series, too;
   * `place`: among the readers of its chart. */
  constructor(
    private readonly style: ChartStyle,
    private readonly name: string,
    private readonly prefix = false,
    private readonly place = 0,
  ) {
    this.axis = style.x;
  }

  /** The column of the horizontal axis; `null`: values are counted. */
  get x(): string | null {
    return this.axis === null ? null : shortened(this.axis);
  }

  add({ value, time }: Told): void {
    const place = this.count;
    this.count += 1;
    const number = numberOf(value);
    const seconds = time === undefined ? null : time / 1000;
    let drawn = false;
    if (number !== null) {
      const isTime = this.axis === "time" && seconds !== null;
      this.isTime ||= isTime;
      drawn = this.point(this.name, this.name, isTime ? seconds : place, number);
    } else if (isRecord(value)) {
      drawn = this.addRecord(value, place, seconds);
    }
    if (!drawn) this.left += 1;
  }

  /** Forget all, because other values take their place. */
  clear(): void {
    this.count = this.left = this.series.length = 0;
    this.byColumn.clear();
    this.columns.clear();
    this.axis = this.style.x;
    this.isTime = false;
  }

  private addRecord(value: Record<string, Json>, place: number, seconds: number | null): boolean {
    const names = Object.keys(value).slice(0, 2 * MOST_SERIES);
    if (this.axis === null && this.columns.size === 0)
      this.axis = AXES.find((each) => numberOf(field(value, each)) !== null) ?? null;
    if (this.columns.size < 2 * MOST_SERIES)
      for (const each of names) this.columns.add(shortened(each));
    const x = this.xOf(value, place, seconds);
    if (x === null) return false;
    let drawn = false;
    for (const column of this.style.y ?? names) {
      const y = column === this.axis ? null : numberOf(field(value, column));
      if (y === null) continue;
      const shown = shortened(column);
      const name = this.prefix ? `${this.name} · ${shown}` : shown;
      drawn = this.point(column, name, x, y) || drawn;
    }
    return drawn;
  }

  private xOf(value: Record<string, Json>, place: number, seconds: number | null): number | null {
    if (this.axis === null) return place;
    const own = field(value, this.axis);
    if (own === undefined) {
      if (this.axis !== "time" || seconds === null) return null;
      this.isTime = true;
      return seconds;
    }
    const moment = tagged(own, "$datetime");
    if (typeof moment !== "string") return numberOf(own);
    const milliseconds = Date.parse(moment);
    if (Number.isNaN(milliseconds)) return null;
    this.isTime = true;
    return milliseconds / 1000;
  }

  private point(column: string, name: string, x: number, y: number): boolean {
    const { kind, logX, logY } = this.style;
    // A logarithm is of what is above 0 alone; a histogram has no such axis.
    if (kind !== "histogram" && ((logX && x <= 0) || (logY && y <= 0))) return false;
    let course = this.byColumn.get(column);
    if (course === undefined) {
      if (this.series.length >= MOST_SERIES) return false;
      course = new Course();
      this.byColumn.set(column, course);
      this.series.push({ id: `${this.place} ${column}`, name, course });
    }
    course.push(x, y);
    return true;
  }
}

function shortened(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
}

/** A value as a number that can be drawn; `null` for all others. */
export function numberOf(value: Json | undefined): number | null {
  const number =
    typeof value === "number" ? value : value instanceof LongInteger ? rounded(value) : Number.NaN;
  if (Math.abs(number) < 1 / FARTHEST) return 0;
  return Math.abs(number) < FARTHEST ? number : null;
}
