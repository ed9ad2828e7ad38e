// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { unwrap } from "../../src/client/form";
import { LongInteger, stringify } from "../../src/protocol/integers";
import type { Json } from "../../src/protocol/messages";
import widget from "../../src/widgets/index";
import type { Model } from "../../src/widgets/show";

import { FakeSocket } from "../socket";

let ends: (() => void)[];
/** Ask for something else of the control that was shown last. */
let ask: (control: object) => void;

beforeEach(() => {
  ends = [];
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});

afterEach(() => {
  for (const end of ends) end();
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});

/** Show a state in the page. */
function show(initial: Json, control: object = {}, key = "k"): HTMLElement {
  const traits: Record<string, unknown> = {
    _server: "/driftdb/",
    _room: "lecture",
    _key: key,
    _initial: stringify(initial),
    _control: control,
    _kind: "state",
  };
  const model = {
    get: (name: string) => traits[name],
    on: (event: string, heard: () => void) => {
      if (event !== "change:_control") return;
      ask = (control) => {
        traits._control = control;
        heard();
      };
    },
    off: () => {},
  } as unknown as Model;
  const el = document.createElement("div");
  document.body.append(el);
  ends.push(widget.render({ model, el }));
  return el;
}

/** Let the room answer with its value. */
function start(value: Json, seq = 1): void {
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [{ value, seq }] });
}

const find = (el: HTMLElement, selector: string) => el.querySelector(selector) as HTMLInputElement;
const pushed = () =>
  FakeSocket.last.sent
    .map((text) => JSON.parse(text))
    .filter((message) => message.type === "push")
    .map((message) => ({ ...message, value: unwrap(message.value) }));

test.each([
  [5, ".driftdb-slider"],
  [true, ".driftdb-toggle"],
  ["text", "input.driftdb-text"],
  ["two\nlines", "textarea.driftdb-text"],
  [{ a: 1 }, ".driftdb-view"],
  [null, ".driftdb-view"],
])("%j has the control that fits it", (value, selector) => {
  const el = show(value);
  start(value);
  expect(el.querySelectorAll(selector)).toHaveLength(1);
});

test.each(["__proto__", "constructor", "hologram"])(
  "where the control that is asked for is %s, it is the one that fits",
  (kind) => {
    const el = show(5, { kind });
    start(5);
    expect(find(el, ".driftdb-slider").value).toBe("5");
  },
);

test("the control changes with the kind of value", () => {
  const el = show(1);
  start(1);
  FakeSocket.last.hear({ type: "push", key: "k", value: "now text", seq: 2 });
  expect(find(el, ".driftdb-slider")).toBeNull();
  expect(find(el, ".driftdb-text").value).toBe("now text");
});

test("a control that somebody is in stays, whatever comes, until they leave it", () => {
  const el = show("a\nb");
  start("a\nb");
  const area = find(el, "textarea.driftdb-text");
  area.focus();
  area.value = "ab";
  area.dispatchEvent(new Event("input"));
  expect(document.activeElement).toBe(area);
  FakeSocket.last.hear({ type: "push", key: "k", value: 7, seq: 2 });
  expect(find(el, ".driftdb-set").children).toHaveLength(1);
  expect(document.activeElement).toBe(area);
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 3 });
  area.blur();
  expect(find(el, ".driftdb-slider").value).toBe("7");
});

test("from one part of a control to another it stays", () => {
  const el = show(1);
  start(1);
  const slider = find(el, ".driftdb-slider");
  slider.focus();
  FakeSocket.last.hear({ type: "push", key: "k", value: "text", seq: 2 });
  slider.dispatchEvent(
    new FocusEvent("focusout", { relatedTarget: find(el, ".driftdb-field"), bubbles: true }),
  );
  expect(find(el, ".driftdb-slider")).toBe(slider);
});

