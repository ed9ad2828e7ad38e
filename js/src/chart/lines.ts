import { element } from "../widgets/control";
import { type Aligned, align } from "./align";
import type { Content } from "./content";
import { decimate, type Points, type Span } from "./decimate";
import { figure, place } from "./figures";
import { Histogram } from "./histogram";
import { Legend } from "./legend";
import { type Navigated, navigate } from "./navigate";
import { Palette } from "./palette";
import { MARGIN, picture } from "./picture";
import { Plot, type Stroke } from "./plot";
import type { Reader, Series } from "./reader";
import type { Cell, Sheet } from "./sheet";
import { Smoothed } from "./smooth";
import type { ChartStyle } from "./style";
import type { Theme } from "./theme";

/** So much of the axis is beyond the first and the last point, which are not to be cut. */
const EDGE = 0.005;
/** What is farther from 1970 is no time. */
const LATEST_SECONDS = 8e12;
/** A time is looked at no more closely. */
const SHORTEST_SECONDS = 1;
/** So small a part of the axis is not looked at by itself. */
const NARROWEST = 1e-9;

/** The series of some readers, as lines, points, bars or a histogram. */
export class Lines implements Content, Navigated {
  readonly element = element("div", "driftdb-lines-chart");
  /** Called when the chart begins or ends to follow. */
  onFollow: (follows: boolean) => void = () => {};
  span: Span = { from: 0, to: 1 };
  private readonly box = element("div", "driftdb-plot", { role: "img", tabindex: "0" });
  private readonly note = element("p", "driftdb-chart-note", { role: "status" });
  private readonly legend: Legend;
  private readonly histogram: Histogram;
  /** By their ids: the series that somebody has hidden. */
  private readonly hidden = new Set<string>();
  private readonly palette = new Palette();
  private smoothed: Smoothed[] = [];
  private smoothing: number;
  private plot: Plot | null = null;
  private strokes: Stroke[] = [];
  /** What was drawn last. */
  private data: Aligned = [[]];
  /** What the plot was made for. */
  private madeFor = "";
  private held: Span | null = null;
  private pointed: number | null = null;

  constructor(
    private readonly readers: readonly Reader[],
    private readonly style: ChartStyle,
    private readonly theme: Theme,
    private readonly redrawSoon: () => void,
  ) {
    this.smoothing = style.smoothing;
    this.histogram = new Histogram(style.bins);
    this.legend = new Legend((series, shown) => {
      if (shown) this.hidden.delete(series);
      else this.hidden.add(series);
      this.showOrHide();
      redrawSoon();
    });
    this.element.append(this.note, this.box, this.legend.element);
    navigate(this.box, () => this.plot?.surface ?? null, this, this.isLogX);
  }

  get follows(): boolean {
    return this.held === null;
  }

  get series(): Series[] {
    return this.readers.flatMap((reader) => reader.series);
  }

  private get isHistogram(): boolean {
    return this.style.kind === "histogram";
  }

  private get isLogX(): boolean {
    return this.style.logX && !this.isHistogram;
  }

  private get isTime(): boolean {
    const isTime = (x = 0) => Math.abs(x) < LATEST_SECONDS;
    return (
      !this.isHistogram &&
      this.readers.some((reader) => reader.isTime) &&
      this.series.every(
        ({ course: { x, length } }) => length === 0 || (isTime(x[0]) && isTime(x[length - 1])),
      )
    );
  }

  /** Smooth the lines by so much; 0: not at all. */
  smooth(smoothing: number): void {
    this.smoothing = smoothing;
    this.redrawSoon();
  }

  /** The colours, or the fonts, may be others. */
  restyle(): void {
    this.madeFor = "";
  }

  resize(): void {
    this.plot?.resize();
    this.redrawSoon();
  }

  zoom(span: Span): void {
    const all = this.whole();
    const from = Math.max(span.from, all.from);
    const to = Math.min(span.to, all.to);
    // What is closer than numbers can tell apart is nothing to look at.
    const isEnough = this.isLogX
      ? Math.log(to / from) > NARROWEST * Math.log(all.to / all.from)
      : to - from > Math.max(NARROWEST * (all.to - all.from), this.isTime ? SHORTEST_SECONDS : 0);
    if (!isEnough) return;
    this.hold(from <= all.from && to >= all.to ? null : { from, to });
  }

  release(): void {
    this.hold(null);
  }

  /** Stay at what is shown. */
  stay(): void {
    this.hold(this.span);
  }

  xAt(left: number): number {
    return this.plot?.xAt(left) ?? 0;
  }

  point(x: number | null): void {
    this.plot?.point(x);
  }

  step(by: number): string {
    const [xs] = this.data;
    if (xs.length === 0) return "";
    const next = (this.pointed ?? (by > 0 ? -1 : xs.length)) + by;
    const wanted = Math.max(0, Math.min(xs.length - 1, next));
    this.plot?.point(xs[wanted] as number);
    this.pointed = wanted;
    const there = this.series.flatMap(({ name }, series) => {
      const value = this.valueOf(series, wanted);
      return value === undefined ? [] : [`${name} ${figure(value)}`];
    });
    return `${place(xs[wanted] as number, this.isTime)}: ${there.join(", ")}`;
  }

