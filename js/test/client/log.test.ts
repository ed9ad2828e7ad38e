import { expect, test, vi } from "vitest";
import type { Entry } from "../../src/protocol/messages";
import { PlayedServer } from "../server";
import { load } from "../vectors";

interface Values {
  readonly "too large, an array of so many": readonly {
    rule: string;
    member: string;
    count: number;
  }[];
}

const vectors = load<Values>("values");
const entries = (...seqs: number[]): Entry[] => seqs.map((seq) => ({ value: `v${seq}`, seq }));
const deaf = { pushed: () => {} };
const recovered = { epoch: "E", recovered: true };

/** A log, and what it told. */
function open(keep = true) {
  const server = new PlayedServer();
  const heard: (string | number | number[])[] = [];
  const listener = {
    pushed: ({ seq }: Entry) => heard.push(seq),
    startedOver: (held: readonly Entry[], sameEpoch: boolean) =>
      heard.push(
        sameEpoch ? "same epoch" : "new epoch",
        held.map(({ seq }) => seq),
      ),
  };
  return { server, log: server.session.log("k", listener, keep), heard };
}

test("it holds what the stream holds, and tells each push once, in order", () => {
  const { server, log, heard } = open();
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: 0, epoch: null, limit: 1000 }]);
  server.init(entries(1, 2));
  for (const seq of [3, 3, 5, 4]) server.push(`v${seq}`, seq);
  expect(heard).toEqual(["new epoch", [1, 2], 3, 5]);
  expect(log.entries).toMatchObject(entries(1, 2, 3, 5));
});

test("many pushes are under way at a time, and those not acknowledged are sent again in order", async () => {
  const { server, log } = open();
  const arrived: number[] = [];
  server.init([]);
  for (const value of ["a", "b", "c"]) {
    const id = log.push(value, true);
    void log.arrival(id).then(() => arrived.push(id));
  }
  expect(server.pushes.map((push) => push.value)).toEqual(["a", "b", "c"]);
  server.ack(2);
  server.reconnect();
  expect(server.pushes.map(({ id, value }) => [id, value])).toEqual([
    [1, "a"],
    [3, "c"],
  ]);
  server.ack(1);
  server.ack(3);
  await Promise.resolve();
  expect(arrived).toEqual([2, 1, 3]);
  expect(server.session.queue.waiting).toBe(0);
});

test("after a lost connection what was missed follows, relays too", () => {
  const { server, heard } = open();
  server.init(entries(1));
  server.reconnect();
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: 1, epoch: "E", limit: 1000 }]);
  server.init(entries(2, 4), recovered);
  expect(heard).toEqual(["new epoch", [1], 2, 4]);
});

test("it starts over where the room does not know any more what was missed", () => {
  const { server, log, heard } = open();
  server.init(entries(1));
  server.push("relayed", 5);
  server.reconnect();
  server.init(entries(1, 2));
  expect(heard).toEqual(["new epoch", [1], 5, "same epoch", [1, 2]]);
  expect(log.entries).toEqual(entries(1, 2));
  server.reconnect();
  expect(server.sent).toMatchObject([{ seq: 5 }]);
});

test("it starts over where the epoch changed", () => {
  const { server, heard } = open();
  server.init(entries(5));
  server.reconnect();
  server.init(entries(1, 2), { epoch: "F", recovered: false });
  expect(heard).toEqual(["new epoch", [5], "new epoch", [1, 2]]);
  server.reconnect();
  expect(server.sent).toMatchObject([{ seq: 2, epoch: "F" }]);
});

test("a long stream comes in pages, and is taken as a whole", () => {
  const { server, log, heard } = open();
  server.init(entries(1, 2), { epoch: "E", recovered: false, more: true });
  expect(server.sent.at(-1)).toMatchObject({ seq: 2, epoch: "E", limit: 1000 });
  server.init(entries(3, 4), { ...recovered, more: true });
  expect([log.ready, log.entries]).toEqual([false, []]);
  server.init(entries(5), recovered);
  expect(log.ready).toBe(true);
  expect(heard).toEqual(["new epoch", [1, 2, 3, 4, 5]]);
});

test("pages of a stream that changes meanwhile begin anew, and then come as one", () => {
  const { server, log } = open();
  server.init(entries(1, 2), { epoch: "E", recovered: false, more: true });
  server.init(entries(4, 5), { epoch: "E", recovered: false, more: true });
  expect(server.sent.at(-1)).toEqual({ type: "get", key: "k", seq: 5, epoch: "E" });
  server.init(entries(4, 5, 6));
  expect(log.entries).toEqual(entries(4, 5, 6));
});

