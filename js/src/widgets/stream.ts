import type { LogListener, LogReplica } from "../client/log";
import type { Entry } from "../protocol/messages";
import { announce } from "./announce";
import { inkOnNamed, namedColour, type Piece, PLAIN, readAnsi } from "./ansi";
import { ChartPane, MOST_POINTS } from "./chart_pane";
import { element } from "./control";
import { goneFrom, type Holding } from "./gone";
import type { Home } from "./home";
import { inkOn } from "./ink";
import { readLine } from "./line";
import { LineList } from "./list";
import { Place, type ViewOptions } from "./place";
import { isRecord } from "./record";
import { plainText, type Row, rowsOf, textOf } from "./rows";
import { withUnseen } from "./unseen";

/** So much of a row is shown. */
const LONGEST = 10_000;
/** So many rows are kept, and somewhat more, and of the entries that are asked for. */
const MOST = 100_000;

/** In less space than that, on a phone, lines wrap. */
const WRAPS_BELOW_PIXELS = 480;

/** So much of a message is read out. */
const MOST_SPOKEN = 500;

const COUNT = new Intl.NumberFormat("en");

/** A stream as a log: it follows the end, and what is in it can be searched. */
export class StreamView implements LogListener {
  private readonly place: Place;
  private readonly replica: LogReplica;
  private readonly list = new LineList(
    {
      at: (index) => this.rowAt(index),
      make: (index) => drawRow(this.rowAt(index)),
    },
    { wrapsBelow: WRAPS_BELOW_PIXELS },
  );
  private readonly search = element("input", "driftdb-search", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Show only lines with this text",
    dir: "auto",
  });
  private readonly end = element("button", "driftdb-end", { type: "button" }, "↓ newest");
  private readonly tally = element("span", "driftdb-tally");
  private entries: Entry[] = [];
  /** Rows are numbered from the first that ever was; the oldest that is kept has `oldest`. */
  private rows: Row[] = [];
  private oldest = 0;
  /** Whether the stream may hold older ones, too, that are not shown. */
  private cut = false;
  /** Whether the room still has to say what the stream holds. */
  private loading: boolean;
  /** How the next row begins. */
  private style = PLAIN;
  /** Of each loop that tells where it is, the newest alone is shown, in the row where it began. */
  private readonly progress = new Map<string, number>();
  /** The numbers of the rows that are found. */
  private shown: number[] | null = null;
  private readonly most: number;
  /** A stream holds what comes; what comes in a channel is read out. */
  private readonly keep: boolean;
  private readonly chart: ChartPane | null = null;

  constructor(home: Home, key: string, options: ViewOptions, parent: HTMLElement) {
    this.keep = options.keep !== false;
    const isCharted = isRecord(options.chart);
    const { history = isCharted ? MOST_POINTS : MOST } = options;
    this.most = typeof history === "number" ? history : MOST;
    this.place = new Place(
      home,
      key,
      options,
      parent,
      this.keep ? "driftdb-stream" : "driftdb-channel",
    );
    this.end.hidden = true;
    this.end.addEventListener("click", () => this.list.follow());
    this.list.onFollow = (follows) => {
      this.end.hidden = follows;
    };
    this.search.addEventListener("input", () => this.filter());
    const bar = element("div", "driftdb-bar");
    bar.append(this.search, this.tally, this.end);
    this.list.element.setAttribute("aria-label", this.place.label);
    this.place.box.append(bar, this.list.element);
    const stamps = options.stamps === true;
    if (this.keep && options.chart !== false) {
      const held = () => this.replica?.entries ?? [];
      const chosen = () => this.showCount();
      this.chart = new ChartPane(home, this.place, options.chart, held, chosen);
      bar.prepend(this.chart.tabs);
      bar.after(this.chart.element);
    }
    this.replica = this.place.session.log(this.place.key, this, this.keep, stamps, this.most);
    // What another view heard is known, also where there is no connection now.
    this.loading = this.keep && !this.replica.begun;
    if (this.keep && this.replica.begun) this.startedOver(this.replica.entries);
    this.showCount();
  }

  destroy(): void {
    this.chart?.destroy();
    this.replica.listeners.delete(this);
    this.place.destroy();
  }

  pushed(entry: Entry): void {
    this.add(entry);
    this.bound();
    this.chart?.pushed(entry);
    this.showCount();
    if (!this.keep) announce(() => spoken(entry));
  }

  /** The stream holds so much: what is older is shown no more. */
  holds(holding: Holding): void {
    const gone = goneFrom(this.entries, holding);
    if (gone === 0) return;
    this.forget(gone);
    this.showCount();
  }

  /** Nothing comes: the badge says why. */
  closed(): void {
    this.loading = false;
    this.showCount();
  }

  startedOver(held: readonly Entry[]): void {
    this.loading = false;
    this.entries = [];
    this.rows = [];
    this.oldest = 0;
    this.cut = false;
    this.style = PLAIN;
    this.progress.clear();
    this.shown = this.search.value === "" ? null : [];
    // Of a million that a chart shows, most would be lines that nobody can see.
    const some = held.length > 1.2 * MOST ? held.slice(-MOST) : held;
    this.cut = some !== held;
    for (const entry of some) this.add(entry);
    this.bound();
    this.chart?.startedOver();
    this.showCount();
  }

  private bound(): void {
    const { entries, rows, most } = this;
    let gone = entries.length > 1.2 * most ? entries.length - most : 0;
    const many = rows.length > 1.2 * MOST ? rows.length - MOST : 0;
    for (let row = 0, begun = 0; row < many; row += 1) {
      if (rows[row]?.part === 0) begun += 1;
      gone = Math.max(gone, begun);
    }
    if (gone === 0) return;
    this.forget(gone);
    this.cut = true;
  }

  /** Forget so many entries, the oldest, with their rows. */
  private forget(count: number): void {
    this.entries = this.entries.slice(count);
    let begun = 0;
    let rows = 0;
    for (; rows < this.rows.length; rows += 1) {
      if (this.rows[rows]?.part === 0) begun += 1;
      if (begun > count) break;
    }
    this.rows = this.rows.slice(rows);
    this.oldest += rows;
    const { oldest } = this;
    for (const [id, number] of this.progress) if (number < oldest) this.progress.delete(id);
    const left = this.shown?.filter((number) => number >= oldest) ?? null;
    this.list.drop(left === null ? rows : (this.shown?.length ?? 0) - left.length);
    this.shown = left;
  }

  private add(entry: Entry): void {
    const { progress } = readLine(entry);
    const begun = progress === null ? undefined : this.progress.get(progress.id);
    if (begun !== undefined) {
      const before = this.rows[begun - this.oldest] as Row;
      this.rows[begun - this.oldest] = { ...before, entry };
      return;
    }
    const { rows, after } = rowsOf(entry, this.style);
    this.style = after;
    this.entries.push(entry);
    for (const row of rows) {
      const number = this.oldest + this.rows.push(row) - 1;
      if (progress !== null) this.progress.set(progress.id, number);
      if (this.shown !== null && this.matches(row)) this.shown.push(number);
    }
  }

  private matches(row: Row): boolean {
    const wanted = this.search.value.toLowerCase();
    return wanted === "" || plainText(row).toLowerCase().includes(wanted);
  }

  private filter(): void {
    this.shown = null;
    if (this.search.value !== "")
      this.shown = this.rows.flatMap((row, index) =>
        this.matches(row) ? [this.oldest + index] : [],
      );
    this.showCount();
  }

  private showCount(): void {
    const { length } = this.rows;
    const found = this.shown === null ? "" : `${COUNT.format(this.shown.length)} of `;
    const lines = `${COUNT.format(length)} ${length === 1 ? "line" : "lines"}`;
    const all = `${found}${this.cut ? "the newest " : ""}${lines}`;
    this.tally.textContent = this.loading ? "loading…" : all;
    if (this.chart?.isShown !== true)
      this.list.show(this.shown === null ? length : this.shown.length);
  }

  private rowAt(index: number): Row {
    const number = this.shown === null ? this.oldest + index : (this.shown[index] as number);
    return this.rows[number - this.oldest] as Row;
  }
}

