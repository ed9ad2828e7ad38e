import { arrange } from "./arrange";
import { element } from "./control";
import { oncePerFrame } from "./frame";

/** A line is so high, in pixels; longer text goes on to the right. */
const LINE_PIXELS = 20;
/** So many lines are there above and below those that are seen. */
const MARGIN = 20;
/** Browsers know no higher element; more lines than that are reached in larger steps. */
const HIGHEST_PIXELS = 8_000_000;
/** So many lines that wrap are there, at the end; more where somebody scrolls up to them. */
const WRAPPED = 300;

/** What is in a list. */
export interface Lines {
  /** What stands there; as long as that is in the list, its element stays the same. */
  at(index: number): unknown;
  /** Make the element of what stands there. */
  make(index: number): HTMLElement;
  /** Bring an element that was made before up to date. */
  refresh?(line: HTMLElement, index: number): void;
  /** All that are in the page now were made, or are up to date. */
  drawn?(): void;
}

export interface ListOptions {
  /** What the list is to a screen reader. */
  readonly role: string;
  /** A line's height, in pixels. */
  readonly pixels: number;
  /** Whether it begins at its end, and stays there. */
  readonly follows: boolean;
  /** In a list that is narrower, in pixels, lines wrap and are as high as they need to be. */
  readonly wrapsBelow: number;
}

/**
 * A list of lines of which only those are in the page that are seen, and that stays at its end
 * while nobody scrolls up, presses a line or has selected something there.
 */
export class LineList {
  readonly element = element("div", "driftdb-lines", { tabindex: "0" });
  /** Called when it begins or ends to stay at its end. */
  onFollow: (follows: boolean) => void = () => {};
  private readonly space = element("div", "driftdb-space");
  private readonly window = element("div", "driftdb-window");
  private readonly pixels: number;
  private readonly keepsUp: boolean;
  private follows: boolean;
  private pressed = false;
  private count = 0;
  private readonly drawSoon = oncePerFrame(() => this.draw());
  private wraps = false;
  /** How many lines are there while they wrap. */
  private most = WRAPPED;
  /** Where the window begins, and the elements in it by what they show. */
  private first = 0;
  private shown = new Map<unknown, HTMLElement>();

  constructor(
    private readonly lines: Lines,
    options: Partial<ListOptions> = {},
  ) {
    const { role = "log", pixels = LINE_PIXELS, follows = true, wrapsBelow = 0 } = options;
    this.pixels = pixels;
    this.follows = this.keepsUp = follows;
    this.element.setAttribute("role", role);
    // What is scrolled into view is not news.
    if (role === "log") this.element.setAttribute("aria-live", "off");
    this.space.append(this.window);
    this.element.append(this.space);
    this.element.addEventListener("scroll", () => this.scrolled());
    if (wrapsBelow > 0) this.wrapBelow(wrapsBelow);
    this.window.addEventListener("pointerdown", ({ button }) => {
      if (button === 0) this.press();
    });
  }

  /** Show so many lines; those that were there may be others. */
  show(count: number): void {
    this.count = count;
    this.drawSoon();
  }

  /** Go to the end, and stay there. */
  follow(): void {
    this.setFollows(true);
    this.draw();
  }

