// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Output, PATIENCE_MILLISECONDS, type Renderer, VIEW } from "../../src/lab/output";
import { FakeSocket } from "../socket";

const told = {
  ...{ server: "/driftdb/", room: "lecture", key: "k", kind: "state" },
  ...{ control: { kind: null }, remembered: "33" },
};
let parent: HTMLElement;
let outputs: Output[];

/** ipywidgets' renderer, with a model or without. */
class Widget implements Renderer {
  readonly node = document.createElement("div");
  constructor(private readonly content: string) {}
  async renderModel(): Promise<void> {
    this.node.innerHTML = this.content;
  }
  dispose(): void {
    this.node.remove();
  }
}

const shown = (...widgets: (Widget | null)[]) => shownOf(told, ...widgets);

async function shownOf(kept: object, ...widgets: (Widget | null)[]): Promise<Output> {
  const createRenderer = () => {
    const widget = widgets.shift() ?? null;
    if (widget === null) throw new Error("no renderer of that");
    return widget;
  };
  const add = ({ node }: Renderer) => parent.append(node);
  const rendermime = { createRenderer, addFactory: () => {} };
  const output = new Output({ data: { [VIEW]: kept } }, rendermime, add, parent);
  outputs.push(output);
  await output.request();
  vi.advanceTimersByTime(PATIENCE_MILLISECONDS);
  return output;
}

const views = () => parent.querySelectorAll(".driftdb-state");
const field = () => parent.querySelector<HTMLInputElement>(".driftdb-field");

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  FakeSocket.opened = [];
  outputs = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  parent = document.createElement("div");
  document.body.append(parent);
});

afterEach(() => {
  for (const output of outputs) output.destroy();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Let the page's observers see what changed. */
const seen = () => new Promise((resolve) => queueMicrotask(() => queueMicrotask(() => resolve(0))));

test.each([[new Widget("Error displaying widget: model not found")], [null]])(
  "without a model the value is shown as it was, and is live",
  async (widget) => {
    await shown(widget);
    expect(field()?.value).toBe("33");
    FakeSocket.last.accept();
    FakeSocket.last.hear({ type: "init", key: "k", data: [{ value: 5, seq: 1 }] });
    expect(field()?.value).toBe("5");
    if (widget !== null) expect(widget.node.hidden).toBe(true);
  },
);

test("of a long integer that a notebook kept all digits are shown", async () => {
  await shownOf({ ...told, remembered: "9007199254740993" }, null);
  expect(parent.textContent).toContain("9007199254740993");
});

test("to look at an empty room writes nothing there", async () => {
  await shown(null);
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [] });
  expect(field()?.value).toBe("33");
  expect(FakeSocket.last.sent.filter((text) => text.includes("push"))).toEqual([]);
});

test("where there is a model, its view alone is shown", async () => {
  const widget = new Widget('<div class="driftdb-state"></div>');
  await shown(widget);
  expect(views()).toHaveLength(1);
  expect(FakeSocket.opened).toHaveLength(0);
});

test("a model that comes later takes over", async () => {
  const widget = new Widget("Loading widget...");
  await shown(widget);
  expect(views()).toHaveLength(1);
  widget.node.innerHTML = '<div class="driftdb-state"></div>';
  await seen();
  expect(FakeSocket.last.closedWith).toBe(1000);
  expect(views()).toHaveLength(1);
  expect(widget.node.hidden).toBe(false);
  // Once it was the kernel's, what the kernel takes away is gone.
  widget.node.innerHTML = "";
  await seen();
  expect(views()).toHaveLength(0);
});

test("nothing is taken out of a person's hand", async () => {
  const widget = new Widget("Loading widget...");
  await shown(widget);
  field()?.focus();
  widget.node.innerHTML = '<div class="driftdb-state"></div>';
  await seen();
  expect(field()?.isConnected).toBe(true);
  expect(widget.node.hidden).toBe(true);
  field()?.blur();
  vi.runAllTimers();
  expect(field()).toBeNull();
  expect(widget.node.hidden).toBe(false);
});

test("a model that comes soon is not preceded by another view", async () => {
  const widget = new Widget('<div class="driftdb-state"></div>');
  await shown(widget);
  expect(FakeSocket.opened).toHaveLength(0);
});

test("when a kernel's models are there it asks again, and only then", async () => {
  const first = new Widget("Loading widget...");
  const second = new Widget('<div class="driftdb-state"></div>');
  const output = await shown(first, second, new Widget("no"));
  expect(first.node.isConnected).toBe(true);
  await output.request();
  expect(first.node.isConnected).toBe(false);
  expect(second.node.hidden).toBe(false);
  await output.request();
  expect(second.node.isConnected).toBe(true);
});

test("what a box held is shown without a model, each live, with its titles", async () => {
  const box = {
    ...{ kind: "box", row: false },
    children: [
      { ...told, title: "First" },
      { text: "<b>said</b>" },
      { kind: "box", row: true, children: [told] },
    ],
  };
  const output = await shownOf(box, new Widget("Error displaying widget: model not found"));
  expect(views()).toHaveLength(2);
  expect(parent.querySelector(".driftdb-title")?.textContent).toBe("First");
  expect(parent.querySelector(".driftdb-kept")?.textContent).toBe("<b>said</b>");
  expect(parent.querySelector(".driftdb-row .driftdb-state")).not.toBeNull();
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [{ value: 5, seq: 1 }] });
  const fields = parent.querySelectorAll<HTMLInputElement>(".driftdb-field");
  expect([...fields].map(({ value }) => value)).toEqual(["5", "5"]);
  output.destroy();
  expect(views()).toHaveLength(0);
});

test.each([[[]], [{ kind: "box" }], [{ kind: "box", children: [1, null, { kind: "box" }] }]])(
  "a box that says nothing of use is empty: %j",
  async (box) => {
    await shownOf(Array.isArray(box) ? { kind: "box", children: box } : box, null);
    expect(views()).toHaveLength(0);
  },
);

test.each([
  null,
  [],
  "text",
  {},
  ...["server", "room", "key", "kind", "control"].map((name) => ({ ...told, [name]: undefined })),
  { ...told, server: 1, room: {} },
  { ...told, kind: "stream" },
  { kind: "box", children: [null, 1, {}, { kind: "presence", server: "/" }] },
])("a view that a file says in part, or in another form, is none: %j", async (kept) => {
  await shownOf(kept as object, null);
  expect(views()).toHaveLength(0);
  expect(FakeSocket.opened).toHaveLength(0);
});