/** What a screen reader says of a message. */
function spoken(entry: Entry): string {
  const { author } = readLine(entry);
  const text = rowsOf(entry, PLAIN).rows.map(plainText).join(" ").slice(0, MOST_SPOKEN);
  return author === null ? text : `${author}: ${text}`;
}

function drawRow(row: Row): HTMLElement {
  const { time, author, level, progress } = readLine(row.entry);
  const line = element("div", "driftdb-line", { dir: "auto" });
  if (level !== null) line.dataset.level = level;
  // The lines below the first stand where that one's text does.
  const again = row.part === 0 ? "" : " driftdb-again";
  if (time !== null) {
    const date = new Date(time);
    const attributes = { datetime: date.toISOString(), dir: "auto" };
    line.append(
      element("time", `driftdb-time${again}`, attributes, date.toLocaleTimeString()),
      " ", // for who copies it
    );
  }
  if (author !== null)
    line.append(
      element("span", `driftdb-author${again}`, { dir: "auto" }, withUnseen(author)),
      " ",
    );
  if (progress !== null) {
    const bar = element("progress", "driftdb-progress", { "aria-label": "progress" });
    if (progress.total !== null) {
      bar.max = Math.max(progress.total, 1);
      bar.value = progress.count;
    } else if (progress.done || progress.stopped) {
      bar.value = progress.done ? 1 : 0; // without a value it moves, as if the loop went on
    }
    if (progress.failed) bar.classList.add("driftdb-failed");
    line.append(bar);
  }
  let length = 0;
  for (const piece of readAnsi(textOf(row), row.style).pieces) {
    if (length < LONGEST)
      line.append(drawPiece({ ...piece, text: piece.text.slice(0, LONGEST - length) }));
    length += piece.text.length;
  }
  if (length > LONGEST) line.append(`… (${length} characters)`);
  return line;
}

function drawPiece({ text, classes, fg, bg }: Piece): HTMLElement {
  const span = element("span", classes.join(" "), {}, text);
  const hasInk = fg !== null || classes.some((name) => name.startsWith("driftdb-fg-"));
  for (const name of classes) {
    const [, layer, colour] = /^driftdb-([fb]g)-(.+)$/.exec(name) ?? [];
    if (colour === undefined) continue;
    span.style.setProperty(`--driftdb-${layer}`, namedColour(colour));
    if (layer === "bg" && !hasInk) span.style.color = inkOnNamed(colour);
  }
  // What is to be read on the page's own ground is mixed with its text's colour (widget.css).
  if (fg !== null) {
    span.classList.add(bg === null ? "driftdb-fg-mixed" : "driftdb-fg-exact");
    span.style.setProperty("--driftdb-fg", fg);
  }
  if (bg !== null) span.style.backgroundColor = bg;
  if (bg !== null && !hasInk) span.style.color = inkOn(bg);
  return span;
}