  /** Bring a line into view. */
  reveal(index: number): void {
    const box = this.element;
    const top = index * this.pixels;
    this.setFollows(false);
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + this.pixels > box.scrollTop + box.clientHeight)
      box.scrollTop = top + this.pixels - box.clientHeight;
    this.draw();
  }

  /** So many lines are gone from the beginning, before the next `show`: who reads stays there. */
  drop(count: number): void {
    // Where they wrap, what is read is kept in its place when it is drawn.
    if (this.wraps) return;
    if (!this.follows || this.pressed) this.element.scrollTop -= count * this.pixels;
  }

  /** Which line an element, or one inside of it, is now; -1: none. */
  indexOf(inside: Node): number {
    const place = [...this.window.children].findIndex((line) => line.contains(inside));
    return place < 0 ? -1 : this.first + place;
  }

  /** Wrap lines while the list is narrower than that. */
  private wrapBelow(pixels: number): void {
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => {
      const { clientWidth } = this.element;
      const wraps = clientWidth > 0 && clientWidth < pixels;
      if (wraps === this.wraps) return;
      this.wraps = wraps;
      this.most = WRAPPED;
      this.element.classList.toggle("driftdb-wraps", wraps);
      this.show(this.count);
    });
    observer.observe(this.element);
  }

  private draw(): void {
    if (this.wraps) this.drawWrapped();
    else this.drawWindow();
  }

  private drawWrapped(): void {
    const first = Math.max(0, this.count - this.most);
    this.space.style.height = "auto";
    this.window.style.transform = "";
    const follows = this.follows && !this.pressed;
    const read = follows ? undefined : this.topmost();
    const before = read?.getBoundingClientRect().top ?? 0;
    this.put(first, this.count);
    if (follows) this.element.scrollTop = this.element.scrollHeight;
    else if (read?.isConnected) this.element.scrollTop += read.getBoundingClientRect().top - before;
  }

  /** The first line that is seen. */
  private topmost(): Element | undefined {
    const { top } = this.element.getBoundingClientRect();
    return [...this.window.children].find((line) => line.getBoundingClientRect().bottom > top);
  }

  /** Have just these lines in the page. */
  private put(first: number, last: number): void {
    const shown = new Map<unknown, HTMLElement>();
    for (let index = first; index < last; index += 1) {
      const what = this.lines.at(index);
      const line = this.shown.get(what) ?? this.lines.make(index);
      this.lines.refresh?.(line, index);
      shown.set(what, line);
    }
    this.first = first;
    this.shown = shown;
    arrange(this.window, shown.values());
    this.lines.drawn?.();
  }

  private drawWindow(): void {
    const box = this.element;
    const whole = this.count * this.pixels;
    const height = Math.min(whole, HIGHEST_PIXELS);
    const follows = this.follows && !this.pressed;
    this.space.style.height = `${height}px`;
    if (follows) box.scrollTop = height;
    const seen = Math.ceil(box.clientHeight / this.pixels);
    const most = Math.max(0, this.count - seen);
    const way = Math.max(1, height - box.clientHeight);
    const scrolled = height < whole ? (box.scrollTop / way) * most : box.scrollTop / this.pixels;
    const top = follows ? most : Math.floor(scrolled);
    const first = Math.max(0, Math.min(top, most) - MARGIN);
    const last = Math.min(this.count, top + seen + MARGIN);
    this.put(first, last);
    // Where lines are closer together than they are high, what is seen stands at the scrolled place.
    const close = box.scrollTop - (top - first) * this.pixels;
    const lowest = height - (last - first) * this.pixels;
    const offset = height < whole ? Math.max(0, Math.min(close, lowest)) : first * this.pixels;
    this.window.style.transform = `translateY(${offset}px)`;
  }

  /** While a line is pressed it stays where it is; who has selected something reads on there. */
  private press(): void {
    this.pressed = true;
    const release = () => {
      removeEventListener("pointerup", release);
      removeEventListener("pointercancel", release);
      this.pressed = false;
      const selection = getSelection();
      if (selection?.isCollapsed === false && this.element.contains(selection.anchorNode))
        this.setFollows(false);
      this.show(this.count);
    };
    addEventListener("pointerup", release);
    addEventListener("pointercancel", release);
  }

  private scrolled(): void {
    const box = this.element;
    this.setFollows(
      this.keepsUp && box.scrollTop + box.clientHeight >= box.scrollHeight - this.pixels / 2,
    );
    if (this.wraps && box.scrollTop < box.clientHeight && this.most < this.count)
      this.most += WRAPPED;
    this.show(this.count);
  }

  private setFollows(follows: boolean): void {
    if (follows === this.follows) return;
    this.follows = follows;
    this.onFollow(follows);
  }
}
