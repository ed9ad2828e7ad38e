import { Course } from "./course";

/**
 * The course of a moving average that forgets the past exponentially, kept up with the course that
 * it is of. At the beginning, where there is little past, it is corrected for that.
 */
export class Smoothed {
  readonly course = new Course();
  private seen = 0;
  private revision = -1;
  private sum = 0;
  private weight = 0;

  /** `smoothing`: how much of the average is its past, from 0 to below 1. */
  constructor(
    readonly source: Course,
    readonly smoothing: number,
  ) {}

  /** Take what the source has more, or has otherwise, since the last time. */
  update(): void {
    const { source, smoothing } = this;
    if (source.revision !== this.revision) {
      this.revision = source.revision;
      this.seen = this.sum = this.weight = 0;
      this.course.clear();
    }
    for (; this.seen < source.length; this.seen += 1) {
      this.sum = smoothing * this.sum + (1 - smoothing) * (source.y[this.seen] as number);
      this.weight = smoothing * this.weight + (1 - smoothing);
      this.course.push(source.x[this.seen] as number, this.sum / this.weight);
    }
  }
}