  draw(): void {
    const { series } = this;
    for (const { course } of series) course.settle();
    this.follow(series);
    this.make(series);
    const { plot } = this;
    const empty = series.every(({ course }) => course.length === 0);
    this.note.textContent = empty ? this.why() : "";
    this.note.hidden = !empty;
    if (plot === null) return;
    const all = this.whole();
    this.span = this.held ?? all;
    this.data = this.isHistogram ? this.binned(series) : align(this.drawn(series, plot.columns));
    plot.draw(this.data, this.span);
    this.showValues();
  }

  sheet(most = Number.POSITIVE_INFINITY): Sheet {
    const { series } = this;
    const [first] = this.readers;
    if (this.isHistogram) {
      const { middles, width } = this.histogram;
      const head = ["from", "to", ...series.map(({ name }) => name)];
      const rows = middles.map((middle, bin): Cell[] => [
        ...[middle - width / 2, middle + width / 2],
        ...series.map((_, each) => this.histogram.counts[each]?.[bin] ?? null),
      ]);
      return { head, rows };
    }
    const courses = series.map(({ course: { x, y, length } }) => {
      const from = Math.max(0, length - most);
      return { x: x.subarray(from, length), y: y.subarray(from, length) };
    });
    const [xs, ...ys] = align(courses);
    const { isTime } = this;
    const rows = xs.map((x, row): Cell[] => [
      isTime ? new Date(1000 * x).toISOString() : x,
      ...ys.map((column) => column[row] ?? null),
    ]);
    return {
      head: [first?.x ?? "number", ...series.map(({ name }) => name)],
      rows: rows.slice(-most),
      length: Math.max(rows.length, ...series.map(({ course }) => course.length)),
    };
  }

  summary(): Sheet {
    const rows = this.series.flatMap(({ name, course }): Cell[][] => {
      if (course.length === 0) return [];
      const { least, greatest } = course.extremes(0, course.length);
      const values = [least, greatest, course.length - 1].map((at) => course.y[at] as number);
      return [[name, course.length, ...values]];
    });
    return { head: ["Series", "Points", "Least", "Greatest", "Newest"], rows };
  }

  picture(title: string): HTMLCanvasElement {
    const { theme, box, plot } = this;
    const { series } = this;
    const colours = this.palette.colour(series.map(({ id }) => id));
    const marks = series.flatMap(({ id, name }, place) =>
      this.hidden.has(id) ? [] : [{ name, colour: theme.colour(colours[place] as number) }],
    );
    const size = { width: box.clientWidth, height: box.clientHeight };
    const scale = (plot?.canvas.width ?? 1) / Math.max(1, size.width);
    return picture(
      title,
      marks,
      size,
      theme,
      (context, top) => {
        if (plot !== null) context.drawImage(plot.canvas, MARGIN, top, size.width, size.height);
      },
      scale,
    );
  }

  destroy(): void {
    this.plot?.destroy();
  }

  private hold(span: Span | null): void {
    this.held = span;
    this.onFollow(span === null);
    this.redrawSoon();
  }

  /** Have the smoothed courses of these. */
  private follow(series: readonly Series[]): void {
    const { smoothing } = this;
    const isSmooth = smoothing > 0 && this.style.kind === "line";
    this.smoothed = isSmooth
      ? series.map(({ course }, index) => {
          const before = this.smoothed[index];
          const isSame = before?.source === course && before.smoothing === smoothing;
          return isSame ? before : new Smoothed(course, smoothing);
        })
      : [];
    for (const each of this.smoothed) each.update();
  }

  /** Make the plot anew where it was made for others. */
  private make(series: readonly Series[]): void {
    if (this.box.clientWidth === 0) return;
    const isSmooth = this.smoothed.length > 0;
    const ids = series.map(({ id }) => id);
    const wanted = JSON.stringify([ids, isSmooth, this.isTime]);
    if (wanted === this.madeFor) return;
    this.madeFor = wanted;
    const colours = this.palette.colour(ids);
    this.strokes = colours.flatMap((colour) =>
      isSmooth
        ? [
            { colour, isFaint: true },
            { colour, isFaint: false },
          ]
        : [{ colour, isFaint: false }],
    );
    this.plot?.destroy();
    const { style, theme, strokes, isTime } = this;
    const xLabel = this.isHistogram ? "" : (this.readers[0]?.x ?? "");
    this.plot = new Plot(this.box, {
      isCounted: this.readers.every(({ x }) => x === null),
      ...{ style, theme, strokes, isTime, xLabel: isTime && xLabel === "time" ? "" : xLabel },
      onZoom: (span) => this.zoom(span),
      onPoint: (places) => {
        this.pointed = places.find((each) => each !== null && each !== undefined) ?? null;
        this.showValues(places);
      },
    });
    this.legend.name(
      series.map(({ id, name }, place) => {
        return { id, name, colour: colours[place] as number, shown: !this.hidden.has(id) };
      }),
    );
    this.showOrHide();
  }

