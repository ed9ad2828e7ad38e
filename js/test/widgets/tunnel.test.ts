// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Detour, DetouredConnection } from "../../src/client/detour";
import { type Carrier, throughKernel } from "../../src/widgets/tunnel";

const SECRET = "0123456789abcdef";
let sent: Record<string, unknown>[];
let heard: Set<(content: unknown) => void>;
let carrier: Carrier;
/** A connection that has nothing but its ways through a kernel. */
const connection = () => {
  const ways = new Set<Detour>();
  const stub = {
    addDetour: (way: Detour) => ways.add(way),
    removeDetour: (way: Detour) => ways.delete(way),
  };
  return { ways, connection: stub as unknown as DetouredConnection };
};
const open = () => {
  const { ways, connection: joined } = connection();
  throughKernel(carrier, joined);
  const [detour] = ways;
  if (detour === undefined) throw new Error("expected a way");
  const socket = detour(SECRET);
  const name = sent[sent.length - 1]?.tunnel;
  const told: unknown[] = [];
  socket.onopen = () => told.push("open");
  socket.onmessage = ({ data }) => told.push(data);
  socket.onclose = ({ code }) => told.push(code);
  const tell = (content: object) => {
    for (const each of [...heard]) each({ tunnel: name, ...content });
  };
  return { socket, name, told, tell };
};

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  heard = new Set();
  carrier = {
    send: (content) => {
      sent.push(content as Record<string, unknown>);
    },
    on: (_, listener) => heard.add(listener),
    off: (_, listener) => heard.delete(listener),
  };
});

afterEach(() => {
  vi.useRealTimers();
});

test("a page without a kernel has no such way", () => {
  const { ways, connection: joined } = connection();
  throughKernel({}, joined);
  expect(ways.size).toBe(0);
});

test("it opens, hears, says and closes as a socket does", () => {
  const { socket, name, told, tell } = open();
  expect(sent).toEqual([{ tunnel: name, open: SECRET }]);
  tell({ n: 0, opened: true });
  tell({ n: 1, heard: ["a", "b"] });
  socket.send("c");
  expect(sent[1]).toEqual({ tunnel: name, send: "c" });
  tell({ n: 2, closed: 4408 });
  expect(told).toEqual(["open", "a", "b", 4408]);
  socket.close();
  expect(sent).toHaveLength(2);
});

test("a view that leaves, or whose kernel is restarted, takes its way with it", () => {
  const { ways, connection: joined } = connection();
  const end = throughKernel(carrier, joined);
  expect(ways.size).toBe(1);
  end();
  expect(ways.size).toBe(0);
  throughKernel(carrier, joined);
  for (const each of [...heard]) each(undefined);
  expect(ways.size).toBe(0);
  expect(heard.size).toBe(0);
});

test("what is for another page is none of its", () => {
  const { told, tell } = open();
  tell({ tunnel: "other", n: 0, opened: true });
  for (const each of heard) each(null);
  expect(told).toEqual([]);
});

test("a message that Jupyter dropped ends it, for the session to ask for what it missed", () => {
  const { name, told, tell } = open();
  tell({ n: 0, opened: true });
  tell({ n: 2, heard: ["b"] });
  expect(told).toEqual(["open", 1006]);
  expect(sent[sent.length - 1]).toEqual({ tunnel: name, close: true });
});

test("a kernel that is just gone is no error", () => {
  const { socket, told, tell } = open();
  tell({ n: 0, opened: true });
  carrier.send = () => {
    throw new Error("Cannot send");
  };
  socket.send("c");
  vi.advanceTimersByTime(50_000);
  expect(told).toEqual(["open", 1006]);
});

test("a kernel that says nothing any more has lost it; one that beats has not", () => {
  const { name, told, tell } = open();
  vi.advanceTimersByTime(100_000);
  expect(sent).toHaveLength(1);
  tell({ n: 0, opened: true });
  for (let n = 1; n <= 10; n += 1) {
    vi.advanceTimersByTime(10_000);
    tell({ n, heard: [] });
  }
  expect(sent.slice(1)).toEqual(Array(10).fill({ tunnel: name }));
  expect(told).toEqual(["open"]);
  vi.advanceTimersByTime(50_000);
  expect(told).toEqual(["open", 1006]);
});
