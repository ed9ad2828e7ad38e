import type { Theme } from "./theme";

/** What stands above the picture: a name with its colour. */
export interface Mark {
  readonly name: string;
  readonly colour: string;
}

const MARGIN = 12;
const LINE = 22;
const SCALE = 2;

/**
 * A picture with a title, the names of the series and, below them, what `paint` draws in a box of
 * this size. `scale`: how many dots of it are a pixel of the page.
 */
export function picture(
  title: string,
  marks: readonly Mark[],
  size: { readonly width: number; readonly height: number },
  theme: Theme,
  paint: (context: CanvasRenderingContext2D, top: number) => void,
  scale = SCALE,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const family = theme.font.replace(/^\S+ /, "");
  const width = size.width + 2 * MARGIN;
  const places: [mark: Mark, left: number, line: number][] = [];
  context.font = `13px ${family}`;
  let [left, line] = [MARGIN, 0];
  for (const mark of marks) {
    const wide = context.measureText(mark.name).width + 34;
    if (left > MARGIN && left + wide > width) [left, line] = [MARGIN, line + 1];
    places.push([mark, left, line]);
    left += wide;
  }
  const top = MARGIN + LINE + (marks.length > 0 ? LINE * (line + 1) : 0);
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil((top + size.height + MARGIN) * scale);
  context.scale(scale, scale);
  context.fillStyle = theme.ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.textBaseline = "middle";
  context.fillStyle = theme.ink;
  context.font = `600 15px ${family}`;
  context.fillText(title, MARGIN, MARGIN + LINE / 2, size.width);
  context.font = `13px ${family}`;
  for (const [mark, from, row] of places) {
    const middle = MARGIN + LINE * (row + 1.5);
    context.fillStyle = mark.colour;
    context.fillRect(from, middle - 5, 10, 10);
    context.fillStyle = theme.ink;
    context.fillText(mark.name, from + 16, middle);
  }
  paint(context, top);
  return canvas;
}

export { MARGIN };