test("a moment that is half typed is nobody's, and one that was emptied can be set again", () => {
  const el = show(null);
  start({ $date: "2024-02-29" });
  const field = find(el, "input[type=date]");
  const type = (value: string, badInput: boolean) => {
    Object.defineProperty(field, "validity", { value: { badInput }, configurable: true });
    field.value = value;
    field.dispatchEvent(new Event("change"));
  };
  field.focus();
  type("", true);
  FakeSocket.last.hear({ type: "push", key: "k", value: { $date: "2024-03-01" }, seq: 2 });
  expect([field.value, pushed()]).toEqual(["", []]);
  field.blur();
  expect([field.value, pushed()]).toEqual(["2024-02-29", []]);
  type("", false);
  expect(pushed()).toMatchObject([{ value: null }]);
  expect(find(el, "input[type=date]")).toBe(field);
  FakeSocket.last.hear({ type: "push", key: "k", value: null, seq: 3 });
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 3 });
  type("2025-01-01", false);
  expect(pushed().at(-1)).toMatchObject({ value: { $date: "2025-01-01" } });
});

test("before the room has answered the value is marked as not known for certain", () => {
  const el = show(42);
  expect(find(el, ".driftdb-field").value).toBe("42");
  expect(find(el, ".driftdb-state").classList).toContain("driftdb-stale");
  start(7);
  expect(find(el, ".driftdb-field").value).toBe("7");
  expect(find(el, ".driftdb-state").classList).not.toContain("driftdb-stale");
});

test("a slider in somebody's hand does not jump, and shows the room's value when let go", () => {
  const el = show(0);
  start(0);
  const slider = find(el, ".driftdb-slider");
  slider.dispatchEvent(new Event("pointerdown"));
  slider.value = "30";
  slider.dispatchEvent(new Event("input"));
  expect(pushed()).toMatchObject([{ value: 30, action: { type: "replace" } }]);
  FakeSocket.last.hear({ type: "push", key: "k", value: 30, seq: 2 });
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 2 });
  FakeSocket.last.hear({ type: "push", key: "k", value: 80, seq: 3 });
  expect(slider.value).toBe("30");
  slider.dispatchEvent(new Event("pointerup"));
  expect(slider.value).toBe("80");
});

test("a number that is typed is sent when it is done, within the bounds", () => {
  const el = show(0, { min: 0, max: 10 });
  start(0);
  const field = find(el, ".driftdb-field");
  field.value = "25";
  field.dispatchEvent(new Event("change"));
  expect(pushed()).toMatchObject([{ value: 10 }]);
  field.value = "";
  field.dispatchEvent(new Event("change"));
  expect(pushed()).toHaveLength(1);
  expect(field.value).toBe("10");
});

test("a switch says what it is, and turns", () => {
  const el = show(false, { label: "Ready?" });
  start(false);
  const toggle = find(el, ".driftdb-toggle");
  expect(toggle.getAttribute("role")).toBe("switch");
  expect(toggle.getAttribute("aria-label")).toBe("Ready?");
  toggle.click();
  expect(toggle.getAttribute("aria-checked")).toBe("true");
  expect(pushed()).toMatchObject([{ value: true }]);
});

test("text that somebody types is not overwritten while it is under way", () => {
  const el = show("");
  start("");
  const field = find(el, ".driftdb-text");
  field.focus();
  field.value = "mine";
  field.dispatchEvent(new Event("input"));
  FakeSocket.last.hear({ type: "push", key: "k", value: "theirs", seq: 2 });
  expect(field.value).toBe("mine");
});

