import type { Json } from "../protocol/messages";
import { element } from "../widgets/control";
import { copyText } from "../widgets/copy";
import { oncePerFrame } from "../widgets/frame";
import { Amounts } from "./amounts";
import { type Categories, isChoice, readCategories, rowsOf, Votes } from "./categories";
import css from "./chart.css";
import type { Content } from "./content";
import { Lines } from "./lines";
import { Reader, type Told } from "./reader";
import { save } from "./save";
import { csvOf, MOST_ROWS, type Sheet, tableOf } from "./sheet";
import { type ChartStyle, readStyle } from "./style";
import { Theme } from "./theme";

export interface ChartOptions {
  /** What it is called. */
  readonly label: string;
  /** How it is to look, as it stands in the room. */
  readonly style: Json | undefined;
  /** The names of the streams that it shows. */
  readonly names: readonly string[];
  /** Whether values come one after the other, so that it can follow them. */
  readonly isLive: boolean;
}

const SUMMARY_MILLISECONDS = 1_000;
const THANKS_MILLISECONDS = 1_500;

let sheet: CSSStyleSheet | null = null;

/** A chart in a page, of one or several streams, or of a state. */
export class Chart {
  private readonly style: ChartStyle;
  private readonly box: HTMLElement;
  private readonly body = element("div", "driftdb-chart-body");
  private readonly hidden = element("div", "driftdb-chart-summary");
  private readonly follow = button("Hold", () => this.followOrHold());
  private readonly tables = button("Table", () => this.toggleTable());
  private readonly table = element("div", "driftdb-chart-table", {
    role: "region",
    tabindex: "0",
  });
  private readonly theme: Theme;
  private readonly readers: Reader[];
  private readonly lines: Lines;
  private readonly amounts: Amounts;
  private content: Content;
  /** The votes in each stream, as long as it has nothing else; of a chart of bars alone. */
  private readonly votes: (Votes | null)[];
  private readonly observer: ResizeObserver | null;
  private readonly drawSoon = oncePerFrame(() => this.draw());
  private summarizing: ReturnType<typeof setTimeout> | null = null;
  private ended = false;

  constructor(
    parent: HTMLElement,
    private readonly options: ChartOptions,
  ) {
    const { label, names, isLive } = options;
    this.style = readStyle(options.style);
    this.votes = names.map(() => this.noVotes());
    const tools = element("div", "driftdb-chart-tools", { role: "group", "aria-label": "Chart" });
    this.box = element("div", "driftdb-chart", {}, this.body, this.table, tools, this.hidden);
    this.table.hidden = true;
    this.table.setAttribute("aria-label", `${label} as a table`);
    parent.append(this.box);
    dress(this.box);
    this.theme = new Theme(this.box, this.drawSoon);
    this.readers = names.map(
      (name, place) => new Reader(this.style, name, names.length > 1, place),
    );
    this.lines = new Lines(this.readers, this.style, this.theme, this.drawSoon);
    this.amounts = new Amounts(label, this.theme);
    this.lines.onFollow = () => this.showFollow();
    this.content = this.style.kind === "bar" && !isLive ? this.amounts : this.lines;
    this.body.append(this.content.element);
    if (this.style.kind === "line") tools.append(this.smoother());
    const copy = button("CSV", async () => {
      thank(copy, await copyText(csvOf(this.content.sheet())));
    });
    copy.setAttribute("aria-label", "Copy as CSV");
    copy.title = "Copy all that is shown as CSV";
    const picture = button("PNG", () => {
      this.content.picture(label).toBlob((blob) => {
        if (blob !== null) save(label, "png", blob);
      });
    });
    picture.setAttribute("aria-label", "Save as PNG");
    picture.title = "Save as a picture";
    tools.append(this.follow, this.tables, copy, picture);
    this.showFollow();
    this.observer =
      typeof ResizeObserver === "undefined"
        ? null
        : new ResizeObserver(() => {
            dress(this.box);
            this.lines.resize();
          });
    this.observer?.observe(this.body);
    this.drawSoon();
  }

  /** The streams' values, from one of them on: just these. */
  startedOver(stream: number, values: Iterable<Told>): void {
    this.readers[stream]?.clear();
    this.votes[stream] = this.noVotes();
    for (const each of values) this.add(stream, each);
    this.drawSoon();
  }

  /** A value came. */
  pushed(stream: number, told: Told): void {
    this.add(stream, told);
    this.drawSoon();
  }