  private showOrHide(): void {
    this.series.forEach(({ id }, series) => {
      const shown = !this.hidden.has(id);
      // A series may be there before the plot is made for it.
      for (const stroke of this.strokesOf(series))
        if (stroke < this.strokes.length) this.plot?.show(stroke, shown);
    });
  }

  /** The strokes of a series; the last one is the clearest. */
  private strokesOf(series: number): readonly number[] {
    return this.smoothed.length > 0 ? [2 * series, 2 * series + 1] : [series];
  }

  /** All of the axis, or what of it is shown while the chart follows. */
  private whole(): Span {
    if (this.isHistogram) {
      const { from, width, bins } = this.histogram;
      return { from, to: from + bins * width };
    }
    let [from, to, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1];
    this.series.forEach(({ id, course: { x, length } }) => {
      if (length === 0 || this.hidden.has(id)) return;
      from = Math.min(from, x[0] as number);
      to = Math.max(to, x[length - 1] as number);
      most = Math.max(most, length);
    });
    if (from > to) return this.isLogX ? { from: 1, to: 10 } : { from: 0, to: 1 };
    const { window } = this.style;
    if (window !== null && !this.isLogX) from = Math.max(from, to - window);
    if (from === to)
      return this.isLogX ? { from: from / 2, to: 2 * to } : { from: from - 0.5, to: to + 0.5 };
    if (this.isTime && to - from < SHORTEST_SECONDS) {
      from -= SHORTEST_SECONDS / 2;
      to += SHORTEST_SECONDS / 2;
    }
    if (this.isLogX) {
      const edge = (to / from) ** EDGE;
      return { from: from / edge, to: to * edge };
    }
    if (this.style.kind !== "bar") {
      const edge = EDGE * (to - from);
      return { from: from - edge, to: to + edge };
    }
    const half = (to - from) / Math.max(1, most - 1) / 2;
    return { from: from - half, to: to + half };
  }

  private drawn(series: readonly Series[], columns: number): Points[] {
    const { span, isLogX } = this;
    const isSmooth = this.smoothed.length > 0;
    return series.flatMap(({ id, course }, index) => {
      const none = { x: [], y: [] };
      const isHidden = this.hidden.has(id);
      const raw = isHidden ? none : decimate(course, span, columns, isLogX);
      if (!isSmooth) return [raw];
      const smooth = (this.smoothed[index] as Smoothed).course;
      return [raw, isHidden ? none : decimate(smooth, span, columns, isLogX)];
    });
  }

  private binned(series: readonly Series[]): Aligned {
    const { histogram } = this;
    histogram.update(series.map(({ course }) => course));
    if (this.held === null) this.span = this.whole();
    return [histogram.middles, ...histogram.counts.map((counts) => [...counts])];
  }

  /** Show the values where somebody points, else the newest ones. */
  private showValues(places: readonly (number | null | undefined)[] = []): void {
    const isSmooth = this.smoothed.length > 0;
    const strokeOf = (series: number) => (isSmooth ? 2 * series + 1 : series);
    const at = places.find((each) => each !== null && each !== undefined);
    const values = this.series.map(({ course }, series) => {
      if (at === undefined || at === null) {
        const shown = this.smoothed[series]?.course ?? course;
        const newest = shown.y[shown.length - 1];
        return this.isHistogram || newest === undefined || shown.length === 0 ? "" : figure(newest);
      }
      const there = places[strokeOf(series)];
      const value = there === null || there === undefined ? undefined : this.valueOf(series, there);
      return value === undefined ? "" : figure(value);
    });
    const x = at === undefined || at === null ? undefined : this.data[0][at];
    const name = this.isHistogram || this.isTime ? "" : (this.readers[0]?.x ?? "");
    this.legend.show(values, x === undefined ? "" : `${name} ${place(x, this.isTime)}`.trim());
  }

  private valueOf(series: number, at: number): number | undefined {
    const stroke = this.smoothed.length > 0 ? 2 * series + 1 : series;
    return this.data[stroke + 1]?.[at];
  }

  /** Why nothing is drawn. */
  private why(): string {
    const { x, y } = this.style;
    const seen = [...new Set(this.readers.flatMap(({ columns }) => [...columns]))];
    const left = this.readers.reduce((sum, each) => sum + each.left, 0);
    if (left === 0) return "No values yet: what comes is drawn at once.";
    if (seen.length === 0) return "There are no numbers in these values.";
    const wanted = [x, ...(y ?? [])].filter((name) => name !== null && !seen.includes(name));
    const missing = wanted.length > 0 ? `no column ${wanted.join(", ")}` : "no numbers to draw";
    return `These values have ${missing}. Their columns: ${seen.join(", ")}.`;
  }

  /** What it is to those who don't see it. */
  describe(label: string): void {
    const parts = this.summary().rows.map(
      ([name, points, least, greatest, newest]) =>
        `${name}: ${figure(points as number)} points from ${figure(least as number)} to ` +
        `${figure(greatest as number)}, the newest ${figure(newest as number)}`,
    );
    this.box.setAttribute("aria-label", `Chart of ${label}. ${parts.join(". ")}`);
  }
}
