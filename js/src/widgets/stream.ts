import type { LogListener, LogReplica } from "../client/log";
import { isNotice } from "../client/notice";
import { nameOf } from "../client/user";
import type { Entry } from "../protocol/messages";
import { type Piece, PLAIN, readAnsi, type Style } from "./ansi";
import { element } from "./control";
import { goneFrom, type Holding } from "./gone";
import type { Home } from "./home";
import { inkOn } from "./ink";
import { type Line, readLine } from "./line";
import { LineList } from "./list";
import { Place, type ViewOptions } from "./place";

/** So much of a line is shown. */
const LONGEST = 10_000;
/** So many lines are kept, and somewhat more, unless another bound is given. */
const MOST = 100_000;

const COUNT = new Intl.NumberFormat("en");

/** A stream as a log: it follows the end, and what is in it can be searched. */
export class StreamView implements LogListener {
  private readonly place: Place;
  private readonly replica: LogReplica;
  private readonly list = new LineList({
    at: (index) => this.entryAt(this.numberAt(index)),
    make: (index) => this.draw(this.numberAt(index)),
  });
  private readonly search = element("input", "driftdb-search", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Show only lines with this text",
  });
  private readonly end = element("button", "driftdb-end", { type: "button" });
  private readonly tally = element("span", "driftdb-tally");
  /** Lines are numbered from the first that ever was; the oldest that is kept has `oldest`. */
  private entries: Entry[] = [];
  private oldest = 0;
  /** Whether the stream may hold older ones, too, that are not shown. */
  private cut = false;
  /** How lines begin that don't begin plain, and how the next one does. */
  private readonly styles = new Map<number, Style>();
  private style = PLAIN;
  /** Of each loop that tells where it is, the newest alone is shown, where it began. */
  private progress = new Map<string, number>();
  private shown: number[] | null = null;
  private readonly latest: Map<number, Entry> = new Map();
  private readonly most: number;

  constructor(home: Home, key: string, options: ViewOptions, parent: HTMLElement) {
    const keep = options.keep !== false;
    this.most = typeof options.history === "number" ? options.history : MOST;
    this.place = new Place(home, key, options, parent, keep ? "driftdb-stream" : "driftdb-channel");
    this.end.textContent = "↓ newest";
    this.end.hidden = true;
    this.end.addEventListener("click", () => this.list.follow());
    this.list.onFollow = (follows) => {
      this.end.hidden = follows;
    };
    this.search.addEventListener("input", () => this.sift());
    const bar = element("div", "driftdb-bar");
    bar.append(this.search, this.tally, this.end);
    this.list.element.setAttribute("aria-label", this.place.label);
    this.place.box.append(bar, this.list.element);
    this.replica = this.place.session.log(this.place.key, this, keep, options.stamps === true);
    this.replica.maxLength = this.most;
    if (keep && this.replica.ready) this.startedOver(this.replica.entries);
    this.tell();
  }

  destroy(): void {
    this.replica.listeners.delete(this);
    this.place.destroy();
  }

  heard(entry: Entry): void {
    if (isNotice(entry)) return;
    this.add(entry);
    this.bound();
    this.tell();
  }

  /** The stream holds so much: what is older is shown no more. */
  holds(holding: Holding): void {
    const gone = goneFrom(this.entries, holding);
    if (gone === 0) return;
    this.forget(gone);
    this.tell();
  }

  startedOver(held: readonly Entry[]): void {
    this.entries = [];
    this.oldest = 0;
    this.cut = false;
    this.styles.clear();
    this.style = PLAIN;
    this.progress.clear();
    this.latest.clear();
    this.shown = this.search.value === "" ? null : [];
    for (const entry of held) if (!isNotice(entry)) this.add(entry);
    this.bound();
    this.tell();
  }

  private bound(): void {
    const { length } = this.entries;
    if (length <= 1.2 * this.most) return;
    this.forget(length - this.most);
    this.cut = true;
  }

  /** Forget so many lines, the oldest. */
  private forget(count: number): void {
    this.entries.splice(0, count);
    this.oldest += count;
    const { oldest } = this;
    for (const numbered of [this.styles, this.latest])
      for (const number of numbered.keys()) if (number < oldest) numbered.delete(number);
    for (const [id, number] of this.progress) if (number < oldest) this.progress.delete(id);
    const found = this.shown?.filter((number) => number >= oldest) ?? null;
    this.list.drop(found === null ? count : (this.shown?.length ?? 0) - found.length);
    this.shown = found;
  }

  private add(entry: Entry): void {
    const { progress } = readLine(entry);
    const begun = progress === null ? undefined : this.progress.get(progress.id);
    if (begun !== undefined) {
      this.latest.set(begun, entry);
      return;
    }
    const number = this.oldest + this.entries.length;
    if (progress !== null) this.progress.set(progress.id, number);
    if (this.style !== PLAIN) this.styles.set(number, this.style);
    if (typeof entry.value === "string") this.style = readAnsi(entry.value, this.style).after;
    this.entries.push(entry);
    if (this.shown !== null && this.matches(entry)) this.shown.push(number);
  }

  private matches(entry: Entry): boolean {
    const wanted = this.search.value.toLowerCase();
    if (wanted === "") return true;
    const plain = readAnsi(readLine(entry).text).pieces.map(({ text }) => text);
    return plain.join("").toLowerCase().includes(wanted);
  }

  private sift(): void {
    this.shown = null;
    if (this.search.value !== "")
      this.shown = this.entries.flatMap((entry, index) =>
        this.matches(entry) ? [this.oldest + index] : [],
      );
    this.tell();
  }

  private tell(): void {
    const { length } = this.entries;
    const found = this.shown === null ? "" : `${COUNT.format(this.shown.length)} of `;
    const lines = `${COUNT.format(length)} ${length === 1 ? "line" : "lines"}`;
    this.tally.textContent = `${found}${this.cut ? "the newest " : ""}${lines}`;
    this.list.show(this.shown === null ? length : this.shown.length);
  }

  private numberAt(index: number): number {
    return this.shown === null ? this.oldest + index : (this.shown[index] as number);
  }

  private entryAt(number: number): Entry {
    return this.latest.get(number) ?? (this.entries[number - this.oldest] as Entry);
  }

  private draw(number: number): HTMLElement {
    const entry = this.entryAt(number);
    return drawLine(readLine(entry), nameOf(entry.user), this.styles.get(number));
  }
}

