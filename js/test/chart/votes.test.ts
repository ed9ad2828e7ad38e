// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Chart } from "../../src/chart/index";
import type { Json } from "../../src/protocol/messages";

vi.mock("../../src/chart/plot", () => ({
  Plot: class {
    columns = 100;
    draw() {}
    destroy() {}
    show() {}
  },
}));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("ResizeObserver", undefined);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A chart of bars of two streams, and the rows that it shows. */
function chart() {
  const options = { label: "Votes", style: { kind: "bar" }, names: ["a", "b"], isLive: true };
  const made = new Chart(document.createElement("div"), options);
  const box = (made as unknown as { box: HTMLElement }).box;
  const told = (values: Json[]) => values.map((value) => ({ value }));
  return {
    push: (stream: number, value: Json) => made.pushed(stream, { value }),
    startOver: (stream: number, ...values: Json[]) => made.startedOver(stream, told(values)),
    rows: () => {
      vi.runAllTimers();
      const rows = box.querySelectorAll(".driftdb-amounts > *");
      return [...rows].map(({ children }) => [children[0]?.textContent, children[2]?.textContent]);
    },
  };
}

test.each([0, 1])(
  "where stream %d starts over its votes count once, and the other's still",
  (stream) => {
    const { push, startOver, rows } = chart();
    startOver(0, "tea", "coffee");
    startOver(1, "tea");
    push(1, "milk");
    const all = [
      ["tea", "2"],
      ["coffee", "1"],
      ["milk", "1"],
    ];
    expect(rows()).toEqual(all);
    if (stream === 0) startOver(0, "tea", "coffee");
    else startOver(1, "tea", "milk");
    expect(rows()).toEqual(all);
    startOver(stream);
    expect(rows()).toEqual(
      stream === 0
        ? [
            ["tea", "1"],
            ["milk", "1"],
          ]
        : [
            ["tea", "1"],
            ["coffee", "1"],
          ],
    );
  },
);

test("a stream that has anything else has no votes, until it starts over", () => {
  const { push, startOver, rows } = chart();
  startOver(0, "tea");
  startOver(1, "tea");
  push(1, 3);
  expect(rows()).toEqual([]);
  startOver(1, "milk");
  expect(rows()).toEqual([
    ["tea", "1"],
    ["milk", "1"],
  ]);
});
