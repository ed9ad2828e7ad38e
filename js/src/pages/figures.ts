import { size } from "../widgets/bytes";
import { element } from "../widgets/control";

const SVG = "http://www.w3.org/2000/svg";
const SECONDS = 60;
const HEIGHT = 24;

/** How much is going on, in numbers. */
export class Figures {
  readonly element = element("dl", "figures");
  private readonly values = new Map<string, HTMLElement>();
  private readonly svg = document.createElementNS(SVG, "svg");
  private readonly line = document.createElementNS(SVG, "polyline");
  private readonly rates: number[] = [];

  constructor() {
    for (const name of ["connections", "keys", "messages/s", "data/s"]) this.add(name);
    const { svg } = this;
    svg.setAttribute("class", "spark idle");
    svg.setAttribute("viewBox", `0 0 ${SECONDS - 1} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    svg.append(this.line);
    this.values.get("messages/s")?.parentElement?.append(svg);
  }

  connections(count: number): void {
    this.set("connections", count.toLocaleString());
  }

  /**
   * Which of several servers this is, for how many seconds it has not been certain that it has all
   * that the others wrote, and what is wrong, for people.
   */
  server(id: string, behind: number, trouble: string): void {
    if (!this.values.has("server")) this.add("server");
    const late = behind > 0 ? `, ${Math.ceil(behind).toLocaleString()} s behind` : "";
    this.set("server", id.slice(0, 8) + late + (trouble ? `. ${trouble}` : ""));
  }

  keys(count: number): void {
    this.set("keys", count.toLocaleString());
  }

  /** What came in the last second, in messages and in bytes. */
  second(messages: number, amount: number): void {
    this.set("messages/s", messages.toLocaleString());
    this.set("data/s", size(amount));
    this.rates.push(messages);
    if (this.rates.length > SECONDS) this.rates.shift();
    const isIdle = this.rates.every((rate) => rate === 0);
    this.svg.setAttribute("class", isIdle ? "spark idle" : "spark");
    const most = Math.max(1, ...this.rates);
    const from = SECONDS - this.rates.length;
    const points = this.rates.map(
      (rate, n) => `${from + n},${HEIGHT - 1 - (rate / most) * (HEIGHT - 2)}`,
    );
    this.line.setAttribute("points", points.join(" "));
  }

  private add(name: string): void {
    const group = element("div", "figure");
    const term = element("dt", "quiet");
    const value = element("dd", "");
    term.textContent = name;
    value.textContent = "–";
    group.append(term, value);
    this.element.append(group);
    this.values.set(name, value);
  }

  private set(name: string, text: string): void {
    const value = this.values.get(name);
    if (value !== undefined && value.textContent !== text) value.textContent = text;
  }
}
