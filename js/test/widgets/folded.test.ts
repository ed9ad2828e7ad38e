// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import type { Json } from "../../src/protocol/messages";
import { FakeSocket } from "../socket";
import { endViews, hear, show } from "./stage";

function start(el: HTMLElement, ...values: Json[]) {
  FakeSocket.last.accept();
  const data = values.map((value, index) => ({ value, seq: index + 1 }));
  hear({ type: "init", data, epoch: "E", recovered: false });
  let seq = values.length;
  return (value: Json) => {
    seq += 1;
    hear({ type: "push", value, seq });
    return el;
  };
}

const rows = (el: HTMLElement) =>
  [...el.querySelectorAll("tr")].map((row) => {
    const field = row.querySelector<HTMLInputElement>("input, textarea");
    const toggle = row.querySelector("[role=switch]")?.getAttribute("aria-checked");
    const shown = field?.value ?? toggle ?? row.querySelector("td")?.textContent;
    return [row.querySelector("th")?.textContent, shown];
  });

const leave = (name: string, more: object = {}) =>
  (name === "freeze" ? document : globalThis).dispatchEvent(Object.assign(new Event(name), more));
function hide(): void {
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  document.dispatchEvent(new Event("visibilitychange"));
  hidden.mockRestore();
}
const writes = () => FakeSocket.last.sent.filter((text) => text.includes('"push"'));

test("a dictionary is shown item by item, and follows the room", () => {
  const el = show("dict");
  const push = start(
    el,
    { reset: { name: "", age: 0, ok: true, list: [1] }, initial: "X" },
    { apply: { set: { name: "Ann" } }, i: "a-1" },
  );
  expect(rows(el)).toEqual([
    ["name", "Ann"],
    ["age", "0"],
    ["ok", "true"],
    ["list", "[\n  1\n]"],
  ]);
  push({ apply: { remove: ["list", "ok"], set: { "<b>": "<i>" } }, i: "b-1" });
  expect(rows(el)).toEqual([
    ["name", "Ann"],
    ["age", "0"],
    ["<b>", "<i>"],
  ]);
  expect(el.querySelector("b, i")).toBeNull();
});

test("to look at a dictionary writes nothing, also where the room holds none", () => {
  const el = show("dict");
  start(el);
  expect(el.textContent).toContain("nothing in it yet");
  expect(writes()).toEqual([]);
});

test("who edits an item sets it, and sees it at once", async () => {
  const el = show("dict");
  start(el, { reset: { name: "Ann", age: 7 } });
  const [name] = el.querySelectorAll<HTMLInputElement>("input");
  (name as HTMLInputElement).value = "Bob";
  name?.dispatchEvent(new Event("input"));
  hear({ type: "init", key: "$meta/k", data: [], epoch: "E", recovered: false });
  hear({ type: "init", data: [{ value: { reset: { name: "Ann", age: 7 } }, seq: 1 }], epoch: "E" });
  await Promise.resolve();
  expect(rows(el)).toEqual([
    ["name", "Bob"],
    ["age", "7"],
  ]);
  expect(writes().join()).toContain('"apply":{"set":{"name":"Bob"}}');
});

test("who may not change a dictionary reads it, and changes it when they may again", async () => {
  const el = show("dict");
  start(el, { reset: { name: "Ann" } });
  const set = el.querySelector("fieldset");
  expect(set?.disabled).toBe(false);
  hear({ type: "can", actions: ["read"] });
  await vi.waitFor(() => expect(set?.disabled).toBe(true));
  expect(el.querySelector(".driftdb-badge-text")?.textContent).toBe("read only");
  expect(rows(el)).toEqual([["name", "Ann"]]);
  hear({ type: "can", actions: ["read", "append"] });
  await vi.waitFor(() => expect(set?.disabled).toBe(false));
  expect(el.querySelector(".driftdb-badge-text")?.textContent).toBe("lecture");
});

test("of a reducer the newest value is shown that somebody told, and what came since", () => {
  const el = show("reducer");
  const push = start(el, { reset: { tea: 3 } });
  expect(rows(el)).toEqual([["tea", "3"]]);
  expect(el.querySelector("input")).toBeNull(); // only its actions change it
  push({ apply: "coffee", i: "a-1" });
  expect(el.textContent).toContain("1 action since then is not in it");
  expect(el.querySelector("li")?.textContent).toBe("coffee");
  expect(el.textContent).not.toContain("apply");
  push({ reset: { tea: 3, coffee: 1 } });
  expect(rows(el)).toEqual([
    ["tea", "3"],
    ["coffee", "1"],
  ]);
  expect(el.textContent).not.toContain("since then");
});

test("a value of any form is shown", () => {
  const el = show("reducer");
  const push = start(el, { reset: 5 });
  expect(el.querySelector(".driftdb-view")?.textContent).toBe("5");
  push({ reset: [{ a: 1 }] });
  expect(el.querySelector("td")?.textContent).toBe("1");
  push({ reset: { $date: "2024-02-29" } });
  expect(el.querySelector(".driftdb-view")?.textContent).toBe("2024-02-29");
});

test("what a notebook remembers is shown where the room holds nothing", () => {
  const el = show("dict", {}, { _remembered: '{"name":"Eve"}' });
  expect(rows(el)).toEqual([["name", "Eve"]]);
  start(el);
  expect(rows(el)).toEqual([["name", "Eve"]]);
});

