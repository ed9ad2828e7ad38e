import uPlot from "uplot";
import type { Aligned } from "./align";
import type { Span } from "./decimate";
import { labels } from "./figures";
import type { ChartStyle } from "./style";
import type { Theme } from "./theme";
import { linearTicks, logTicks } from "./ticks";

/** A set of points as it is drawn. */
export interface Stroke {
  /** Which colour it has. */
  readonly colour: number;
  /** It stands behind another, which says the same more clearly. */
  readonly isFaint: boolean;
}

export interface PlotOptions {
  readonly style: ChartStyle;
  readonly theme: Theme;
  readonly strokes: readonly Stroke[];
  readonly isTime: boolean;
  readonly xLabel: string;
  /** Whether x is how many values there were. */
  readonly isCounted: boolean;
  /** Somebody chose a part of the horizontal axis. */
  onZoom(span: Span): void;
  /** Somebody points at a place of the data, or at none; by stroke. */
  onPoint(places: readonly (number | null | undefined)[]): void;
}

const HISTOGRAM_GAP_PIXELS = 1;
const POINT_PIXELS = 4;
const AXIS_PIXELS = 28;
const TIME_PIXELS = 44; // with a line for the day
const CHARACTER_PIXELS = 7;
/** The last mark of the horizontal axis is this long at most, and half of it beyond the end. */
const LABEL_PIXELS = 10 * CHARACTER_PIXELS;
const TIME_SPACE_PIXELS = 120;
const DRAG_PIXELS = 5;
const DAY_SECONDS = 86_400;

/** The lines, points or bars with their axes: a canvas. */
export class Plot {
  private readonly plot: uPlot;
  private span: Span = { from: 0, to: 1 };

  constructor(
    private readonly box: HTMLElement,
    options: PlotOptions,
  ) {
    const { style, theme, isTime, xLabel, isCounted } = options;
    const axis = (more: uPlot.Axis): uPlot.Axis => ({
      font: theme.font,
      labelFont: theme.font,
      stroke: () => theme.quiet,
      grid: { stroke: () => theme.grid, width: 1 },
      ticks: { stroke: () => theme.grid, width: 1, size: 5 },
      ...more,
    });
    const range = (): uPlot.Range.MinMax => [this.span.from, this.span.to];
    const isHistogram = style.kind === "histogram";
    const isLogX = style.logX && !isHistogram;
    this.plot = new uPlot(
      {
        width: Math.max(1, box.clientWidth),
        height: Math.max(1, box.clientHeight),
        legend: { show: false },
        padding: [8, LABEL_PIXELS / 2, 0, 0],
        scales: {
          x: { time: isTime && !isHistogram, range, distr: isLogX ? 3 : 1 },
          y: scaleOf(style),
        },
        axes: [
          axis({
            ...(xLabel === "" ? {} : { label: xLabel, labelSize: 18, labelGap: 0 }),
            size: isTime ? TIME_PIXELS : AXIS_PIXELS,
            space: isTime ? TIME_SPACE_PIXELS : 60,
            ...(isTime ? { values: times } : { splits: marks(isLogX, isCounted && !isHistogram) }),
          }),
          axis({
            splits: marks(style.logY && !isHistogram),
            size: (_, values) =>
              16 +
              CHARACTER_PIXELS * Math.max(2, ...(values ?? []).map((each) => each?.length ?? 0)),
            values: (_, splits) => labels(splits),
          }),
        ],
        series: [{}, ...options.strokes.map((stroke) => seriesOf(stroke, style, theme))],
        cursor: {
          y: false,
          drag: { x: true, y: false, setScale: false, dist: DRAG_PIXELS },
          bind: { dblclick: () => null },
          points: { size: 8, width: 2 },
        },
        hooks: {
          setSelect: [
            (plot) => {
              const { left, width } = plot.select;
              if (width < DRAG_PIXELS) return;
              const from = plot.posToVal(left, "x");
              const to = plot.posToVal(left + width, "x");
              plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              options.onZoom({ from, to });
            },
          ],
          setCursor: [
            ({ cursor: { idxs, left = -1 } }) => {
              options.onPoint(left < 0 || idxs === undefined ? [] : idxs.slice(1));
            },
          ],
        },
      },
      [[], ...options.strokes.map(() => [])] as unknown as uPlot.AlignedData,
      box,
    );
  }

  /** How many columns data is drawn in. */
  get columns(): number {
    return Math.max(50, Math.round(this.plot.over.clientWidth));
  }

  get canvas(): HTMLCanvasElement {
    return this.plot.ctx.canvas;
  }

