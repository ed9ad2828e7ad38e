import type { Course } from "./course";

/** How often the values of some courses fall into each of a number of equal bins. */
export class Histogram {
  /** By course. */
  counts: number[][] = [];
  /** Where the first bin begins, and how wide each is. */
  from = 0;
  width = 1;
  private seen: { course: Course; count: number; revision: number }[] = [];

  constructor(readonly bins: number) {}

  /** The middle of each bin. */
  get middles(): number[] {
    return Array.from({ length: this.bins }, (_, bin) => this.from + (bin + 0.5) * this.width);
  }

  /** Count what the courses have more, or have otherwise, since the last time. */
  update(courses: readonly Course[]): void {
    const filled = courses.filter(({ length }) => length > 0);
    if (filled.length === 0) {
      this.counts = courses.map(() => new Array<number>(this.bins).fill(0));
      this.seen = [];
      return;
    }
    const ends = filled.map((course) => {
      const { least, greatest } = course.extremes(0, course.length);
      return [course.y[least] as number, course.y[greatest] as number] as const;
    });
    const least = Math.min(...ends.map(([low]) => low));
    const greatest = Math.max(...ends.map(([, high]) => high));
    const isSame =
      this.seen.length === courses.length &&
      this.seen.every(
        ({ course, revision }, index) => course === courses[index] && course.revision === revision,
      );
    if (!isSame || least < this.from || greatest > this.from + this.bins * this.width) {
      this.spread(least, greatest);
      this.counts = courses.map(() => new Array<number>(this.bins).fill(0));
      this.seen = courses.map((course) => ({ course, count: 0, revision: course.revision }));
    }
    this.seen.forEach((each, index) => {
      const counts = this.counts[index] as number[];
      for (; each.count < each.course.length; each.count += 1) {
        const bin = Math.floor(((each.course.y[each.count] as number) - this.from) / this.width);
        const kept = Math.max(0, Math.min(this.bins - 1, bin));
        counts[kept] = (counts[kept] ?? 0) + 1;
      }
    });
  }

  /** Have bins of a round width for values between two; with room, so that it stays so a while. */
  private spread(least: number, greatest: number): void {
    const largest = Math.max(Math.abs(least), Math.abs(greatest));
    const wanted = (greatest - least || largest || 1) / this.bins;
    // Narrower ones no number tells apart.
    const exact = Math.max(wanted, 1e-12 * largest, 1e-300);
    const size = 10 ** Math.floor(Math.log10(exact));
    const rounds = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20];
    for (const round of rounds) {
      this.width = round * size;
      this.from = Math.floor(least / this.width) * this.width;
      if (this.width >= exact && this.from + this.bins * this.width >= greatest) return;
    }
    // Around 0 no few round bins reach from one to the other.
    this.from = least;
    this.width = exact;
  }
}
