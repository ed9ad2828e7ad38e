import { element } from "../widgets/control";
import { LineList } from "../widgets/list";

export interface RowsOptions {
  readonly label: string;
  /** A row's height, in pixels. */
  readonly pixels: number;
  /** Whether it stays at its end while nobody scrolls up. */
  readonly follows: boolean;
  /** What is in a row. */
  readonly fill: (row: HTMLElement, index: number) => void;
  /** Which row is chosen now; -1: none. */
  readonly chosen: () => number;
  readonly choose: (index: number) => void;
}

let lists = 0;

/** A long list of which one row can be chosen: with a pointer, a finger or the arrow keys. */
export class Rows {
  private readonly list: LineList;
  private readonly name: string;
  private count = 0;

  constructor(private readonly options: RowsOptions) {
    lists += 1;
    this.name = `rows-${lists}`;
    const { label, pixels, follows } = options;
    this.list = new LineList((index) => this.make(index), { role: "listbox", pixels, follows });
    this.element.classList.add("rows");
    this.element.setAttribute("aria-label", label);
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    this.element.addEventListener("click", ({ target }) => {
      const row = target instanceof Element ? target.closest<HTMLElement>("[data-index]") : null;
      if (row !== null) options.choose(Number(row.dataset.index));
    });
  }

  get element(): HTMLElement {
    return this.list.element;
  }

  /** Show so many rows; those that were there may be others. */
  show(count: number): void {
    this.count = count;
    this.list.show(count);
  }

  private make(index: number): HTMLElement {
    const row = element("div", "row", { role: "option", id: `${this.name}-${index}` });
    const chosen = index === this.options.chosen();
    row.dataset.index = String(index);
    row.setAttribute("aria-selected", String(chosen));
    if (chosen) this.element.setAttribute("aria-activedescendant", row.id);
    this.options.fill(row, index);
    return row;
  }

  private pressed(event: KeyboardEvent): void {
    const chosen = this.options.chosen();
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.options.pixels) - 1);
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
