import { isNumber, rounded } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { isRecord } from "../widgets/record";

export type ChartKind = "line" | "points" | "bar" | "histogram";

/** The style of a chart (driftdb_jupyter.client.objects.chart). */
export interface ChartStyle {
  readonly kind: ChartKind;
  /** The column of the horizontal axis; `null`: what seems to be it. */
  readonly x: string | null;
  /** The columns that are drawn; `null`: all that are numbers. */
  readonly y: readonly string[] | null;
  readonly logX: boolean;
  readonly logY: boolean;
  /** How much of the smoothed line is its past: from 0 (all of it is the newest) to below 1. */
  readonly smoothing: number;
  /** How many bars a histogram has. */
  readonly bins: number;
  /** How much of the horizontal axis is shown while the chart follows; `null`: all. */
  readonly window: number | null;
}

const KINDS: readonly string[] = ["line", "points", "bar", "histogram"];
const MOST_COLUMNS = 50;
const MOST_BINS = 500;
const MOST_SMOOTHING = 0.999;

/** Read what anybody may have written; what makes no sense is as if it were not there. */
export function readStyle(json: Json | undefined): ChartStyle {
  const { kind, x, y, log_x, log_y, smoothing, bins, window } = isRecord(json) ? json : {};
  const columns = (typeof y === "string" ? [y] : Array.isArray(y) ? y : []).filter(
    (name) => typeof name === "string",
  );
  return {
    kind: KINDS.includes(kind as string) ? (kind as ChartKind) : "line",
    x: typeof x === "string" ? x : null,
    y: columns.length > 0 ? [...new Set(columns)].slice(0, MOST_COLUMNS) : null,
    logX: log_x === true,
    logY: log_y === true,
    smoothing: Math.min(within(smoothing, 0, 1) ?? 0, MOST_SMOOTHING),
    bins: Math.round(within(bins, 1, MOST_BINS) ?? 30),
    window: within(window, Number.MIN_VALUE, Number.MAX_VALUE),
  };
}

function within(json: Json | undefined, least: number, most: number): number | null {
  if (json === undefined || !isNumber(json)) return null;
  const number = rounded(json);
  return number >= least && number <= most ? number : null;
}
