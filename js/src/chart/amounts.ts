import { element } from "../widgets/control";
import { withUnseen } from "../widgets/unseen";
import type { Categories } from "./categories";
import type { Content } from "./content";
import { figure } from "./figures";
import { MARGIN, picture } from "./picture";
import type { Sheet } from "./sheet";
import { COLOURS, type Theme } from "./theme";

const PICTURE_WIDTH = 640;
const BAR = 18;
const ROW_GAP = 10;

/** Named amounts as bars: a table, each row of which is as wide as what it says. */
export class Amounts implements Content {
  readonly element = element("div", "driftdb-amounts-chart");
  private readonly table = element("div", "driftdb-amounts", { role: "table" });
  private readonly names = element("div", "driftdb-legend");
  private categories: Categories = { series: [], rows: [], more: 0 };

  constructor(
    label: string,
    private readonly theme: Theme,
  ) {
    this.table.setAttribute("aria-label", label);
    this.element.append(this.names, this.table);
  }

  show(categories: Categories): void {
    this.categories = categories;
  }

  draw(): void {
    const { rows, series, more } = this.categories;
    const most = this.most;
    const { table } = this;
    const shown = series.length > 1 ? series : [];
    this.names.replaceChildren(
      ...shown.map((name, each) => {
        const swatch = element("span", "driftdb-swatch", { "aria-hidden": "true" });
        swatch.style.color = `var(--driftdb-series-${each % COLOURS})`;
        const text = element("span", "driftdb-series-name", { dir: "auto" }, withUnseen(name));
        return element("span", "driftdb-series", {}, swatch, text);
      }),
    );
    while (table.children.length > rows.length) table.lastElementChild?.remove();
    rows.forEach(({ name, amounts }, place) => {
      let row = table.children[place] as HTMLElement | undefined;
      if (row === undefined || row.dataset.series !== String(series.length)) {
        const made = this.row();
        if (row === undefined) table.append(made);
        else row.replaceWith(made);
        row = made;
      }
      const [head, bars, values] = row.children as unknown as HTMLElement[];
      if (head !== undefined) head.textContent = withUnseen(name);
      amounts.forEach((amount, each) => {
        const bar = bars?.children[each] as HTMLElement;
        bar.style.inlineSize = `${(100 * Math.abs(amount ?? 0)) / most}%`;
        bar.classList.toggle("driftdb-below", (amount ?? 0) < 0);
      });
      if (values !== undefined)
        values.textContent = amounts
          .map((each) => (each === null ? "–" : figure(each)))
          .join(" · ");
    });
    table.dataset.note =
      rows.length === 0
        ? "No amounts yet: numbers by name, rows or votes are drawn as bars."
        : more > 0
          ? `… and ${more} more`
          : "";
  }

  sheet(): Sheet {
    const { rows, series } = this.categories;
    const names = series.map((name) => name || "value");
    return { head: ["name", ...names], rows: rows.map(({ name, amounts }) => [name, ...amounts]) };
  }

  /** It is a table itself. */
  summary(): Sheet {
    return { head: [], rows: [] };
  }

  picture(title: string): HTMLCanvasElement {
    const { theme } = this;
    const { rows, series } = this.categories;
    const step = BAR * Math.max(1, series.length) + ROW_GAP;
    const marks =
      series.length > 1 ? series.map((name, each) => ({ name, colour: theme.colour(each) })) : [];
    const size = { width: PICTURE_WIDTH, height: step * rows.length };
    return picture(title, marks, size, theme, (context, top) => {
      const wide = (text: string) => context.measureText(text).width;
      const names = Math.min(PICTURE_WIDTH / 3, Math.max(0, ...rows.map(({ name }) => wide(name))));
      const room = PICTURE_WIDTH - names - 90;
      rows.forEach(({ name, amounts }, place) => {
        const begin = top + place * step;
        context.fillStyle = theme.ink;
        context.fillText(name, MARGIN, begin + (BAR * amounts.length) / 2, names);
        amounts.forEach((amount, each) => {
          if (amount === null) return;
          const length = (room * Math.abs(amount)) / this.most;
          const left = MARGIN + names + 12;
          context.fillStyle = theme.colour(each);
          context.fillRect(left, begin + each * BAR + 2, length, BAR - 4);
          context.fillStyle = theme.ink;
          context.fillText(figure(amount), left + length + 6, begin + (each + 0.5) * BAR, 60);
        });
      });
    });
  }

  destroy(): void {}

  private get most(): number {
    const all = this.categories.rows.flatMap(({ amounts }) => amounts.map((each) => each ?? 0));
    return Math.max(...all.map(Math.abs)) || 1;
  }

  private row(): HTMLElement {
    const { series } = this.categories;
    const bars = element("div", "driftdb-amount-bars", { role: "presentation" });
    series.forEach((_, each) => {
      const bar = element("div", "driftdb-amount-bar");
      bar.style.color = `var(--driftdb-series-${each % COLOURS})`;
      bars.append(bar);
    });
    const name = element("div", "driftdb-amount-name", { role: "rowheader", dir: "auto" });
    const values = element("div", "driftdb-amount-value", { role: "cell" });
    const row = element("div", "driftdb-amount", { role: "row" }, name, bars, values);
    row.dataset.series = String(series.length);
    return row;
  }
}
