// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { Detail } from "../../src/pages/detail";
import { MessageTap } from "../../src/pages/message_tap";
import type { Entry } from "../../src/protocol/messages";

let feed: MessageTap;
let detail: Detail;
/** From which numbers on the stream was asked for. */
let asked: number[];

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draw());
  feed = new MessageTap();
  detail = new Detail(feed);
  asked = [];
  feed.connected((message) => asked.push(JSON.parse(message as string).seq));
});

const entries = (from: number, to: number): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, n) => ({ value: `v${from + n}`, seq: from + n }));
const answer = (data: Entry[]) => feed.intercept(JSON.stringify({ type: "init", key: "k", data }));
const info = (size: number, seq: number) => ({ size, seq, bytes: 8 * size });
const listed = () =>
  [...detail.element.querySelectorAll(".row .size")].map(({ textContent }) => Number(textContent));

test("of a stream that grows only what is new is asked for", () => {
  detail.open("k", info(40, 40));
  answer(entries(1, 40));
  detail.listed(info(40, 40));
  detail.listed(info(42, 42));
  detail.listed(info(43, 43)); // one question at a time
  answer(entries(41, 43));
  answer([]);
  expect(asked).toEqual([0, 40, 43]);
  expect(listed().slice(-3)).toEqual([41, 42, 43]);
});

test("what a bounded stream holds no more is not listed", () => {
  detail.open("k", info(3, 3));
  answer(entries(1, 3));
  detail.listed(info(3, 5));
  answer(entries(4, 6)); // one more than was known
  expect(asked).toEqual([0, 3]);
  expect(listed()).toEqual([3, 4, 5, 6]);
});

test("of a stream that was shortened, or begun anew, all is asked for", () => {
  detail.open("k", info(5, 5));
  answer(entries(1, 5));
  detail.listed(info(2, 7));
  answer([{ value: "compacted", seq: 6 }, ...entries(7, 7)]);
  expect(listed()).toEqual([6, 7]);
  detail.listed(info(3, 3));
  answer(entries(1, 3));
  expect(listed()).toEqual([1, 2, 3]);
  detail.listed(undefined);
  answer([]);
  expect(listed()).toEqual([]);
  expect(asked).toEqual([0, 0, 0, 0]);
});

test("it looks further back until there is enough", () => {
  detail.open("k", info(5_000, 100_000));
  answer(entries(99_901, 100_000));
  answer(entries(92_001, 100_000));
  expect(asked).toEqual([99_000, 92_000]);
  expect(detail.element.textContent).toContain("the newest 1,000 are listed");
});
