// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { join, leave } from "../../src/client/rooms";
import { StreamView } from "../../src/widgets/stream";
import { FakeSocket } from "../socket";
import { hear, show } from "./stage";

function start(el: HTMLElement, ...values: unknown[]) {
  FakeSocket.last.accept();
  const data = values.map((value, index) => ({ value, seq: index + 1 }));
  hear({ type: "init", data, epoch: "E", recovered: false });
  let seq = values.length;
  return (value: unknown, more: object = {}) => {
    seq += 1;
    hear({ type: "push", value, seq, ...more });
    return el;
  };
}

const lines = (el: HTMLElement) =>
  [...el.querySelectorAll(".driftdb-line")].map(({ textContent }) => textContent);
const tally = (el: HTMLElement) => el.querySelector(".driftdb-tally")?.textContent;

test("it shows what the stream holds and what comes", () => {
  const el = show("stream");
  const push = start(el, "one");
  push("<b>two</b>");
  expect(lines(el)).toEqual(["one", "<b>two</b>"]);
  expect(tally(el)).toBe("2 lines");
  expect(el.querySelector("b")).toBeNull();
  expect(el.querySelector("[role=log]")?.getAttribute("aria-label")).toBe("k");
});

test("a second view shows what the first one knows, also where there is no connection", () => {
  start(show("stream"), "one", "two");
  FakeSocket.last.lose();
  const el = show("stream");
  expect([lines(el), tally(el)]).toEqual([["one", "two"], "2 lines"]);
});

test("of very many lines only those near are in the page", () => {
  const el = show("stream");
  start(el, ...Array.from({ length: 10_000 }, (_, n) => `line ${n}`));
  expect(tally(el)).toBe("10,000 lines");
  expect(lines(el).length).toBeLessThan(100);
  expect(lines(el).at(-1)).toBe("line 9999");
});

test("each line of a text has a row of its own", () => {
  const el = show("stream", { stamps: true });
  const push = start(el, "before");
  push('Traceback:\n  File "x"\r\nValueError\n', { time: 0, user: { name: "Ann" } });
  push({ level: "ERROR", message: "it failed\u2028why\u0085and\u000bhow" }, { time: 0 });
  push({ text: "one\ntwo" });
  expect(tally(el)).toBe("9 lines");
  const rows = [...el.querySelectorAll<HTMLElement>(".driftdb-line")];
  const texts = rows.map((row) => row.textContent?.replace(/^.*[AP]M (Ann )?/, ""));
  expect(texts).toEqual([
    ...["before", "Traceback:", '  File "x"', "ValueError"],
    ...["it failed", "why", "and", "how", '{"text":"one\\ntwo"}'],
  ]);
  expect(rows.map(({ dataset }) => dataset.level ?? "").join(",")).toBe(
    ",,,,error,error,error,error,",
  );
  // Who wrote it, and when, is seen once.
  expect(rows[1]?.querySelectorAll(".driftdb-again")).toHaveLength(0);
  expect(rows[2]?.querySelectorAll(".driftdb-again")).toHaveLength(2);
});

test("a colour goes on in the next row, and a search finds rows", () => {
  const el = show("stream");
  start(el, "\u001b[31mone\ntwo\u001b[0m\nthree", "four\nthree");
  expect(el.querySelectorAll(".driftdb-fg-red")).toHaveLength(2);
  const search = el.querySelector(".driftdb-search") as HTMLInputElement;
  search.value = "three";
  search.dispatchEvent(new Event("input"));
  expect(lines(el)).toEqual(["three", "three"]);
  expect(tally(el)).toBe("2 of 5 lines");
});

test("what was written over is not shown, and not found", () => {
  const el = show("stream");
  start(el, " 10%\r 20%", "done\r\n", "\u001b[32m1\r\u001b[2K2\r");
  expect(lines(el)).toEqual([" 20%", "done", "2"]);
  expect(el.querySelectorAll(".driftdb-fg-green")).toHaveLength(1);
});

