import { expect, test, vi } from "vitest";
import { QueueFull } from "../../src/client/errors";
import { PlayedServer } from "../server";

const deaf = { pushed: () => {} };

test("while offline as many pushes are kept as fit in; the next one is an error", () => {
  const server = new PlayedServer({ count: 2, bytes: 1000 });
  const log = server.session.log("k", deaf, true);
  server.session.disconnected();
  log.push(1, true);
  log.push(2, true);
  expect(() => log.push(3, true)).toThrow(
    /^expected at most 2 messages \(1000 bytes\) to wait for the room, got 3 \(\d+ bytes\)$/,
  );
  expect(() => log.push(3, true)).toThrow(QueueFull);
  server.connect();
  expect(server.pushes.map((push) => push.value)).toEqual([1, 2]);
  server.ack(1);
  log.push(3, true);
  expect(server.pushes).toHaveLength(3);
});

test("no more bytes are kept than fit in, as they are sent", () => {
  const server = new PlayedServer({ count: 10, bytes: 500 });
  const log = server.session.log("k", deaf, true);
  const push = () => log.push("é".repeat(100), true);
  push();
  expect(push).toThrow(QueueFull);
});

test("no push is under way whose id the server could have forgotten", () => {
  const server = new PlayedServer();
  const log = server.session.log("k", deaf, true);
  for (let i = 1; i <= 3000; i += 1) log.push(i, true);
  expect(server.pushes.length).toBeLessThan(1024);
  for (let id = 2; id <= server.pushes.length; id += 1) server.ack(id);
  expect(server.pushes.length).toBeLessThan(1024);
  for (let id = 1; id <= server.pushes.length; id += 1) server.ack(id);
  expect(server.pushes.map((push) => push.value)).toEqual(
    Array.from({ length: 3000 }, (_, i) => i + 1),
  );
});

test.each(["rate", "unavailable"])("a push refused with %s is kept, and sent later", (code) => {
  const server = new PlayedServer();
  const busy = vi.fn();
  server.session.later = busy;
  const log = server.session.log("k", deaf, true);
  log.push("a", true);
  log.push("b", true);
  server.refuse(1, code);
  log.push("c", true);
  server.refuse(2, code);
  expect(server.pushes).toHaveLength(2);
  expect(busy).toHaveBeenCalledTimes(1);
  server.session.resume();
  const again = server.pushes.slice(2).map(({ id, value }) => [id, value]);
  expect(again).toEqual([
    [1, "a"],
    [2, "b"],
    [3, "c"],
  ]);
});

test("after a close for a message far too long, the longest is given up", async () => {
  const server = new PlayedServer();
  const log = server.session.log("k", deaf, true);
  log.push("short", true);
  const arrival = log.arrival(log.push("long".repeat(50), true));
  log.push("short, too", true);
  server.reconnect(1009);
  await expect(arrival).rejects.toMatchObject({ code: "too_large" });
  expect(server.pushes.map((push) => push.value)).toEqual(["short", "short, too"]);
});

test("a presence that is far too long is given up rather than somebody's push", () => {
  const server = new PlayedServer();
  const told = vi.fn();
  server.session.onError = told;
  const log = server.session.log("k", deaf, true);
  const me = {};
  const there = server.session.presence("p", me);
  log.push("short", true);
  there.set("long".repeat(50), me);
  server.reconnect(1009);
  expect(server.session.queue.waiting).toBe(1);
  expect(told).toHaveBeenCalledExactlyOnceWith("too_large", expect.stringContaining("202 bytes"));
  const said = server.sent.filter(({ type }) => type === "presence");
  expect(said).toEqual([{ type: "presence", key: "p", value: null }]);
});

test("one waits until all is confirmed or refused", async () => {
  const server = new PlayedServer();
  const log = server.session.log("k", deaf, true);
  await server.session.drained();
  const ids = [1, 2].map((value) => log.push(value, true));
  const drained = vi.fn();
  void server.session.drained().then(drained);
  server.ack(ids[0] as number);
  await new Promise((resolve) => setTimeout(resolve));
  expect(drained).not.toHaveBeenCalled();
  server.refuse(ids[1] as number, "forbidden");
  await new Promise((resolve) => setTimeout(resolve));
  expect(drained).toHaveBeenCalled();
});

test("the more often the server has no time, the fewer are sent at a time", () => {
  const server = new PlayedServer();
  const log = server.session.log("k", deaf, true);
  for (let i = 1; i <= 2000; i += 1) log.push(i, true);
  const tries = [1, 2].map(() => {
    const sent = server.pushes.map((push) => push.id as number);
    for (const id of sent) server.refuse(id, "rate");
    server.sent = [];
    server.session.resume();
    return server.pushes.length;
  });
  expect(tries).toEqual([500, 250]);
});

test("the pauses grow until the server takes a push again", () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  const server = new PlayedServer();
  const pauses: number[] = [];
  server.session.later = (milliseconds) => pauses.push(milliseconds);
  const log = server.session.log("k", deaf, true);
  const refuse = (id: number) => {
    server.refuse(id, "rate");
    server.session.resume();
  };
  log.push("a", true);
  refuse(1);
  refuse(1);
  server.ack(1);
  log.push("b", true);
  refuse(2);
  expect(pauses).toEqual([250, 500, 250]);
  vi.restoreAllMocks();
});

test("a key that the server had no time for is asked for again", () => {
  const server = new PlayedServer();
  server.session.log("k", deaf, true);
  server.tell({ type: "error", code: "unavailable", message: "not yet" });
  server.session.resume();
  expect(server.sent.map(({ type }) => type)).toEqual(["get", "get"]);
  server.init([]);
  server.init([{ value: "late", seq: 1 }]);
  expect(server.session.log("k", deaf, true).entries).toEqual([]);
});

test("of many values at once all are taken or none", () => {
  const server = new PlayedServer({ count: 10, bytes: 2_500_000 });
  const log = server.session.log("k", deaf, true);
  const long = Array.from({ length: 9 }, () => "x".repeat(330_000)); // in nine messages
  expect(() => log.pushAll(long, true)).toThrow("got 9 (2970");
  expect(server.pushes).toEqual([]);
  expect(log.push("short", true)).toBe(1);
});

test("an update that waits for the room's first answer is waited for", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", { changed() {} });
  const updated = state.update((value) => (value as number) + 1);
  const drained = vi.fn();
  void server.session.drained().then(drained);
  await new Promise((resolve) => setTimeout(resolve));
  expect([server.session.queue.waiting, drained.mock.calls.length]).toEqual([1, 0]);
  server.init([{ value: 1, seq: 1 }]);
  server.ack(1, 2);
  expect(await updated).toBe(2);
  await new Promise((resolve) => setTimeout(resolve));
  expect(drained).toHaveBeenCalled();
});

test("each push is looked at a few times, however many wait", () => {
  const server = new PlayedServer({ count: 20_000, bytes: 1e9 });
  const log = server.session.log("k", deaf, true);
  const looks = vi.spyOn(Map.prototype, "get");
  for (let i = 1; i <= 5_000; i += 1) log.push(i, true);
  for (let id = 1; id <= 5_000; id += 1) server.ack(id);
  expect(looks.mock.calls.length).toBeLessThan(20 * 5_000);
  looks.mockRestore();
  expect(server.session.queue.waiting).toBe(0);
});
