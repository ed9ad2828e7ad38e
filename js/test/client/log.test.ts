import { expect, test, vi } from "vitest";
import type { LogOptions } from "../../src/client/log";
import type { Entry } from "../../src/protocol/messages";
import { PlayedServer } from "../server";

const entries = (...seqs: number[]): Entry[] => seqs.map((seq) => ({ value: `v${seq}`, seq }));

/** A log, and what it told. */
function open(options?: LogOptions) {
  const server = new PlayedServer();
  const heard: (string | number)[] = [];
  const log = server.session.log(
    "k",
    {
      pushed: (pushed) => heard.push(...pushed.map((entry) => entry.seq)),
      restarted: () => heard.push("restarted"),
      acknowledged: (id) => heard.push(`ack ${id}`),
    },
    options,
  );
  return { server, log, heard };
}

test("it holds what the stream holds, and tells each push once, in order", () => {
  const { server, log, heard } = open();
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: 0, epoch: null, limit: 1000 }]);
  server.init(entries(1, 2));
  for (const seq of [3, 3, 5, 4]) server.push(`v${seq}`, seq);
  expect(heard).toEqual(["restarted", 1, 2, 3, 5]);
  expect(log.entries).toMatchObject(entries(1, 2, 3, 5));
});

test("many pushes are under way at a time, and those not acknowledged are sent again in order", () => {
  const { server, log, heard } = open();
  server.init([]);
  for (const value of ["a", "b", "c"]) log.push(value);
  expect(server.pushes.map((push) => push.value)).toEqual(["a", "b", "c"]);
  server.ack(2);
  server.reconnect();
  expect(server.pushes.map(({ id, value }) => [id, value])).toEqual([
    [1, "a"],
    [3, "c"],
  ]);
  server.ack(1);
  server.ack(3);
  expect(heard).toEqual(["restarted", "ack 2", "ack 1", "ack 3"]);
  expect(server.session.queue.waiting).toBe(0);
});

test("after a lost connection what was missed follows, relays too", () => {
  const { server, heard } = open();
  server.init(entries(1));
  server.reconnect();
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: 1, epoch: "E", limit: 1000 }]);
  server.init(entries(2, 4), { epoch: "E", recovered: true });
  expect(heard).toEqual(["restarted", 1, 2, 4]);
});

test.each([
  ["the epoch changed", "F"],
  ["the room does not know any more what was missed", "E"],
])("it begins anew where %s", (_, epoch) => {
  const { server, log, heard } = open();
  server.init(entries(5));
  server.reconnect();
  server.init(entries(1, 2), { epoch, recovered: false });
  expect(heard).toEqual(["restarted", 5, "restarted", 1, 2]);
  expect(log.entries).toEqual(entries(1, 2));
});

test("a long stream comes in pages, and is there with the last one", () => {
  const { server, log } = open();
  server.init(entries(1, 2), { epoch: "E", recovered: false, more: true });
  expect(log.ready).toBe(false);
  // An epoch would make the rest of what was not recovered begin anew.
  expect(server.sent.at(-1)).toEqual({ type: "get", key: "k", seq: 2, limit: 1000 });
  server.init(entries(3, 4), { more: true });
  server.init(entries(5), {});
  expect(log.ready).toBe(true);
  expect(log.entries).toEqual(entries(1, 2, 3, 4, 5));
});

test("what was missed comes in pages, too, and a cut between them loses nothing", () => {
  const { server, log } = open();
  server.init(entries(1));
  server.reconnect();
  server.init(entries(2), { epoch: "E", recovered: true, more: true });
  expect(server.sent.at(-1)).toMatchObject({ seq: 2, epoch: "E" });
  server.reconnect();
  expect(server.sent).toMatchObject([{ seq: 2, epoch: "E" }]);
  server.init(entries(3), { epoch: "E", recovered: true });
  expect(log.entries).toEqual(entries(1, 2, 3));
});

test("a deleted stream is empty", () => {
  const { server, log, heard } = open();
  server.init(entries(1));
  server.tell({ type: "delete", key: "k", seq: 2 });
  server.push("v3", 3);
  expect(heard).toEqual(["restarted", 1, "restarted", 3]);
  expect(log.entries).toMatchObject(entries(3));
});

test("with a longest length the newest are held, here and in the room", () => {
  const { server, log } = open({ maxLength: 2 });
  server.init(entries(1, 2, 3));
  server.push("v4", 4);
  expect(log.entries).toMatchObject(entries(3, 4));
  log.push("x");
  expect(server.pushes).toMatchObject([{ action: { type: "append", max_length: 2 } }]);
});

test("of relays nothing is held", () => {
  const { server, log, heard } = open({ action: "relay" });
  server.init([]);
  log.push("x");
  expect(server.pushes).toMatchObject([{ action: { type: "relay" } }]);
  server.push("x", 1);
  expect(heard).toEqual(["restarted", 1]);
  expect(log.entries).toEqual([]);
});

test("a refused push is reported with its id", () => {
  const server = new PlayedServer();
  const refused = vi.fn();
  const log = server.session.log("k", { pushed: () => {}, refused });
  log.push("a");
  const id = log.push("b");
  server.refuse(id, "quota");
  expect(refused).toHaveBeenCalledExactlyOnceWith(id, "quota", "quota!");
  server.reconnect();
  expect(server.pushes.map((push) => push.value)).toEqual(["a"]);
});