test("of a text of very many lines so many are shown as can be read", () => {
  const el = show("stream", { history: 1_000_000 });
  start(el, "\n".repeat(500_000), ...Array(150).fill("x\n".repeat(1_000)), "end");
  expect(lines(el).at(-1)).toBe("end");
  expect(tally(el)).toBe("the newest 99,001 lines");
});

test("a text of more lines than are shown says how many there are", () => {
  const el = show("stream");
  start(el, "x\n".repeat(500_000));
  expect(tally(el)).toBe("1,001 lines");
  expect(lines(el).slice(-2)).toEqual(["x", "… (500000 lines)"]);
});

test("with an entry of several rows all of them are gone", () => {
  const el = document.createElement("div");
  const connection = join("http://localhost/room/r");
  const view = new StreamView({ room: "r", connection, leave() {} }, "k", {}, el);
  const push = start(el, "a\nb\nc", { progress: 0, id: "p" }, "d\ne");
  push({ progress: 1, id: "p" });
  view.holds({ size: 2, seq: 3 });
  expect(lines(el)).toEqual(["1", "d", "e"]);
  view.holds({ size: 1, seq: 3 });
  expect(lines(el)).toEqual(["d", "e"]);
  leave(connection);
});

test("a search leaves the lines that have the text, also of those to come", () => {
  const el = show("stream");
  const push = start(el, "Apple", "\u001b[31mpear\u001b[0m", "pineapple");
  const search = el.querySelector(".driftdb-search") as HTMLInputElement;
  search.value = "APPLE";
  search.dispatchEvent(new Event("input"));
  push("apple pie");
  push("plum");
  expect(lines(el)).toEqual(["Apple", "pineapple", "apple pie"]);
  expect(tally(el)).toBe("3 of 5 lines");
});

test("a colour goes on in the next line, and one of many is mixed with the text's", () => {
  const el = show("stream");
  start(el, "\u001b[32mone", "two\u001b[0m plain", "\u001b[38;5;208morange", "\u001b[0;48;5;226mx");
  const pieces = [...el.querySelectorAll<HTMLElement>(".driftdb-line span")];
  expect(pieces.map(({ className }) => className)).toEqual([
    "driftdb-fg-green",
    "driftdb-fg-green",
    "",
    "driftdb-fg-mixed",
    "",
  ]);
  expect(pieces[3]?.style.getPropertyValue("--driftdb-fg")).toBe("#ff8700");
  expect([pieces[4]?.style.backgroundColor, pieces[4]?.style.color]).toEqual(["#ffff00", "black"]);
});

test("a line's time and author are apart from its text where they are copied", () => {
  const el = show("stream");
  start(el)("said", { time: 0, client: "c", user: { name: "Ann" } });
  expect(lines(el)[0]).toMatch(/^\S.* Ann said$/);
});

test("of a loop that tells where it is the newest alone is shown", () => {
  const el = show("stream");
  const push = start(el, { progress: 0, total: 2, id: "a" }, "between");
  push({ progress: 1, total: 2, id: "a" });
  push({ progress: 2, total: 2, id: "a", done: true });
  expect(lines(el)).toEqual(["2 of 2", "between"]);
  const bar = el.querySelector("progress");
  expect([bar?.value, bar?.max]).toEqual([2, 2]);
});

test("a loop that was stopped says so, and its bar stands still", () => {
  const el = show("stream");
  const push = start(el, { progress: 0, id: "a" }, { progress: 0, total: 4, id: "b" });
  const [first, second] = el.querySelectorAll("progress");
  expect([first?.hasAttribute("value"), second?.value]).toEqual([false, 0]);
  push({ progress: 3, id: "a", stopped: true });
  push({ progress: 1, total: 4, id: "b", stopped: true });
  expect(lines(el)).toEqual(["3  ·  stopped", "1 of 4  ·  stopped"]);
  expect([...el.querySelectorAll("progress")].map((bar) => bar.getAttribute("value"))).toEqual([
    "0",
    "1",
  ]);
});