test("what was missed comes in pages, too, and a cut between them loses nothing", () => {
  const { server, log } = open();
  server.init(entries(1));
  server.reconnect();
  server.init(entries(2), { ...recovered, more: true });
  expect(server.sent.at(-1)).toMatchObject({ seq: 2, epoch: "E" });
  server.reconnect();
  expect(server.sent).toMatchObject([{ seq: 1, epoch: "E" }]);
  server.init(entries(2, 3), recovered);
  expect(log.entries).toEqual(entries(1, 2, 3));
});

test("a deleted stream is empty", () => {
  const { server, log, heard } = open();
  server.init(entries(1));
  server.tell({ type: "delete", key: "k", seq: 2 });
  server.push("v3", 3);
  expect(heard).toEqual(["new epoch", [1], "same epoch", [], 3]);
  expect(log.entries).toMatchObject(entries(3));
});

test("of what is relayed nothing is held", () => {
  const { server, log, heard } = open(false);
  server.init([]);
  log.push("x", false);
  expect(server.pushes).toMatchObject([{ action: { type: "relay" } }]);
  server.push("x", 1);
  expect(heard).toEqual(["new epoch", [], 1]);
  expect(log.entries).toEqual([]);
});

test("who awaits a refused push hears so, and it is not sent again", async () => {
  const server = new PlayedServer();
  const log = server.session.log("k", deaf, true);
  log.push("a", true);
  const id = log.push("b", true);
  const arrival = log.arrival(id);
  server.refuse(id, "quota");
  await expect(arrival).rejects.toMatchObject({ code: "quota", message: "quota!" });
  server.reconnect();
  expect(server.pushes.map((push) => push.value)).toEqual(["a"]);
});

test("several values go in as few messages as hold them", () => {
  const server = new PlayedServer();
  const log = server.session.log("k", { pushed: () => {} }, true);
  server.init([]);
  log.pushAll([1, 2, 3], true, 10);
  expect(server.pushes).toEqual([
    {
      type: "push",
      key: "k",
      values: [1, 2, 3],
      action: { type: "append", max_length: 10 },
      id: 1,
    },
  ]);
  expect(log.pushAll(Array(5000).fill(0), true)).toEqual([2, 3]);
  expect(log.pushAll(Array(3).fill("x".repeat(200_000)), false)).toEqual([4, 5, 6]);
});

test.each(vectors["too large, an array of so many"])(
  "$rule go in messages that a room takes",
  ({ member, count }) => {
    const log = new PlayedServer().session.log("k", { pushed: () => {} }, true);
    // Rows of many members, for a message has few values.
    const row = Array(100).fill(JSON.parse(member));
    const rows = Array(count / 100).fill(row);
    expect(log.pushAll(rows, true).length).toBeGreaterThan(1);
  },
);

test("the arrival of a push can be awaited", async () => {
  const server = new PlayedServer();
  const log = server.session.log("k", { pushed: () => {} }, true);
  server.init([]);
  const arrivals = [log.arrival(log.push(1, true)), log.arrival(log.push(2, true))];
  expect(log.pending).toBe(true);
  server.ack(1, 5);
  server.tell({ type: "error", code: "quota", message: "full", id: 2 });
  expect(await arrivals[0]).toBe(5);
  await expect(arrivals[1]).rejects.toMatchObject({ code: "quota" });
  expect(log.pending).toBe(false);
});

test("stamps tell who wrote and when", () => {
  const server = new PlayedServer();
  const heard: unknown[] = [];
  server.session.log("k", { pushed: (entry) => heard.push(entry) }, true, true);
  expect(server.sent[0]).toMatchObject({ stamps: true });
  server.init([]);
  server.tell({ type: "push", key: "k", value: 1, seq: 1, time: 12, client: "ann" });
  expect(heard).toMatchObject([{ value: 1, time: 12, client: "ann" }]);
});

test("a compact says up to where, in the epoch that it knows", () => {
  const server = new PlayedServer();
  const log = server.session.log("k", { pushed: () => {} }, true);
  server.init([{ value: 1, seq: 4 }]);
  log.compact([], 4);
  expect(server.pushes[0]).toMatchObject({ action: { type: "compact", seq: 4 }, epoch: "E" });
});

test("a listener that throws is reported once, with its own stack, and the others are told", () => {
  const server = new PlayedServer();
  const reported = vi.spyOn(console, "error").mockReturnValue();
  const told: unknown[] = [];
  const fault = new Error("the fault of an observer");
  const faulty = () => {
    throw fault;
  };
  server.session.log("k", { pushed: faulty }, true);
  const log = server.session.log("k", { pushed: ({ value }) => told.push(value) }, true);
  server.init([]);
  server.push(1, 1);
  expect(told).toEqual([1]);
  expect(reported.mock.calls).toEqual([[fault]]);
  expect(fault.stack).toContain("log.test.ts");
  expect(log.seq).toBe(1);
  reported.mockRestore();
});
