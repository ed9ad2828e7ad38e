import { element } from "../widgets/control";
import { withUnseen } from "../widgets/unseen";
import { COLOURS } from "./theme";

/** A series as the legend shows it. */
export interface Named {
  readonly id: string;
  readonly name: string;
  readonly colour: number;
  readonly shown: boolean;
}

/** The names of a chart's series with a value of each; a press hides or shows a series. */
export class Legend {
  readonly element = element("div", "driftdb-legend", { role: "group", "aria-label": "Series" });
  private readonly where = element("span", "driftdb-where");
  private values: HTMLElement[] = [];
  private buttons: HTMLButtonElement[] = [];

  constructor(private readonly onToggle: (id: string, shown: boolean) => void) {}

  /** Have the names of these. */
  name(all: readonly Named[]): void {
    this.values = all.map(() => element("span", "driftdb-value"));
    this.buttons = all.map(({ id, name, colour, shown }, series) => {
      const swatch = element("span", "driftdb-swatch", { "aria-hidden": "true" });
      swatch.style.color = `var(--driftdb-series-${colour % COLOURS})`;
      const text = element("span", "driftdb-series-name", { dir: "auto" }, withUnseen(name));
      const pressed = String(shown);
      const options = { type: "button", "aria-pressed": pressed };
      const button = element("button", "driftdb-series", options, swatch, text);
      button.append(" ", this.values[series] as HTMLElement);
      button.addEventListener("click", () => {
        const shows = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(shows));
        this.onToggle(id, shows);
      });
      return button;
    });
    this.element.replaceChildren(...this.buttons, this.where);
  }

  /** Show a value of each, and where they are. */
  show(values: readonly string[], where: string): void {
    this.values.forEach((element, series) => {
      const text = values[series] ?? "";
      if (element.textContent !== text) element.textContent = text;
    });
    if (this.where.textContent !== where) this.where.textContent = where;
  }
}