function drawLine(
  { text, time, level, progress }: Line,
  author: string | null,
  style: Style | undefined,
): HTMLElement {
  const line = element("div", "driftdb-line");
  if (level !== null) line.dataset.level = level;
  if (time !== null) {
    const when = element("time", "driftdb-time", { datetime: new Date(time).toISOString() });
    when.textContent = new Date(time).toLocaleTimeString();
    line.append(when, " "); // for who copies it
  }
  if (author !== null) {
    const who = element("span", "driftdb-author");
    who.textContent = author;
    line.append(who, " ");
  }
  if (progress !== null) {
    const bar = element("progress", "driftdb-progress", { "aria-label": "progress" });
    if (progress.total !== null) {
      bar.max = Math.max(progress.total, 1);
      bar.value = progress.count;
    } else if (progress.done) {
      bar.value = 1;
    }
    if (progress.failed) bar.classList.add("driftdb-failed");
    line.append(bar);
  }
  let length = 0;
  for (const piece of readAnsi(text, style).pieces) {
    if (length < LONGEST)
      line.append(drawPiece({ ...piece, text: piece.text.slice(0, LONGEST - length) }));
    length += piece.text.length;
  }
  if (length > LONGEST) line.append(`… (${length} characters)`);
  return line;
}

function drawPiece({ text, classes, fg, bg }: Piece): HTMLElement {
  const span = element("span", classes.join(" "));
  span.textContent = text;
  // What is to be read on the page's own ground is mixed with its text's colour (widget.css).
  if (fg !== null) {
    span.classList.add(bg === null ? "driftdb-fg-mixed" : "driftdb-fg-exact");
    span.style.setProperty("--driftdb-fg", fg);
  }
  if (bg !== null) span.style.backgroundColor = bg;
  const named = classes.some((name) => name.startsWith("driftdb-fg-"));
  if (bg !== null && fg === null && !named) span.style.color = inkOn(bg);
  return span;
}