  /** What the mouse is over. */
  get surface(): HTMLElement {
    return this.plot.over;
  }

  /** Draw data in a part of the horizontal axis. */
  draw(data: Aligned, span: Span): void {
    this.span = span;
    this.plot.batch(() => {
      this.plot.setData(data as uPlot.AlignedData, false);
      this.plot.setScale("x", { min: span.from, max: span.to });
    });
  }

  /** Fit in the box; its size is the style sheet's. */
  resize(): void {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (width > 0 && height > 0 && (width !== this.plot.width || height !== this.plot.height))
      this.plot.setSize({ width, height });
  }

  /** Show or hide a stroke. */
  show(stroke: number, show: boolean): void {
    this.plot.setSeries(stroke + 1, { show });
  }

  /** The place on the axis at so many pixels from the left. */
  xAt(left: number): number {
    return this.plot.posToVal(left, "x");
  }

  /** Point at a place on the horizontal axis, as the mouse does; `null`: at none. */
  point(x: number | null): void {
    const left = x === null ? -10 : this.plot.valToPos(x, "x");
    this.plot.setCursor({ left, top: x === null ? -10 : this.plot.over.clientHeight / 2 });
  }

  destroy(): void {
    this.plot.destroy();
  }
}

/** Where the marks of an axis stand. uPlot's own may be without end, for numbers that are odd. */
function marks(isLog: boolean, isWhole = false): uPlot.Axis.Splits {
  return (plot, axis, from, to) => {
    const isX = axis === 0;
    const pixels = (isX ? plot.bbox.width : plot.bbox.height) / uPlot.pxRatio;
    const most = Math.max(2, Math.floor(pixels / (isX ? 50 : 26)));
    return isLog ? logTicks({ from, to }, most) : linearTicks({ from, to }, most, isWhole);
  };
}

/** Times beside the axis, as the reader's language has them, with the day where that is another. */
function times(_: uPlot, splits: number[], __: number, ___: number, step: number): string[] {
  const isDays = step >= DAY_SECONDS;
  const day = new Intl.DateTimeFormat(undefined, {
    ...{ day: "numeric", month: "short" },
    ...(step >= 300 * DAY_SECONDS ? { year: "numeric" } : {}),
  });
  const clock = new Intl.DateTimeFormat(undefined, {
    ...{ hour: "2-digit", minute: "2-digit" },
    ...(step < 60 ? { second: "2-digit" } : {}),
    ...(step < 1 ? { fractionalSecondDigits: 3 as const } : {}),
  });
  let before = "";
  return splits.map((seconds) => {
    const date = new Date(1000 * seconds);
    const today = day.format(date);
    if (isDays) return today;
    const text = clock.format(date);
    const isNew = today !== before;
    before = today;
    return isNew ? `${text}\n${today}` : text;
  });
}

function scaleOf(style: ChartStyle): uPlot.Scale {
  if (style.kind === "histogram")
    return { range: (_, __, most) => [0, Math.max(1, 1.05 * (most ?? 1))] };
  if (style.logY) return { distr: 3 };
  // Bars stand on 0.
  return style.kind === "bar"
    ? {
        range: (_, least, most) =>
          uPlot.rangeNum(Math.min(0, least ?? 0), Math.max(0, most ?? 1), 0.05, true),
      }
    : {};
}

function seriesOf({ colour, isFaint }: Stroke, style: ChartStyle, theme: Theme): uPlot.Series {
  const stroke = () => theme.colour(colour);
  const shared = { stroke, alpha: isFaint ? 0.35 : 1, spanGaps: true };
  const bars = uPlot.paths.bars;
  if (style.kind === "histogram" && bars !== undefined)
    return {
      ...shared,
      alpha: 0.75,
      width: 0,
      fill: stroke,
      paths: bars({ size: [1], gap: HISTOGRAM_GAP_PIXELS }),
      points: { show: false },
    };
  if (style.kind === "bar" && bars !== undefined)
    return {
      ...shared,
      width: 0,
      fill: stroke,
      paths: bars({ size: [0.8, 60, 1] }),
      points: { show: false },
    };
  if (style.kind === "points")
    return {
      ...shared,
      paths: () => null,
      points: { show: true, size: POINT_PIXELS, space: 0, stroke, fill: stroke },
    };
  return {
    ...shared,
    width: isFaint ? 1 : 2,
    dash: theme.dash(colour),
    // Where they are far apart, each is seen.
    points: isFaint ? { show: false } : { size: 5, space: 24, stroke, fill: stroke },
  };
}
