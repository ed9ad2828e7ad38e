// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { FakeSocket } from "../socket";
import { endViews, hear, show } from "./stage";

/** What the charts were told that were made. */
const made: { options: unknown; told: unknown[]; ended: boolean }[] = [];
let loads: () => Promise<void>;

vi.mock("../../src/widgets/chart_code", () => ({
  chartCode: async () => {
    await loads();
    return { Chart: FakeChart };
  },
}));

class FakeChart {
  private readonly told: unknown[] = [];
  private readonly chart: (typeof made)[number];

  constructor(_: HTMLElement, options: unknown) {
    this.chart = { options, told: this.told, ended: false };
    made.push(this.chart);
  }

  startedOver(stream: number, values: Iterable<{ value: unknown }>): void {
    this.told.push([stream, Array.from(values, ({ value }) => value)]);
  }

  pushed(stream: number, { value }: { value: unknown }): void {
    this.told.push([stream, value]);
  }

  show(value: unknown): void {
    this.told.push(value);
  }

  destroy(): void {
    this.chart.ended = true;
  }
}

beforeEach(() => {
  made.length = 0;
  loads = async () => {};
});

function begin(el: HTMLElement, ...values: unknown[]) {
  FakeSocket.last.accept();
  const data = values.map((value, index) => ({ value, seq: index + 1 }));
  hear({ type: "init", data, epoch: "E", recovered: false });
  let seq = values.length;
  return async (value: unknown) => {
    seq += 1;
    hear({ type: "push", value, seq });
    await settled();
    return el;
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));
const tabs = (el: HTMLElement) => el.querySelector<HTMLElement>(".driftdb-tabs");
const tab = (el: HTMLElement, text: string) =>
  [...el.querySelectorAll<HTMLButtonElement>(".driftdb-tab")].find(
    ({ textContent }) => textContent === text,
  );
const charted = (el: HTMLElement) => el.querySelector(".driftdb-charted") !== null;

test("a stream of numbers is a chart, and its text is a click away", async () => {
  const el = show("stream", { label: "Loss" });
  const push = begin(el, { step: 1, loss: 0.3 }, { step: 2, loss: null, n: { $float: "nan" } });
  await settled();
  expect(charted(el)).toBe(true);
  expect(made[0]?.options).toEqual({ label: "Loss", style: {}, names: ["Loss"], isLive: true });
  await push({ step: 3, loss: 0.1 });
  expect(made[0]?.told).toEqual([
    [
      0,
      [
        { step: 1, loss: 0.3 },
        { step: 2, loss: null, n: { $float: "nan" } },
      ],
    ],
    [0, { step: 3, loss: 0.1 }],
  ]);
  expect(el.querySelectorAll(".driftdb-line")).toHaveLength(2); // nobody sees them any more
  tab(el, "Text")?.click();
  expect(charted(el)).toBe(false);
  expect(el.querySelectorAll(".driftdb-line")).toHaveLength(3);
  expect(tab(el, "Text")?.getAttribute("aria-pressed")).toBe("true");
  tab(el, "Chart")?.click();
  expect(charted(el)).toBe(true);
});

test.each([
  ["texts", ["one", "two"]],
  ["one number", [1]],
  ["numbers beside texts", [1, "two"]],
  [
    "records with a text",
    [
      { n: 1, name: "a" },
      { n: 2, name: "b" },
    ],
  ],
  ["records without a number", [{ n: null }, { n: null }]],
  [
    "where a loop is",
    [
      { progress: 1, id: "a" },
      { progress: 2, id: "a" },
    ],
  ],
  [
    "what a logger wrote",
    [
      { level: "INFO", message: "a", time: 1 },
      { level: "INFO", message: "b" },
    ],
  ],
])("a stream of %s is text, without a choice", async (_, values) => {
  const el = show("stream");
  begin(el, ...values);
  await settled();
  expect([charted(el), tabs(el)?.hidden, made.length]).toEqual([false, true, 0]);
});

test("the second number makes a stream a chart", async () => {
  const el = show("stream");
  const push = begin(el, 1);
  await push(2);
  expect([charted(el), made[0]?.told]).toEqual([true, [[0, [1, 2]]]]);
});

test("a text among numbers is shown, unless somebody wants the chart", async () => {
  const el = show("stream");
  const push = begin(el, 1, 2);
  await push("it failed");
  expect([charted(el), el.querySelectorAll(".driftdb-line").length]).toEqual([false, 3]);
  tab(el, "Chart")?.click();
  await push("again");
  expect(charted(el)).toBe(true);
});