/** A dictionary with a text that somebody types in; answers what was pushed. */
function typing() {
  const el = show("dict");
  const push = start(el, { reset: { text: "hello", other: "" } });
  const field = el.querySelector("input") as HTMLInputElement;
  const type = (text: string) => {
    field.value = text;
    field.dispatchEvent(new Event("input"));
  };
  const sent = () => writes().map((text) => JSON.parse(text));
  const last = () => {
    const { id, value, if_seq } = sent().at(-1);
    return { id, set: value.apply.set, if_seq };
  };
  const conflict = (seq: number) =>
    hear({ type: "error", code: "conflict", message: "", id: last().id, seq });
  return { field, push, type, sent, last, conflict };
}

test("of two who type in one text of a dictionary both have their letters in it", () => {
  const { field, push, type, sent, last, conflict } = typing();
  type("hello1");
  expect(last()).toMatchObject({ set: { text: "hello1" }, if_seq: 1 });
  type("hello12"); // waits for the answer
  expect(sent().length).toBe(1);
  push({ apply: { set: { text: "2hello" } }, i: "b-1" });
  expect(field.value).toBe("2hello12");
  conflict(2);
  expect(last()).toMatchObject({ set: { text: "2hello12" }, if_seq: 2 });
  push({ apply: { set: last().set }, i: "" });
  hear({ type: "ack", id: last().id, seq: 3 });
  expect(field.value).toBe("2hello12");
  type("2hello123");
  expect(last()).toMatchObject({ set: { text: "2hello123" }, if_seq: 3 });
});

test("what somebody types waits until all has been heard that was faster, and passes relays", () => {
  const { push, type, sent, last, conflict } = typing();
  type("hello1");
  conflict(2);
  expect(sent().length).toBe(1);
  push({ apply: { set: { other: "x" } }, i: "b-1" });
  expect(last()).toMatchObject({ set: { text: "hello1" }, if_seq: 2 });
  push({ apply: { set: { text: "hello?" } }, i: "b-2" }); // it may have been a relay, …
  conflict(2); // … for the stream's newest is still this one
  expect(last()).toMatchObject({ set: { text: "hello1?" }, if_seq: 2 });
});

test("what somebody types is sent all the same where others write all the time", () => {
  const { push, type, last, conflict } = typing();
  type("hello1");
  for (let seq = 2; seq < 8; seq += 1) {
    expect(last().if_seq).toBe(seq - 1);
    push({ apply: { set: { other: String(seq) } }, i: `b-${seq}` });
    conflict(seq);
  }
  expect(last()).toMatchObject({ set: { text: "hello1" }, if_seq: undefined });
});

test.each([
  ["freezes", () => leave("freeze")],
  ["is hidden", () => hide()],
])("what waits is sent when the page %s, and what is under way alone isn't sent twice", (_, go) => {
  const { type, sent, last } = typing();
  type("hello1");
  go();
  expect(sent().length).toBe(1);
  type("hello12");
  expect(sent().length).toBe(1);
  go();
  expect(last()).toMatchObject({ set: { text: "hello12" }, if_seq: undefined });
});

test.each([
  ["its page goes", () => leave("pagehide", { persisted: false })],
  ["its view goes", () => endViews()],
])("what may be refused for a conflict is sent in any case when %s", (_, go) => {
  const { type, sent, last, conflict } = typing();
  type("hello1");
  const { id } = last();
  go();
  expect(last()).toMatchObject({ set: { text: "hello1" }, if_seq: undefined });
  hear({ type: "error", code: "conflict", message: "", id, seq: 2 });
  expect(sent().length).toBe(2);
  conflict(2);
  expect(sent().length).toBe(2);
});

test("after a deletion, too, an item is sent that was in a conflict before", () => {
  const { push, type, last, conflict } = typing();
  type("hello1");
  conflict(500); // those up to there were heard by nobody here
  hear({ type: "delete", seq: 3 });
  expect(last()).toMatchObject({ if_seq: 0 });
  hear({ type: "ack", id: last().id, seq: 4 });
  push({ apply: { set: last().set }, i: "" });
});

test("in a room that lost its memory an item is sent that was in a conflict before", async () => {
  const { field, type, sent, conflict } = typing();
  type("hello1");
  conflict(500);
  expect(sent().length).toBe(1);
  FakeSocket.last.lose();
  await vi.waitFor(() => expect(FakeSocket.opened.length).toBe(2), 5_000);
  FakeSocket.last.accept();
  hear({ type: "init", data: [{ value: { reset: { text: "x" } }, seq: 1 }], epoch: "F" });
  expect(field.value).toContain("1");
  expect(sent().at(-1)).toMatchObject({ if_seq: 1, epoch: "F" });
});

test("what somebody types is told to be uncertain where the room lost its memory", async () => {
  const { push, type, conflict } = typing();
  type("hello1");
  FakeSocket.last.lose();
  await vi.waitFor(() => expect(FakeSocket.opened.length).toBe(2), 5_000);
  FakeSocket.last.accept();
  hear({ type: "init", data: [{ value: { reset: { text: "x" } }, seq: 1 }], epoch: "F" });
  const el = push({ apply: { set: { other: "y" } }, i: "b-1" });
  conflict(2);
  const told = () => el.querySelector(".driftdb-badge")?.textContent;
  await vi.waitFor(() => expect(told()).toContain("lost its memory"));
});
