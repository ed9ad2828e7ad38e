import { announce } from "../widgets/announce";
import type { Span } from "./decimate";

/** What fingers and keys do to a chart. */
export interface Navigated {
  /** The part of the axis that is shown. */
  readonly span: Span;
  xAt(left: number): number;
  point(x: number | null): void;
  /** Point at the next place with data; -1: at the one before. Returns what is there, in words. */
  step(by: number): string;
  zoom(span: Span): void;
  release(): void;
}

const ZOOM = 0.6;

/** A part of the axis that is by a factor as wide, and in which `at` stays where it was. */
export function scaled({ from, to }: Span, factor: number, at: number, isLog: boolean): Span {
  if (isLog && from > 0 && at > 0)
    return { from: at * (from / at) ** factor, to: at * (to / at) ** factor };
  return { from: at + (from - at) * factor, to: at + (to - at) * factor };
}

/** What stands in the middle of a part of the axis. */
export function middleOf({ from, to }: Span, isLog: boolean): number {
  return isLog && from > 0 ? Math.sqrt(from) * Math.sqrt(to) : (from + to) / 2;
}

/** Let a chart be explored with keys, fingers and the wheel; the mouse is the plot's own. */
export function navigate(
  box: HTMLElement,
  surface: () => HTMLElement | null,
  chart: Navigated,
  isLog: boolean,
): void {
  const touches = new Map<number, number>();
  let pinch: { readonly span: Span; readonly width: number; readonly at: number } | null = null;
  const leftOf = (clientX: number) => clientX - (surface()?.getBoundingClientRect().left ?? 0);
  const ends = () => {
    const [one = 0, other = 0] = touches.values();
    return { width: Math.max(20, Math.abs(one - other)), middle: (one + other) / 2 };
  };
  const zoomBy = (factor: number, at: number) => chart.zoom(scaled(chart.span, factor, at, isLog));
  const middle = () => middleOf(chart.span, isLog);

  box.addEventListener("pointerdown", ({ pointerType, pointerId, clientX }) => {
    if (pointerType !== "touch") return;
    touches.set(pointerId, leftOf(clientX));
    if (touches.size !== 2) return;
    const { width, middle } = ends();
    pinch = { span: chart.span, width, at: chart.xAt(middle) };
  });
  box.addEventListener("pointermove", ({ pointerType, pointerId, clientX }) => {
    if (pointerType !== "touch" || !touches.has(pointerId)) return;
    touches.set(pointerId, leftOf(clientX));
    if (pinch !== null) {
      chart.zoom(scaled(pinch.span, pinch.width / ends().width, pinch.at, isLog));
    } else {
      chart.point(chart.xAt(leftOf(clientX)));
    }
  });
  const lift = ({ pointerId }: PointerEvent) => {
    touches.delete(pointerId);
    if (touches.size < 2) pinch = null;
  };
  box.addEventListener("pointerup", lift);
  box.addEventListener("pointercancel", lift);
  box.addEventListener(
    "wheel",
    (event) => {
      // The wheel alone scrolls the page.
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoomBy(event.deltaY < 0 ? ZOOM : 1 / ZOOM, chart.xAt(leftOf(event.clientX)));
    },
    { passive: false },
  );
  box.addEventListener("dblclick", () => chart.release());
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (move !== undefined) {
      const words = chart.step(move);
      if (words !== "") announce(() => words);
    } else if (event.key === "+" || event.key === "=") zoomBy(ZOOM, middle());
    else if (event.key === "-") zoomBy(1 / ZOOM, middle());
    else if (event.key === "0") chart.release();
    else return;
    event.preventDefault();
  });
  box.addEventListener("blur", () => chart.point(null));
}
