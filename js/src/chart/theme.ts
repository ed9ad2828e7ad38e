import { element } from "../widgets/control";

/** So many series are told apart by their colours alone. */
export const COLOURS = 8;
/** And where a person has chosen all colours, by their strokes. */
const DASHES: readonly number[][] = [[], [8, 4], [2, 3], [12, 4, 2, 4], [5, 5], [1, 6], [16, 4]];

const FORCED = "(forced-colors: active)";
const DARK = "(prefers-color-scheme: dark)";

/** The colours of a chart as its page has them now: a canvas knows no style sheets. */
export class Theme {
  ink = "black";
  quiet = "gray";
  grid = "silver";
  ground = "white";
  font = "12px sans-serif";
  series: string[] = [];
  private readonly probe = element("i", "driftdb-probe", { "aria-hidden": "true" });
  private isStale = true;
  /** What was found last. */
  private found = "";
  private readonly watch = new MutationObserver((changes) => {
    const isStyle = (node: Node) => /^(style|link)$/i.test(node.nodeName);
    const dresses = ({ type, addedNodes, removedNodes }: MutationRecord) =>
      type === "attributes" || [...addedNodes, ...removedNodes].some(isStyle);
    if (changes.some(dresses)) this.outdate();
  });
  private readonly queries = [FORCED, DARK].map((query) => matchMedia(query));

  /** `onChange`: called when the page may have other colours. */
  constructor(
    private readonly box: HTMLElement,
    private readonly onChange: () => void,
  ) {
    box.append(this.probe);
    for (const query of this.queries) query.addEventListener("change", this.outdate);
    // JupyterLab's themes are words of the body, and style sheets that come and go.
    this.watch.observe(document.body, {
      attributeFilter: ["class", "data-jp-theme-light", "data-jp-theme-name", "data-theme"],
    });
    this.watch.observe(document.head, { childList: true });
    document.addEventListener("load", this.loaded, { capture: true });
  }

  destroy(): void {
    this.watch.disconnect();
    document.removeEventListener("load", this.loaded, { capture: true });
    for (const query of this.queries) query.removeEventListener("change", this.outdate);
    this.probe.remove();
  }

  /** Look at the page again if it may have changed; returns whether it has. */
  refresh(): boolean {
    if (!this.isStale) return false;
    this.isStale = false;
    const { box } = this;
    const style = getComputedStyle(box);
    // Whatever made it so, what has light letters is dark.
    box.classList.toggle("driftdb-dark", isLight(style.color));
    this.ink = style.color;
    this.font = `12px ${style.fontFamily}`;
    this.quiet = this.colourOf("quiet");
    this.grid = this.colourOf("grid");
    this.ground = this.colourOf("ground");
    this.series = Array.from({ length: COLOURS }, (_, place) => this.colourOf(`series-${place}`));
    const { ink, font, quiet, grid, ground, series } = this;
    const before = this.found;
    const forced = this.queries[0]?.matches; // by which strokes are dashed
    this.found = JSON.stringify([ink, font, quiet, grid, ground, series, forced]);
    return this.found !== before;
  }

  colour(place: number): string {
    return this.series[place % COLOURS] as string;
  }

  dash(place: number): number[] {
    const [forced] = this.queries;
    const plain = !forced?.matches && place < COLOURS;
    return plain ? [] : (DASHES[place % DASHES.length] as number[]);
  }

  private readonly outdate = (): void => {
    this.isStale = true;
    this.onChange();
  };

  private readonly loaded = ({ target }: Event): void => {
    if (target instanceof HTMLLinkElement) this.outdate();
  };

  private colourOf(name: string): string {
    this.probe.style.color = `var(--driftdb-${name})`;
    return getComputedStyle(this.probe).color;
  }
}

/** Whether a computed colour (`rgb(…)`) is a light one. */
function isLight(colour: string): boolean {
  const [red = 0, green = 0, blue = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140;
}
