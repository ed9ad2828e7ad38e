import { expect, test } from "vitest";
import { entryOf, type Heard, MessageTap } from "../../src/pages/message_tap";

let now = 0;

function feed(): MessageTap {
  now = 1_000_000;
  return new MessageTap(() => now);
}

const push = (key: string, value: unknown, seq = 1) =>
  JSON.stringify({ type: "push", key, value, seq });

test("each push is counted, under its key", () => {
  const heard = feed();
  expect(heard.intercept(push("a", 1))).toBe(true);
  heard.intercept(push("a", 2));
  heard.intercept(push('odd "key"\n', 3));
  expect(heard.count).toBe(3);
  expect(heard.tallies.get("a")).toBe(2);
  expect(heard.tallies.get('odd "key"\n')).toBe(1);
  const [, second] = heard.kept;
  expect(second && entryOf(second)).toMatchObject({ value: 2 });
});

test("a deletion is heard, and has no value", () => {
  const heard = feed();
  heard.intercept('{"type":"delete","key":"a","seq":7}');
  const [only] = heard.kept;
  expect(only && entryOf(only)).toBeNull();
});

test("what is the session's is left to it", () => {
  expect(feed().intercept('{"type":"ack","id":1,"seq":1}')).toBe(false);
});

test("keys are asked for once, and again over a new connection", () => {
  const sent: string[] = [];
  const heard = feed();
  heard.connected((message) => sent.push(message as string));
  heard.watch(["a", "b"]);
  heard.watch(["b"]);
  const asked = ["a", "b"].map((key) =>
    JSON.stringify({ type: "get", key, seq: Number.MAX_SAFE_INTEGER, stamps: true }),
  );
  expect(sent).toEqual(asked);
  heard.disconnected();
  heard.connected((message) => sent.push(message as string));
  expect(sent).toEqual([...asked, ...asked]);
});

test("few keys are asked for at once, and again where the server had no time for them", () => {
  let sent: string[] = [];
  const heard = feed();
  heard.connected((message) => sent.push(JSON.parse(message as string).key));
  const keys = Array.from({ length: 300 }, (_, n) => `k${n}`);
  heard.watch(keys);
  expect(sent).toEqual(keys.slice(0, 200));
  const answer = (key: string) => heard.intercept(`{"type":"init","key":"${key}","data":[]}`);
  sent = [];
  for (const key of keys.slice(0, 150)) answer(key);
  expect(sent).toEqual(keys.slice(200));
  sent = [];
  heard.resumed();
  expect(sent).toEqual(keys.slice(150));
  for (const key of keys.slice(150)) answer(key);
  heard.read("k1", 5);
  sent = [];
  heard.resumed();
  expect(sent).toEqual(["k1"]);
});

test("what a stream holds is told who looked", () => {
  const heard = feed();
  const held: unknown[] = [];
  heard.onHeld = (...told) => held.push(told);
  heard.read("a", 3);
  for (const value of [5, 6]) // the second is no answer that anybody waits for
    heard.intercept(`{"type":"init","key":"a","data":[{"value":${value},"seq":4}]}`);
  expect(held).toEqual([["a", [{ value: 5, seq: 4 }], 3]]);
});

test("who looked when the connection was lost is told over the next one", () => {
  const sent: string[] = [];
  const heard = feed();
  heard.read("a", 3);
  heard.connected((message) => sent.push(message as string));
  expect(JSON.parse(sent.at(-1) ?? "")).toMatchObject({ type: "get", key: "a", seq: 3 });
});

test("of a few messages all are kept, of a flood a sample, until it is over", () => {
  const heard = feed();
  const second = (messages: number) => {
    const before = heard.kept.length;
    for (let n = 0; n < messages; n += 1) {
      now += 1000 / messages;
      heard.intercept(push("a", n));
    }
    return heard.kept.length - before;
  };
  expect(second(500)).toBe(500);
  second(10_000);
  const kept = second(10_000);
  expect(kept).toBeGreaterThan(500);
  expect(kept).toBeLessThan(1_500);
  expect(heard.every).toBeGreaterThanOrEqual(10);
  expect(heard.count).toBe(20_500);
  now += 1_000;
  second(100);
  expect(heard.every).toBe(1);
});

test("the oldest are forgotten", () => {
  const heard = feed();
  let forgotten = 0;
  heard.onForgotten = () => {
    forgotten += 1;
  };
  for (let n = 0; n < 30_000; n += 1) {
    now += 2;
    heard.intercept(push("a", n));
  }
  expect(forgotten).toBe(2);
  expect(heard.kept.length).toBeLessThanOrEqual(24_000);
});

test("of large messages fewer are kept, each once", () => {
  const heard = feed();
  const shown: Heard[] = [];
  let forgotten = 0;
  heard.onKept = (each) => shown.push(each);
  heard.onForgotten = () => {
    forgotten += 1;
    shown.splice(0, shown.length, ...heard.kept);
  };
  const large = "x".repeat(1024 ** 2);
  for (let n = 0; n < 100; n += 1) {
    now += 100;
    heard.intercept(push("a", n) + large);
  }
  expect(forgotten).toBeGreaterThan(0);
  expect(heard.kept.length).toBeLessThan(80);
  expect(shown).toEqual(heard.kept);
  heard.intercept(push("a", 0) + "x".repeat(80 * 1024 ** 2));
  expect(heard.kept).toHaveLength(0);
});
