import { unwrap } from "../client/form";
import { nameOf } from "../client/user";
import { stringify } from "../protocol/integers";
import type { Entry, Json, KeyInfo } from "../protocol/messages";
import { size as sizeOf } from "../widgets/bytes";
import { element } from "../widgets/control";
import { goneFrom } from "../widgets/gone";
import { withUnseen } from "../widgets/unseen";
import { copyButton } from "./copy";
import { keyName } from "./key_name";
import { entryOf, type Heard, type MessageTap } from "./message_tap";
import { type Cells, Rows } from "./rows";
import { Tree } from "./tree";

const PIXELS = 24;
/** So many of a stream's newest values are looked at, if they can be had. */
const ENOUGH = 200;
/** How far to look back at first; numbers are shared by all keys. */
const BACK = 1_000;
/** So many values are listed. */
const LISTED = 1_000;
const LONGEST_PREVIEW = 200;

/** A key: its value as a tree, and what its stream holds. */
export class Detail {
  readonly element = element("section", "panel detail", { "aria-label": "Value" });
  key: string | null = null;
  private readonly title = element("h2", "");
  private readonly about = element("p", "quiet tally");
  private readonly tree = new Tree();
  private readonly rows: Rows;
  private readonly newest = element("button", "button", { type: "button" });
  private info: KeyInfo | undefined;
  /** What is listed; `from`: what the stream held above that number, and what came since. */
  private held: readonly Entry[] = [];
  private from = 0;
  /** What is shown; `null`: the newest, whatever that is. */
  private chosen: Entry | null = null;
  private current: Entry | null = null;
  private fresh: Heard | null = null;
  private back = BACK;
  /** What the stream was known to hold when it was asked last, and whether it has answered. */
  private asked: KeyInfo | undefined;
  private waits = false;

  constructor(private readonly feed: MessageTap) {
    this.rows = new Rows({
      label: "Values in the stream, the newest at the end",
      pixels: PIXELS,
      follows: true,
      at: (index) => this.held[index]?.seq,
      cells: (index) => cells(this.held[index] as Entry),
      chosen: () => this.held.findIndex(({ seq }) => seq === this.chosen?.seq),
      choose: (index) => this.showEntry(this.held[index] ?? null),
    });
    this.newest.textContent = "Newest";
    this.newest.addEventListener("click", () => this.showEntry(null));
    const copy = copyButton("Copy as JSON", () => stringify(this.value ?? null, null, 2));
    const bar = element("div", "bar");
    bar.append(this.title, this.newest, copy);
    this.element.append(bar, this.about, this.rows.element, this.tree.element);
    feed.onHeld = (key, held, above) => this.onRead(key, held, above);
    this.draw();
  }

  /** Show a key. */
  open(key: string, info: KeyInfo | undefined): void {
    if (key !== this.key) {
      this.key = key;
      this.held = [];
      this.chosen = this.current = this.fresh = null;
      this.tree.forget();
      this.info = info;
      this.startOver(BACK);
    }
    this.listed(info);
  }

  /** Show a message of the history. */
  openMessage(heard: Heard, info: KeyInfo | undefined): void {
    if (heard.key !== this.key) this.open(heard.key, info);
    this.showEntry(entryOf(heard));
  }

  /** A key's stream may be another now. */
  listed(info: KeyInfo | undefined): void {
    this.info = info;
    this.update();
    this.draw();
  }

  /** A push of the key was heard; it is shown when the page is drawn next. */
  onMessage(heard: Heard): void {
    if (heard.key === this.key) this.fresh = heard;
  }

  /** Show what was heard. */
  draw(): void {
    if (this.fresh !== null) this.current = entryOf(this.fresh);
    this.fresh = null;
    const { key, info } = this;
    this.element.classList.toggle("idle", key === null);
    this.title.textContent = key === null ? "Choose a key" : keyName(key);
    this.newest.hidden = this.chosen === null;
    this.rows.element.hidden = (info?.size ?? 0) < 2;
    this.rows.show(this.held.length);
    const shown = this.chosen ?? this.current;
    const parts = [];
    if (info !== undefined) {
      const { size } = info;
      parts.push(
        `${size.toLocaleString()} ${size === 1 ? "value" : "values"}, ${sizeOf(info.bytes)}`,
      );
      if (size > this.held.length && this.held.length > 0)
        parts.push(`the newest ${this.held.length.toLocaleString()} are listed`);
    }
    if (shown !== null) {
      parts.push(`shown: number ${shown.seq}`);
      if (shown.time !== undefined) parts.push(new Date(shown.time).toLocaleString());
      const user = nameOf(shown.user);
      if (user !== null) parts.push(user);
    }
    this.about.textContent =
      key === null ? "Its value and what its stream holds are shown here." : parts.join(" · ");
    if (key !== null) this.tree.show(this.value);
  }

  private get value(): Json | undefined {
    const shown = this.chosen ?? this.current;
    return shown === null ? undefined : unwrap(shown.value);
  }

  private showEntry(entry: Entry | null): void {
    this.chosen = entry;
    this.draw();
  }

  /** Ask for what came since, where the stream may only have grown. */
  private update(): void {
    const { info, asked } = this;
    if (this.waits || (info?.seq === asked?.seq && info?.size === asked?.size)) return;
    const newest = this.held[this.held.length - 1]?.seq ?? Number.POSITIVE_INFINITY;
    if (info !== undefined && info.size >= (asked?.size ?? 0) && info.seq >= newest)
      this.requestAbove(newest);
    else this.startOver(BACK);
  }

  private startOver(back: number): void {
    const { info } = this;
    const few = info === undefined || info.size <= ENOUGH;
    this.back = back;
    this.from = few ? 0 : Math.max(0, info.seq - back);
    this.requestAbove(this.from);
  }

  private requestAbove(above: number): void {
    if (this.key === null) return;
    this.asked = this.info;
    this.waits = true;
    this.feed.read(this.key, above);
  }

  private onRead(key: string, came: readonly Entry[], above: number): void {
    if (key !== this.key) return;
    this.waits = false;
    const { info, back, from } = this;
    const enough = Math.min(info?.size ?? 0, ENOUGH);
    if (above === from && came.length < enough && back < (info?.seq ?? 0)) {
      this.startOver(8 * back);
      return;
    }
    const before = above === from ? [] : this.held.filter(({ seq }) => seq <= above);
    const held = [...before, ...came];
    const gone = info === undefined ? 0 : goneFrom(held, info);
    this.held = held.slice(Math.max(gone, held.length - LISTED));
    const newest = held[held.length - 1];
    if (newest !== undefined && newest.seq >= (this.current?.seq ?? 0)) this.current = newest;
    this.update();
    this.draw();
  }
}

function cells({ value, seq, time }: Entry): Cells {
  return [
    ["size", String(seq)],
    ["time", time === undefined ? "" : new Date(time).toLocaleTimeString()],
    ["preview", withUnseen(stringify(value).slice(0, LONGEST_PREVIEW))],
  ];
}