test("what two type in one field at the same time is all in it, and the caret moves along", () => {
  const el = show("");
  start("hello");
  const field = find(el, ".driftdb-text");
  const type = (text: string) => {
    const end = field.selectionEnd ?? 0;
    field.setRangeText(text, end, end, "end");
    field.dispatchEvent(new Event("input"));
  };
  field.focus();
  field.setSelectionRange(5, 5);
  type("1");
  type("2");
  expect(pushed()).toMatchObject([{ value: "hello1", if_seq: 1 }]);
  const error = { type: "error", code: "conflict", message: "late", id: pushed()[0].id, seq: 2 };
  FakeSocket.last.hear({ type: "push", key: "k", value: "Xhello", seq: 2 });
  FakeSocket.last.hear(error);
  expect(pushed()[1]).toMatchObject({ value: "Xhello12", if_seq: 2 });
  expect([field.value, field.selectionStart]).toEqual(["Xhello12", 8]);
  field.setSelectionRange(3, 3);
  FakeSocket.last.hear({ type: "push", key: "k", value: "Xhello12", seq: 3 });
  FakeSocket.last.hear({ type: "ack", id: pushed()[1].id, seq: 3 });
  FakeSocket.last.hear({ type: "push", key: "k", value: "XYhello12!", seq: 4 });
  expect([field.value, field.selectionStart]).toEqual(["XYhello12!", 4]);
});

test("what others write while somebody composes a letter is in the field afterwards", () => {
  const el = show("");
  start("a");
  const field = find(el, ".driftdb-text");
  field.focus();
  field.dispatchEvent(new Event("compositionstart"));
  field.value = "ka";
  field.dispatchEvent(new Event("input"));
  FakeSocket.last.hear({ type: "push", key: "k", value: "a!", seq: 2 });
  expect(field.value).toBe("ka");
  field.value = "\u304ba";
  field.dispatchEvent(new Event("compositionend"));
  expect(field.value).toBe("\u304ba!");
});

test("in a shadow root, too, the caret stays where it is", () => {
  const el = show("");
  start("hello");
  const root = document.body.appendChild(document.createElement("div")).attachShadow({
    mode: "open",
  });
  root.append(el);
  const field = find(el, ".driftdb-text");
  field.focus();
  field.setSelectionRange(2, 2);
  FakeSocket.last.hear({ type: "push", key: "k", value: "hello you", seq: 2 });
  expect(field.selectionStart).toBe(2);
});

test("a line of text keeps the line breaks that it can't show", () => {
  const el = show("", { kind: "text" });
  start("one\ntwo");
  const field = find(el, "input.driftdb-text");
  expect(field.value).toBe("onetwo");
  field.value = "onetwo3";
  field.dispatchEvent(new Event("input"));
  expect(pushed()).toMatchObject([{ value: "one\ntwo3" }]);
});

test("a number that somebody types stands until it is entered, and then follows the room", () => {
  const el = show(1);
  start(1);
  const field = find(el, ".driftdb-field");
  field.focus();
  FakeSocket.last.hear({ type: "push", key: "k", value: 2, seq: 2 });
  expect(field.value).toBe("2");
  field.value = "3";
  field.dispatchEvent(new Event("input"));
  FakeSocket.last.hear({ type: "push", key: "k", value: 4, seq: 3 });
  expect(field.value).toBe("3");
  field.dispatchEvent(new Event("change"));
  const [{ id }] = pushed();
  FakeSocket.last.hear({ type: "push", key: "k", value: 3, seq: 4 });
  FakeSocket.last.hear({ type: "ack", id, seq: 4 });
  FakeSocket.last.hear({ type: "push", key: "k", value: 5, seq: 5 });
  expect(field.value).toBe("5");
});

test.each([
  [true, {}, "BUTTON"],
  [1, {}, "INPUT"],
  [1, { kind: "number" }, "INPUT"],
  ["a", {}, "INPUT"],
  ["a", { kind: "area" }, "TEXTAREA"],
  ["a", { kind: "dropdown", options: [["A", "a"]] }, "SELECT"],
  ["#ffffff", { kind: "colour" }, "INPUT"],
  [{ $date: "2024-02-29" }, {}, "INPUT"],
  [null, { kind: "file" }, "INPUT"],
])("the label of %j %j is for its control", (value, asked, tag) => {
  const el = show(value as Json, asked);
  const label = find(el, "label.driftdb-label");
  const { htmlFor } = label as unknown as HTMLLabelElement;
  expect(label.getAttribute("aria-hidden")).toBeNull();
  expect(document.getElementById(htmlFor)?.tagName).toBe(tag);
});

