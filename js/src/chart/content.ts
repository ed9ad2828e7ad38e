import type { Sheet } from "./sheet";

/** What stands in a chart's box, whatever it is drawn with. */
export interface Content {
  readonly element: HTMLElement;
  /** All that it shows, or the newest of its rows. */
  sheet(most?: number): Sheet;
  /** The same in a few rows, for those who don't see it. */
  summary(): Sheet;
  picture(title: string): HTMLCanvasElement;
  /** Draw what is new. */
  draw(): void;
  destroy(): void;
}