test("what is asked for is a chart before there are values, with the streams beside it", async () => {
  const chart = { y: ["loss"], streams: ["other", "k", 3] };
  const el = show("stream", { label: "Loss", chart });
  begin(el);
  await settled();
  expect(charted(el)).toBe(true);
  expect(made[0]?.options).toMatchObject({ style: chart, names: ["Loss", "other"] });
  hear({ key: "other", type: "init", data: [{ value: 7, seq: 3 }], epoch: "E", recovered: false });
  hear({ key: "other", type: "push", value: 8, seq: 4 });
  expect(made[0]?.told).toEqual([
    [0, []],
    [1, [7]],
    [1, 8],
  ]);
});

test("a chart of a stream that is deleted is empty, and one that is out of the page is ended", async () => {
  const el = show("stream");
  begin(el, 1, 2);
  await settled();
  hear({ type: "delete", seq: 5 });
  expect(made[0]?.told.at(-1)).toEqual([0, []]);
  endViews();
  expect(made[0]?.ended).toBe(true);
});

test("until the chart's code is there, the text is shown", async () => {
  let arrive = () => {};
  loads = () => new Promise((resolve) => (arrive = resolve));
  const el = show("stream", { chart: {} });
  begin(el, 1, 2);
  await settled();
  expect([charted(el), tabs(el)?.hidden]).toEqual([false, true]);
  expect(el.querySelectorAll(".driftdb-line")).toHaveLength(2);
  arrive();
  await settled();
  expect([charted(el), tabs(el)?.hidden, made[0]?.told]).toEqual([true, false, [[0, [1, 2]]]]);
});

test("a text that comes while the code is loaded stays in view", async () => {
  let arrive = () => {};
  loads = () => new Promise((resolve) => (arrive = resolve));
  const el = show("stream");
  const push = begin(el, 1, 2);
  await push("it failed");
  arrive();
  await settled();
  expect([charted(el), tabs(el)?.hidden]).toEqual([false, false]);
});

test("where the chart's code can't be had, the text is shown, and a press tries again", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  loads = () => Promise.reject(new Error("gone"));
  const el = show("stream");
  begin(el, 1, 2);
  await settled();
  expect([charted(el), tab(el, "Text")?.getAttribute("aria-pressed")]).toEqual([false, "true"]);
  expect(el.querySelectorAll(".driftdb-line")).toHaveLength(2);
  expect(logged).toHaveBeenCalledOnce();
  loads = async () => {};
  tab(el, "Chart")?.click();
  await settled();
  expect([charted(el), made[0]?.told]).toEqual([true, [[0, [1, 2]]]]);
});

test("a stream that is named twice is drawn once, and is left with the view", async () => {
  const el = show("stream", { chart: { streams: ["other", "other"] } });
  begin(el);
  await settled();
  expect(made[0]?.options).toMatchObject({ names: ["k", "other"] });
  hear({ key: "other", type: "init", data: [], epoch: "E", recovered: false });
  endViews();
  hear({ key: "other", type: "push", value: 8, seq: 4 });
  expect(made[0]?.told).toEqual([
    [0, []],
    [1, []],
  ]);
});

test("what is known of another stream is drawn also while there is no connection", async () => {
  const text = show("stream", { chart: false, history: 1e9 }, { _key: "other" });
  begin(text);
  hear({ key: "other", type: "init", data: [{ value: 7, seq: 3 }], epoch: "E", recovered: false });
  let arrive = () => {};
  loads = () => new Promise((resolve) => (arrive = resolve));
  const el = show("stream", { chart: { streams: ["other"] } });
  hear({ type: "init", data: [], epoch: "E", recovered: false });
  FakeSocket.last.lose();
  arrive();
  await settled();
  expect(el.isConnected).toBe(true);
  expect(made[0]?.told).toEqual([
    [0, []],
    [1, [7]],
  ]);
});

test("messages of a channel are never a chart", async () => {
  const el = show("stream", { keep: false, chart: {} });
  FakeSocket.last.accept();
  hear({ type: "init", data: [], epoch: "E", recovered: false });
  for (const seq of [1, 2, 3]) hear({ type: "push", value: seq, seq });
  await settled();
  expect(el.querySelector(".driftdb-tabs")).toBeNull();
});

test("a state is shown as a chart, whose buttons work also where nobody may write", async () => {
  const el = show("chart", { label: "Votes", chart: { kind: "bar" } });
  FakeSocket.last.accept();
  const data = [{ value: { v: { a: 1 }, i: "" }, seq: 1 }];
  hear({ type: "init", data, epoch: "E", recovered: false });
  await settled();
  expect(made[0]?.options).toMatchObject({ label: "Votes", style: { kind: "bar" }, isLive: false });
  hear({ type: "push", value: { v: { a: 2 }, i: "" }, seq: 2 });
  expect(made[0]?.told).toEqual([{ a: 1 }, { a: 2 }]);
  expect(el.querySelector<HTMLFieldSetElement>(".driftdb-set")?.disabled).toBe(false);
  endViews();
  expect(made[0]?.ended).toBe(true);
});
