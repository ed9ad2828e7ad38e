import { element } from "../widgets/control";
import { LineList } from "../widgets/list";

/** What is in a row: class names, and texts. */
export type Cells = readonly (readonly [className: string, text: string])[];

export interface RowsOptions {
  readonly label: string;
  /** A row's height, in pixels; where fingers choose it is higher. */
  readonly pixels: number;
  /** Whether it stays at its end while nobody scrolls up. */
  readonly follows: boolean;
  /** What a row is of; as long as that is in the list, the row stays the same. */
  readonly at: (index: number) => unknown;
  readonly cells: (index: number) => Cells;
  /** Which row is chosen now; -1: none. */
  readonly chosen: () => number;
  readonly choose: (index: number) => void;
}

const FOR_FINGERS_PIXELS = 44;

let made = 0;

/** A long list of which one row can be chosen: with a pointer, a finger or the arrow keys. */
export class Rows {
  private readonly list: LineList;
  private readonly pixels: number;
  private count = 0;
  private chosen = -1;
  /** The chosen row's id, while it is in the page. */
  private active: string | null = null;

  constructor(private readonly options: RowsOptions) {
    const { label, follows, at } = options;
    this.pixels = matchMedia("(pointer: coarse)").matches ? FOR_FINGERS_PIXELS : options.pixels;
    const { pixels } = this;
    const lines = {
      at,
      make: () => this.make(),
      refresh: (row: HTMLElement, index: number) => this.refresh(row, index),
      drawn: () => this.drawn(),
    };
    this.list = new LineList(lines, { role: "listbox", pixels, follows });
    this.element.classList.add("rows");
    this.element.style.setProperty("--row", `${pixels}px`);
    this.element.setAttribute("aria-label", label);
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("click", ({ target }) => {
      const index = this.list.indexOf(target as Node);
      if (index >= 0) options.choose(index);
    });
  }

  get element(): HTMLElement {
    return this.list.element;
  }

  /** Show so many rows; those that were there may be others. */
  show(count: number): void {
    this.count = count;
    this.chosen = this.options.chosen();
    this.list.show(count);
  }

  private make(): HTMLElement {
    made += 1;
    return element("div", "row", { role: "option", id: `row-${made}`, dir: "auto" });
  }

  private refresh(row: HTMLElement, index: number): void {
    const chosen = index === this.chosen;
    if (row.getAttribute("aria-selected") !== String(chosen))
      row.setAttribute("aria-selected", String(chosen));
    if (chosen) this.active = row.id;
    // Of a long list only a part is in the page.
    row.setAttribute("aria-posinset", String(index + 1));
    row.setAttribute("aria-setsize", String(this.count));
    this.options.cells(index).forEach(([className, text], place) => {
      const cell = row.children[place] ?? row.appendChild(element("span", className));
      if (cell.textContent !== text) cell.textContent = text;
    });
  }

  private drawn(): void {
    if (this.active === null) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", this.active);
    this.active = null;
  }

  private pressed(event: KeyboardEvent): void {
    const chosen = this.options.chosen();
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.pixels) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: chosen + 1,
      ArrowUp: chosen < 0 ? this.count - 1 : chosen - 1,
      PageDown: chosen + page,
      PageUp: chosen - page,
      Home: 0,
      End: this.count - 1,
    };
    const step = steps[event.key];
    if (step === undefined || this.count === 0) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(this.count - 1, step));
    this.options.choose(index);
    this.list.reveal(index);
  }
}