test.each(["radio", "multiselect", "range", "table", "view", "button"])(
  "a %s is a group, or says its label itself",
  (kind) => {
    const el = show([1, 2], { kind, options: [["A", "a"]] });
    expect(find(el, ".driftdb-label").hasAttribute("for")).toBe(false);
  },
);

test("what is asked for later is shown, as soon as nobody is in the control", () => {
  const el = show(5, { min: 0, max: 10 });
  start(5);
  find(el, ".driftdb-slider").focus();
  ask({ min: 0, max: 7, label: "Speed", description: "how fast" });
  expect(find(el, ".driftdb-label").textContent).toBe("Speed");
  expect(find(el, ".driftdb-description").textContent).toBe("how fast");
  expect(find(el, ".driftdb-slider").max).toBe("10");
  find(el, ".driftdb-slider").blur();
  expect([
    find(el, ".driftdb-slider").max,
    find(el, ".driftdb-slider").getAttribute("aria-label"),
  ]).toEqual(["7", "Speed"]);
  ask({ kind: "dropdown", options: [["Five", 5]] });
  expect(find(el, ".driftdb-description").hidden).toBe(true);
  expect(find(el, "select").value).toBe("0");
});

test("where other choices are asked for the focus stays in the control", () => {
  const options = [
    ["One", 1],
    ["Two", 2],
  ];
  const el = show(1, { kind: "radio", options });
  start(1);
  find(el, "input").focus();
  ask({ kind: "dropdown", options });
  expect(document.activeElement).toBe(find(el, "select"));
  ask({ kind: "radio", options: [...options, ["Three", 3]] });
  expect(el.querySelectorAll("input")).toHaveLength(3);
  expect(document.activeElement).toBe(find(el, "input"));
});

test("nothing from a room is ever HTML", () => {
  const evil = "<img src=x onerror=alert(1)>";
  const el = show({ [evil]: evil }, { label: evil });
  start({ [evil]: [evil] });
  expect(el.querySelector("img")).toBeNull();
  expect(find(el, ".driftdb-label").textContent).toBe(evil);
  ask({ kind: "radio", options: [[evil, { [evil]: [evil] }]], description: evil });
  expect(find(el, ".driftdb-set").textContent).toContain(evil);
  expect(el.querySelector("img")).toBeNull();
});

test("the badge says how it stands", () => {
  const el = show(1);
  const badge = () => find(el, ".driftdb-badge-text").textContent;
  expect(badge()).toBe("connecting…");
  start(1);
  expect(badge()).toBe("lecture");
  find(el, ".driftdb-slider").value = "2";
  find(el, ".driftdb-slider").dispatchEvent(new Event("input"));
  FakeSocket.last.hear({ type: "error", code: "forbidden", message: "no", id: 1 });
  expect(badge()).toBe("read only");
  expect(find(el, ".driftdb-field").value).toBe("1");
  FakeSocket.last.lose(4403);
  expect(badge()).toBe("stopped: no permission");
  expect(find(el, ".driftdb-retry").hidden).toBe(false);
  find(el, ".driftdb-retry").click();
  expect(badge()).toBe("connecting…");
});

test("while the server is away the badge counts what is kept for it", () => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("not reached")));
  const el = show(1);
  const other = show(1, {}, "other");
  const badge = () => find(el, ".driftdb-badge-text").textContent;
  start(1);
  FakeSocket.last.lose();
  expect(badge()).toBe("reconnecting…");
  vi.advanceTimersByTime(6_000);
  FakeSocket.last.lose();
  expect(badge()).toBe("offline");
  const move = (view: HTMLElement) => {
    find(view, ".driftdb-slider").value = "2";
    find(view, ".driftdb-slider").dispatchEvent(new Event("input"));
  };
  move(el);
  move(el);
  expect(badge()).toBe("offline (1 write kept, sent when it is back)");
  move(other);
  expect(badge()).toBe("offline (2 writes kept, sent when it is back)");
  find(el, ".driftdb-retry").click();
  start(1);
  expect(badge()).toBe("lecture");
  expect(pushed()).toHaveLength(2);
  vi.useRealTimers();
});

