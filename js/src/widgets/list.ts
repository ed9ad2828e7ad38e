import { element } from "./control";

/** A line is so high, in pixels; longer text goes on to the right. */
const LINE_PIXELS = 20;
/** So many lines are there above and below those that are seen. */
const MARGIN = 20;
/** Browsers know no higher element; more lines than that are reached in larger steps. */
const HIGHEST_PIXELS = 8_000_000;

export interface ListOptions {
  /** What the list is to a screen reader. */
  readonly role: string;
  /** A line's height, in pixels. */
  readonly pixels: number;
  /** Whether it begins at its end, and stays there. */
  readonly follows: boolean;
}

/**
 * A list of lines of which only those are in the page that are seen, and that stays at its end
 * while nobody scrolls up.
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
  private count = 0;
  private due = false;

  /** `make` gives the element of a line. */
  constructor(
    private readonly make: (index: number) => HTMLElement,
    { role = "log", pixels = LINE_PIXELS, follows = true }: Partial<ListOptions> = {},
  ) {
    this.pixels = pixels;
    this.follows = this.keepsUp = follows;
    this.element.setAttribute("role", role);
    this.space.append(this.window);
    this.element.append(this.space);
    this.element.addEventListener("scroll", () => this.scrolled());
  }

  /** Show so many lines; those that were there may be others. */
  show(count: number): void {
    this.count = count;
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.draw();
    });
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

  private draw(): void {
    const box = this.element;
    const height = Math.min(this.count * this.pixels, HIGHEST_PIXELS);
    this.space.style.height = `${height}px`;
    if (this.follows) box.scrollTop = height;
    const seen = Math.ceil(box.clientHeight / this.pixels);
    const most = Math.max(0, this.count - seen);
    const way = Math.max(1, height - box.clientHeight);
    const top = this.follows ? most : Math.floor((box.scrollTop / way) * most);
    const first = Math.max(0, Math.min(top, most) - MARGIN);
    const last = Math.min(this.count, top + seen + MARGIN);
    const lines = [];
    for (let index = first; index < last; index += 1) lines.push(this.make(index));
    this.window.replaceChildren(...lines);
    // Where lines are closer together than they are high, what is seen stands at the scrolled place.
    const offset = box.scrollTop - (top - first) * this.pixels;
    this.window.style.transform = `translateY(${Math.max(0, Math.min(offset, height - lines.length * this.pixels))}px)`;
  }

  private scrolled(): void {
    const box = this.element;
    this.setFollows(
      this.keepsUp && box.scrollTop + box.clientHeight >= box.scrollHeight - this.pixels / 2,
    );
    this.show(this.count);
  }

  private setFollows(follows: boolean): void {
    if (follows === this.follows) return;
    this.follows = follows;
    this.onFollow(follows);
  }
}
