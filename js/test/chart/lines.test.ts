// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { Lines } from "../../src/chart/lines";
import { middleOf } from "../../src/chart/navigate";
import { Reader } from "../../src/chart/reader";
import { readStyle } from "../../src/chart/style";
import type { Theme } from "../../src/chart/theme";
import type { Json } from "../../src/protocol/messages";

/** What the plot that was made last has: its strokes' colours, and which of them are hidden. */
let colours: number[] = [];
let hidden: boolean[] = [];

vi.mock("../../src/chart/plot", () => ({
  Plot: class {
    columns = 100;
    constructor(_: unknown, { strokes }: { strokes: { colour: number }[] }) {
      colours = strokes.map(({ colour }) => colour);
      hidden = strokes.map(() => false);
    }
    draw() {}
    destroy() {}
    show(stroke: number, shown: boolean) {
      hidden[stroke] = !shown;
    }
  },
}));

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, "clientWidth", "get").mockReturnValue(600);
});

function chart(streams: number, options: Json = {}) {
  const style = readStyle(options);
  const readers = Array.from({ length: streams }, (_, n) => new Reader(style, "s", streams > 1, n));
  const lines = new Lines(readers, style, {} as Theme, () => {});
  const shown = () =>
    [...lines.element.querySelectorAll("button")].map((button) => {
      const isShown = button.getAttribute("aria-pressed") === "true";
      return `${button.textContent?.trim().split(" ").slice(0, -1).join(" ")}: ${isShown}`;
    });
  const press = (place: number) => lines.element.querySelectorAll("button")[place]?.click();
  return { readers, lines, shown, press };
}

test("what is hidden stays so, and colours stay, when another stream has a new series", () => {
  const { readers, lines, shown, press } = chart(2);
  readers[0]?.add({ value: { a: 1 } });
  readers[1]?.add({ value: { a: 2 } });
  lines.draw();
  expect([shown(), colours]).toEqual([
    ["s · a: true", "s · a: true"],
    [0, 1],
  ]);
  press(1);
  readers[0]?.add({ value: { b: 3 } });
  lines.draw();
  expect(shown()).toEqual(["s · a: true", "s · b: true", "s · a: false"]);
  expect([colours, hidden]).toEqual([
    [0, 2, 1],
    [false, false, true],
  ]);
});

test("what is hidden stays so when the stream starts over in another order", () => {
  const { readers, lines, shown, press } = chart(1);
  readers[0]?.add({ value: { a: 1, b: 2 } });
  lines.draw();
  press(0);
  readers[0]?.clear();
  readers[0]?.add({ value: { b: 1, a: 2 } });
  lines.draw();
  expect(shown()).toEqual(["b: true", "a: false"]);
  expect([colours, hidden]).toEqual([
    [1, 0],
    [false, true],
  ]);
});

test("a series that is not drawn yet doesn't disturb a press", () => {
  const { readers, lines, press } = chart(1);
  readers[0]?.add({ value: { a: 1 } });
  lines.draw();
  readers[0]?.add({ value: { b: 1 } });
  press(0);
  expect(hidden).toEqual([true]);
});

test("a logarithmic axis is zoomed by what is seen of it", () => {
  const { readers, lines } = chart(1, { x: "x", log_x: true });
  for (const x of [1e-9, 1, 1e9]) readers[0]?.add({ value: { x, y: 1 } });
  lines.draw();
  const part = { from: 1e-8, to: 1e-7 };
  lines.zoom(part);
  lines.draw();
  expect(lines.span).toEqual(part);
  expect(middleOf({ from: 1e-9, to: 1e9 }, true)).toBeCloseTo(1);
  expect(middleOf({ from: 0, to: 10 }, false)).toBe(5);
});