  /** Show a state's value. */
  show(value: Json | undefined): void {
    if (this.style.kind === "bar") this.amounts.show(readCategories(value, this.style));
    else
      this.startedOver(
        0,
        rowsOf(value).map((row) => ({ value: row })),
      );
    this.drawSoon();
  }

  destroy(): void {
    this.ended = true;
    this.observer?.disconnect();
    if (this.summarizing !== null) clearTimeout(this.summarizing);
    this.theme.destroy();
    this.lines.destroy();
    this.box.remove();
  }

  private add(stream: number, told: Told): void {
    this.readers[stream]?.add(told);
    const votes = this.votes[stream];
    if (!votes || told.value === null) return;
    if (isChoice(told.value)) votes.add(told.value);
    else this.votes[stream] = null; // until it starts over: they are drawn where they stand
  }

  private noVotes(): Votes | null {
    return this.style.kind === "bar" ? new Votes() : null;
  }

  /** The votes in all streams; none where one of these has anything else. */
  private get counted(): Categories {
    const votes = this.votes.filter((each) => each !== null);
    return Votes.sum(votes.length < this.votes.length ? [] : votes).categories;
  }

  private draw(): void {
    // What is behind the text is drawn when it comes into view: then its size changes.
    if (this.ended || (this.observer !== null && this.box.getClientRects().length === 0)) return;
    const votes = this.counted;
    if (votes.rows.length > 0) {
      this.amounts.show(votes);
      this.use(this.amounts);
    } else if (this.style.kind !== "bar" || this.options.isLive) {
      this.use(this.lines);
    }
    if (this.theme.refresh()) this.lines.restyle();
    this.content.draw();
    this.showFollow();
    this.summarizing ??= setTimeout(() => this.summarize(), SUMMARY_MILLISECONDS);
  }

  private use(content: Content): void {
    if (content === this.content) return;
    this.content.element.replaceWith(content.element);
    this.content = content;
  }

  /** Tell those who don't see it; not with each point, for that is nothing to listen to. */
  private summarize(): void {
    this.summarizing = null;
    const { label } = this.options;
    if (this.content === this.lines) this.lines.describe(label);
    const summary: Sheet = this.content.summary();
    this.hidden.replaceChildren(...(summary.head.length > 0 ? [tableOf(summary, label)] : []));
    if (!this.table.hidden) this.fillTable();
  }

  private toggleTable(): void {
    this.table.hidden = !this.table.hidden;
    this.tables.setAttribute("aria-pressed", String(!this.table.hidden));
    if (!this.table.hidden) this.fillTable();
  }

  private fillTable(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.table;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - 20;
    const sheet = this.content.sheet(MOST_ROWS);
    this.table.replaceChildren(tableOf(sheet, this.options.label));
    this.table.scrollTop = isAtEnd ? this.table.scrollHeight : scrollTop;
  }

  private followOrHold(): void {
    if (this.lines.follows) this.lines.stay();
    else this.lines.release();
  }

  private showFollow(): void {
    const { isLive } = this.options;
    const { follows } = this.lines;
    this.follow.hidden = this.content !== this.lines || (follows && !isLive);
    const text = follows ? "Hold" : isLive ? "Follow" : "Show all";
    if (this.follow.textContent !== text) this.follow.textContent = text;
  }

  private smoother(): HTMLElement {
    const range = element("input", "driftdb-smoothing", {
      ...{ type: "range", min: "0", max: "0.99", step: "0.01" },
      value: String(this.style.smoothing),
    });
    range.addEventListener("input", () => this.lines.smooth(Number(range.value)));
    return element("label", "driftdb-smoother", {}, "Smooth ", range);
  }
}

function button(text: string, press: () => void): HTMLButtonElement {
  const made = element("button", "driftdb-tool", { type: "button" }, text);
  made.addEventListener("click", press);
  return made;
}

function thank(pressed: HTMLButtonElement, worked: boolean): void {
  const { textContent } = pressed;
  pressed.textContent = worked ? "Copied" : "Not copied";
  pressed.disabled = true;
  setTimeout(() => {
    pressed.textContent = textContent;
    pressed.disabled = false;
  }, THANKS_MILLISECONDS);
}

/**
 * Give the page, or the shadow tree, that an element is in the chart's style: no element is made
 * for it, which a page's policy may forbid.
 */
function dress(box: HTMLElement): void {
  const root = box.getRootNode();
  if (!(root instanceof Document || root instanceof ShadowRoot)) return;
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  if (!root.adoptedStyleSheets.includes(sheet))
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}