test("what the badge says is not written twice", async () => {
  const el = show(1);
  start(1);
  const text = find(el, ".driftdb-badge-text");
  const changes = vi.fn();
  const observer = new MutationObserver(changes);
  observer.observe(text, { childList: true, characterData: true, subtree: true });
  FakeSocket.last.hear({ type: "push", key: "k", value: 2, seq: 2 });
  await Promise.resolve();
  expect(changes).not.toHaveBeenCalled();
  observer.disconnect();
});

test("all views of a room share one connection, and the last one closes it", () => {
  show(1);
  show(1);
  show(1, {}, "other");
  expect(FakeSocket.opened).toHaveLength(1);
  start(1);
  const [first, ...rest] = ends;
  for (const end of rest) end();
  expect(FakeSocket.last.closedWith).toBeUndefined();
  first?.();
  expect(FakeSocket.last.closedWith).toBe(1000);
  ends = [];
});

test("two views of one key move together", () => {
  const one = show(1);
  const two = show(1);
  start(1);
  find(one, ".driftdb-slider").value = "9";
  find(one, ".driftdb-slider").dispatchEvent(new Event("input"));
  expect(find(two, ".driftdb-slider").value).toBe("9");
});

test("the badge leads to the room's page while there is a connection", () => {
  const el = show(1);
  const page = () => el.querySelector<HTMLAnchorElement>(".driftdb-page");
  expect(page()?.hidden).toBe(true);
  start(1);
  expect(page()?.hidden).toBe(false);
  expect(page()?.href).toMatch(/\/driftdb\/room\/lecture\/page$/);
});

test("what is asked for later is shown in place of what was asked for before", () => {
  const traits: Record<string, unknown> = {
    _server: "/driftdb/",
    _room: "lecture",
    _key: "k",
    _initial: "3",
    _control: { max: 10 },
    _kind: "state",
  };
  let changed = () => {};
  let dressed = () => {};
  const model = {
    get: (name: string) => traits[name],
    on: (event: string, listener: () => void) => {
      if (event === "change:_control") changed = listener;
      else dressed = listener;
    },
    off: () => {},
  } as unknown as Model;
  const el = document.createElement("div");
  ends.push(widget.render({ model, el }));
  document.body.append(el);
  start(3);
  const before = find(el, ".driftdb-slider");
  traits._control = { max: 10, disabled: true };
  changed();
  expect(find(el, ".driftdb-slider")).toBe(before);
  expect(find(el, "fieldset").disabled).toBe(true);
  traits._control = { max: 20, label: "Speed" };
  changed();
  expect(el.querySelectorAll(".driftdb-state")).toHaveLength(1);
  expect(find(el, ".driftdb-slider").max).toBe("20");
  expect(find(el, ".driftdb-slider").value).toBe("3");
  expect(find(el, ".driftdb-label").textContent).toBe("Speed");
  expect(find(el, "fieldset").disabled).toBe(false);
  expect(FakeSocket.opened).toHaveLength(1);
  traits._dom_classes = ["mine", "wide"];
  dressed();
  expect(el.className).toBe("mine wide");
  traits._dom_classes = ["wide"];
  dressed();
  expect(el.className).toBe("wide");
});

test("an initial value reaches a room that has none with all of its digits", () => {
  show({ id: new LongInteger("1234567890123456789") });
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [], epoch: "E", seq: 0 });
  expect(FakeSocket.last.sent.join()).toContain('{"v":{"id":1234567890123456789}');
});