test("until the room has said what the stream holds, no number of lines is told", () => {
  const el = show("stream");
  expect(tally(el)).toBe("loading…");
  start(el);
  expect(tally(el)).toBe("0 lines");
  const channel = show("stream", { keep: false });
  expect(tally(channel)).toBe("0 lines");
});

test("a stream that may not be read is not said to be on its way", () => {
  const el = show("stream");
  FakeSocket.last.accept();
  hear({ type: "error", message: "denied", code: "forbidden", action: "read", key: "k" });
  hear({ type: "init", data: [], epoch: "E", recovered: false });
  expect(tally(el)).toBe("0 lines");
});

test("levels and authors are shown", () => {
  const el = show("stream", { stamps: true });
  start(el)({ level: "ERROR", message: "no" }, { user: { name: "Ann" }, time: 0 });
  expect(el.querySelector<HTMLElement>(".driftdb-line")?.dataset.level).toBe("error");
  expect(el.querySelector(".driftdb-author")?.textContent).toBe("Ann");
  expect(FakeSocket.last.sent.find((text) => text.includes('"get"'))).toContain('"stamps":true');
});

test("a channel shows what comes, and no more than its history", () => {
  const el = show("stream", { keep: false, history: 5, label: "Chat" });
  const push = start(el, "held by the stream of that key");
  for (let n = 0; n < 20; n += 1) push(`message ${n}`);
  expect(lines(el).length).toBeLessThanOrEqual(6);
  expect(lines(el).at(-1)).toBe("message 19");
  expect(el.querySelector(".driftdb-label")?.textContent).toBe("Chat");
});

test("a stream is no longer than it holds, as far as that is known", () => {
  const el = document.createElement("div");
  const connection = join("http://localhost/room/r");
  const view = new StreamView({ room: "r", connection, leave() {} }, "k", {}, el);
  const push = start(el, { progress: 0, id: "a" }, "\u001b[31mone", "two");
  push({ progress: 1, id: "a" });
  push("three");
  view.holds({ size: 5, seq: 4 });
  expect(lines(el)).toEqual(["1", "one", "two", "three"]);
  view.holds({ size: 2, seq: 3 });
  expect(lines(el)).toEqual(["one", "two", "three"]); // the third came later
  expect(el.querySelectorAll(".driftdb-fg-red")).toHaveLength(3);
  push({ progress: 2, id: "a" });
  expect(tally(el)).toBe("4 lines");
  view.holds({ size: 1, seq: 6 });
  expect(lines(el)).toEqual(["2"]);
  leave(connection);
});

test("of a stream without end the newest lines are kept", () => {
  const el = show("stream");
  FakeSocket.last.accept();
  const data = Array.from({ length: 120_001 }, (_, n) => ({ value: `${n}`, seq: n + 1 }));
  hear({ type: "init", data, epoch: "E", recovered: false });
  expect(tally(el)).toBe("the newest 100,000 lines");
  expect(lines(el).at(-1)).toBe("120000");
});

test("a line of any length and of any number of colours is shown, as far as it can be read", () => {
  const el = show("stream");
  start(el, "\u001b[1mx".repeat(200_000), "after");
  expect(lines(el)[0]?.endsWith("… (200000 characters)")).toBe(true);
  expect(lines(el)[1]).toBe("after");
});

test("a line that stays keeps its element, which may be selected, or read out", () => {
  const el = show("stream");
  const push = start(el, "one", "two");
  const before = [...el.querySelectorAll(".driftdb-line")];
  push("three");
  const after = [...el.querySelectorAll(".driftdb-line")];
  expect(before.map((line) => after.indexOf(line))).toEqual([0, 1]);
  expect(el.querySelector("[role=status]:not(.driftdb-badge-text)")).toBeNull();
});
