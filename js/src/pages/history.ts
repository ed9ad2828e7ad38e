import { stringify } from "../protocol/integers";
import { element } from "../widgets/control";
import { withUnseen } from "../widgets/unseen";
import { copyButton } from "./copy";
import { keyName } from "./key_name";
import { entryOf, type Heard, type MessageTap } from "./message_tap";
import { type Cells, Rows } from "./rows";

const PIXELS = 24;
const LONGEST_PREVIEW = 300;

/** What happened in a room since the page was opened, as it comes. */
export class History {
  readonly element = element("section", "panel history", { "aria-label": "History" });
  /** Somebody wants to see a message. */
  onChoose: (heard: Heard) => void = () => {};
  private readonly rows: Rows;
  private readonly pause = element("button", "button", { type: "button", "aria-pressed": "false" });
  private readonly search = element("input", "field", {
    type: "search",
    placeholder: "Search",
    "aria-label": "Show only messages with this text",
  });
  private readonly only = element("input", "check-box", { type: "checkbox" });
  private readonly tally = element("p", "quiet tally");
  private shown: Heard[] = [];
  private chosen: Heard | null = null;
  private key: string | null = null;
  private pausedAt: number | null = null;

  constructor(private readonly feed: MessageTap) {
    this.rows = new Rows({
      label: "Messages, the newest at the end",
      pixels: PIXELS,
      follows: true,
      at: (index) => this.shown[index],
      cells: (index) => cells(this.shown[index] as Heard),
      chosen: () => (this.chosen === null ? -1 : this.shown.lastIndexOf(this.chosen)),
      choose: (index) => {
        this.chosen = this.shown[index] ?? null;
        if (this.chosen !== null) this.onChoose(this.chosen);
        this.rows.show(this.shown.length);
      },
    });
    const title = element("h2", "", {}, "History");
    const one = element("label", "check");
    one.append(this.only, "this key only");
    const bar = element("div", "bar");
    const copy = copyButton(
      "Copy as JSON",
      () => `[${this.shown.map(({ text }) => text).join(",\n")}]`,
    );
    bar.append(title, this.pause, this.search, one, copy);
    this.element.append(bar, this.tally, this.rows.element);
    this.pause.addEventListener("click", () => this.togglePause());
    this.search.addEventListener("input", () => this.filter());
    this.only.addEventListener("change", () => this.filter());
    feed.onKept = (heard) => {
      if (this.pausedAt === null && this.matches(heard)) this.shown.push(heard);
    };
    feed.onForgotten = () => {
      if (this.pausedAt === null) this.filter();
    };
    this.togglePause(null);
  }

  /** Which key `this key only` is about. */
  follow(key: string): void {
    this.key = key;
    if (this.only.checked) this.filter();
  }

  /** Show what came. */
  draw(): void {
    const { count, every, losses } = this.feed;
    const came = `${count.toLocaleString()} ${count === 1 ? "message" : "messages"} came`;
    const parts = [came, `${this.shown.length.toLocaleString()} here`];
    if (every > 1) parts.push(`too many to read: 1 of ${every} is kept`);
    if (losses > 0) parts.push("the connection was lost: what came meanwhile is not here");
    if (this.pausedAt !== null)
      parts.push(`paused, ${(count - this.pausedAt).toLocaleString()} since`);
    const text = parts.join(" · ");
    if (text !== this.tally.textContent) this.tally.textContent = text;
    this.rows.show(this.shown.length);
  }

  private togglePause(
    paused: number | null = this.pausedAt === null ? this.feed.count : null,
  ): void {
    this.pausedAt = paused;
    this.pause.textContent = paused === null ? "Pause" : "Go on";
    this.pause.setAttribute("aria-pressed", String(paused !== null));
    if (paused === null) this.filter();
    else this.draw();
  }

  private filter(): void {
    this.shown = this.feed.kept.filter((heard) => this.matches(heard));
    this.draw();
  }

  private matches({ key, text }: Heard): boolean {
    if (this.only.checked && key !== this.key) return false;
    const wanted = this.search.value.toLowerCase();
    return wanted === "" || text.toLowerCase().includes(wanted);
  }
}

function cells(heard: Heard): Cells {
  const entry = entryOf(heard);
  const when = new Date(entry?.time ?? heard.at);
  const value = entry === null ? "deleted" : stringify(entry.value);
  return [
    ["time", when.toLocaleTimeString()],
    ["of", keyName(heard.key)],
    ["size", entry === null ? "" : String(entry.seq)],
    ["preview", withUnseen(value.slice(0, LONGEST_PREVIEW))],
  ];
}
