import type { LogListener } from "../client/log";
import { isNumber } from "../protocol/integers";
import type { Entry, Json } from "../protocol/messages";
import { announce } from "./announce";
import { type Chart, chartCode } from "./chart_code";
import { element, tagged } from "./control";
import type { Home } from "./home";
import type { Place } from "./place";
import { isRecord } from "./record";

/** A chart shows so many points; no stream holds more by default. */
export const MOST_POINTS = 1_000_000;
const MOST_STREAMS = 8;
/** What is looked at to tell whether a stream is one of numbers. */
const LOOKED_AT = 20;

/**
 * The chart of a stream, beside its text: where one is asked for, or where the stream's values are
 * numbers. Its code is loaded when it is to be shown; until it is there, the text is.
 */
export class ChartPane {
  readonly element = element("div", "driftdb-chart-place");
  /** Chooses between the chart and the text. */
  readonly tabs = element("div", "driftdb-tabs", { role: "group", "aria-label": "View" });
  private readonly looks: readonly [HTMLButtonElement, HTMLButtonElement];
  private readonly asked: Readonly<Record<string, Json>> | null;
  private readonly others: readonly string[];
  private readonly listeners = new Map<string, LogListener>();
  private chart: Chart | null = null;
  /** Whether it is known that a chart fits, or that none does. */
  private decided = false;
  private opened = false;
  private loading = false;
  /** Whether the chart is to stand in the place of the text as soon as it can. */
  private wanted = false;
  /** Whether somebody said what they want to see. */
  private chosen = false;
  private ended = false;

  /** `entries`: what the stream holds now; `onChoose`: somebody wants the chart, or the text. */
  constructor(
    private readonly home: Home,
    private readonly place: Place,
    asked: Json | undefined,
    private readonly entries: () => readonly Entry[],
    private readonly onChoose: () => void,
  ) {
    this.asked = isRecord(asked) ? asked : null;
    const { streams } = this.asked ?? {};
    const keys = (Array.isArray(streams) ? streams : []).filter((key) => typeof key === "string");
    this.others = [...new Set(keys)].filter((key) => key !== place.key).slice(0, MOST_STREAMS);
    this.looks = [this.tab("Chart", true), this.tab("Text", false)];
    this.tabs.hidden = true;
    if (this.asked !== null) this.open();
  }

  /** Whether the chart stands in the place of the text. */
  get isShown(): boolean {
    return this.place.box.classList.contains("driftdb-charted");
  }

  destroy(): void {
    this.ended = true;
    this.chart?.destroy();
    for (const [key, listener] of this.listeners) this.place.session.leave(key, listener);
  }

  pushed(entry: Entry): void {
    this.chart?.pushed(0, entry);
    this.decide();
    // What is no number is not to be overlooked, unless somebody wants the chart.
    const isGuess = this.opened && this.asked === null && !this.chosen;
    if (isGuess && this.wanted && !isNumeric(entry.value)) this.choose(false);
  }

  startedOver(): void {
    this.chart?.startedOver(0, this.entries());
    this.decided = false;
    this.decide();
  }

  private decide(): void {
    const entries = this.entries();
    if (this.decided || entries.length < 2) return;
    this.decided = true;
    const [first, newest] = [entries.slice(0, LOOKED_AT), entries.slice(-LOOKED_AT)];
    if (!this.opened && [...first, ...newest].every(({ value }) => isNumeric(value))) this.open();
  }

  private open(): void {
    this.opened = true;
    this.wanted = true;
    void this.load();
  }

  private async load(): Promise<void> {
    if (this.loading) return;
    this.loading = true;
    try {
      const { Chart } = await chartCode(this.home);
      if (!this.ended) this.draw(Chart);
    } catch (error) {
      console.error(error);
      if (this.chosen) announce(() => "The chart's code could not be loaded.");
      this.wanted = false;
    }
    this.loading = false;
    this.tabs.hidden = false; // where it failed, a press tries again
    if (!this.ended) this.choose(this.wanted);
  }

  private draw(Code: typeof Chart): void {
    const { label, session } = this.place;
    const options = { label, style: this.asked ?? {}, names: [label, ...this.others] };
    this.chart = new Code(this.element, { ...options, isLive: true });
    const { chart } = this;
    chart.startedOver(0, this.entries());
    const stamps = this.asked?.x === "time";
    this.others.forEach((key, place) => {
      const listener: LogListener = {
        pushed: (entry) => chart.pushed(place + 1, entry),
        startedOver: (held) => chart.startedOver(place + 1, held),
      };
      this.listeners.set(key, listener);
      const { begun, entries } = session.log(key, listener, true, stamps, MOST_POINTS);
      if (begun) chart.startedOver(place + 1, entries);
    });
  }

  private tab(text: string, isChart: boolean): HTMLButtonElement {
    const button = element("button", "driftdb-tab", { type: "button" }, text);
    button.addEventListener("click", () => {
      this.chosen = true;
      this.choose(isChart);
    });
    this.tabs.append(button);
    return button;
  }

  private choose(isChart: boolean): void {
    this.wanted = isChart;
    const isThere = this.chart !== null;
    this.place.box.classList.toggle("driftdb-charted", isChart && isThere);
    this.looks.forEach((tab, place) => {
      tab.setAttribute("aria-pressed", String((isChart && isThere) === (place === 0)));
    });
    this.onChoose();
    if (isChart && !isThere) void this.load();
  }
}

/** Whether a value is a number, or holds numbers alone. */
function isNumeric(value: Json): boolean {
  if (isNumber(value)) return true;
  const parts = isRecord(value) ? Object.values(value) : [];
  return (
    parts.some(isNumber) &&
    parts.every((part) => part === null || isNumber(part) || tagged(part, "$float") !== null)
  );
}