test("nobody can change a value before the room has said what it is", () => {
  const el = show(3, { kind: "slider", max: 10 });
  expect(find(el, "fieldset").disabled).toBe(true);
  start(7);
  expect(find(el, "fieldset").disabled).toBe(false);
  expect(find(el, ".driftdb-slider").value).toBe("7");
  FakeSocket.last.lose();
  expect(find(el, "fieldset").disabled).toBe(false);
});

test("what is asked for may be JSON text, with all digits of long integers", () => {
  const asked = '{"kind":"dropdown","options":[["one",12345678901234567891],["two",2]]}';
  const el = show(2, asked as never);
  start(2);
  const list = find(el, "select") as unknown as HTMLSelectElement;
  expect(list.selectedOptions[0]?.text).toBe("two");
  list.value = "0";
  list.dispatchEvent(new Event("change"));
  expect(FakeSocket.last.sent.at(-1)).toContain('"v":12345678901234567891');
});

test("a control turns read only where the server doesn't let anybody change it, and back", async () => {
  const el = show(0);
  const { last } = FakeSocket;
  last.accept();
  const asked = () => last.sent.filter((text) => text.includes('"can"'));
  expect(asked()).toEqual([]);
  last.hear({ type: "init", key: "k", data: [{ value: 3, seq: 1 }], epoch: "e", recovered: false });
  expect(asked().map((text) => JSON.parse(text))).toEqual([{ type: "can", key: "k" }]);
  const set = find(el, "fieldset");
  const badge = find(el, ".driftdb-badge-text");
  expect(set.disabled).toBe(false);
  last.hear({ type: "can", key: "k", actions: ["read"] });
  await vi.waitFor(() => expect(set.disabled).toBe(true));
  expect(find(el, ".driftdb-badge").title).toContain("no permission to change it");
  expect(badge.textContent).toBe("read only");
  last.hear({ type: "can", key: "other", actions: ["read", "replace"] });
  expect(set.disabled).toBe(true);
  last.hear({ type: "can", key: "k", actions: ["read", "replace"] });
  await vi.waitFor(() => expect(set.disabled).toBe(false));
  expect(badge.textContent).toBe("lecture");
});

test("what is allowed is asked again on a new connection", async () => {
  vi.useFakeTimers();
  show(0);
  const answer = { type: "init", key: "k", data: [], epoch: "e", recovered: false };
  FakeSocket.last.accept();
  FakeSocket.last.hear(answer);
  FakeSocket.last.lose();
  await vi.runOnlyPendingTimersAsync();
  const again = FakeSocket.last;
  again.accept();
  again.hear(answer);
  expect(again.sent.filter((text) => text.includes('"can"')).length).toBe(1);
  vi.useRealTimers();
});

test("a control whose value is emptied stays, so that somebody can set it again", () => {
  const el = show(7);
  start(7);
  FakeSocket.last.hear({ type: "push", key: "k", value: null, seq: 2 });
  expect(find(el, ".driftdb-field").value).toBe("");
  find(el, ".driftdb-slider").value = "40";
  find(el, ".driftdb-slider").dispatchEvent(new Event("input"));
  expect(pushed()).toMatchObject([{ value: 40 }]);
});

test("a page that finds no value shows the slider that its bounds tell of", () => {
  const el = show(null, { min: 0, max: 10 });
  start(null);
  expect(find(el, ".driftdb-slider").max).toBe("10");
  expect(find(el, ".driftdb-field").value).toBe("");
});

test("a text that is to be read only is no field", () => {
  const el = show("What <b>next</b>?", { read_only: true });
  start("What <b>next</b>?");
  expect(find(el, ".driftdb-prose").textContent).toBe("What <b>next</b>?");
  expect(find(el, "input, b")).toBeNull();
  ask({ read_only: false });
  expect(find(el, "input").value).toBe("What <b>next</b>?");
});
