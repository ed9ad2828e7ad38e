// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeSocket } from "../socket";
import { hear, show } from "./stage";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.runOnlyPendingTimers();
  vi.useRealTimers();
});

/** What is read out now: the texts of all live regions of the page. */
const said = () =>
  [...document.querySelectorAll("[role=status], [aria-live]:not([aria-live=off])")].map(
    ({ textContent }) => textContent,
  );

test("however many views a page has, their trouble is read out once", () => {
  for (let view = 0; view < 30; view += 1) show("presence");
  FakeSocket.last.accept();
  hear({ type: "presence_state", client: "me", clients: {} });
  vi.advanceTimersByTime(10_000);
  FakeSocket.last.lose();
  vi.advanceTimersByTime(300);
  expect(said()).toEqual(["reconnecting\u2026"]);
  vi.advanceTimersByTime(60_000);
  expect(said()).toEqual([""]);
});

test("what comes in a channel is read out, and what comes in a log is not", () => {
  show("stream", { keep: false });
  FakeSocket.last.accept();
  hear({ type: "init", data: [], epoch: "E", recovered: false });
  vi.advanceTimersByTime(10_000);
  hear({ type: "push", value: "hi", seq: 1, user: { name: "Ann" } });
  hear({ type: "push", value: "\u001b[31mthere\nyou\u001b[0m", seq: 2, user: { name: "Bob" } });
  vi.advanceTimersByTime(300);
  expect(said()).toEqual(["Bob: there you"]);
});

test("a log is read, and not read out", () => {
  const el = show("stream");
  FakeSocket.last.accept();
  hear({ type: "init", data: [], epoch: "E", recovered: false });
  vi.advanceTimersByTime(10_000);
  hear({ type: "push", value: "line", seq: 1 });
  vi.advanceTimersByTime(300);
  expect(said().join("")).toBe("");
  expect(el.querySelector("[role=log]")?.getAttribute("aria-live")).toBe("off");
});
