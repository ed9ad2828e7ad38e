import { expect, test, vi } from "vitest";
import { WrongKind } from "../../src/client/errors";
import { type Kind, kindInMeta, looksLike } from "../../src/client/kind";
import type { Json } from "../../src/protocol/messages";
import { SharedDict } from "../../src/room/dict";
import { PubSub } from "../../src/room/pubsub";
import { SharedReducer } from "../../src/room/reducer";
import { Room } from "../../src/room/room";
import { SharedState } from "../../src/room/state";
import { Stream } from "../../src/room/stream";
import { PlayedServer } from "../server";
import { FakeSocket } from "../socket";

test.each<[Json, boolean, Kind | null]>([
  [{ v: 1, i: "" }, false, "state"],
  [{ i: "x", v: null }, false, "state"],
  [{ v: 1, i: "" }, true, "stream"],
  [{ v: 1, i: 2 }, false, null],
  [{ v: 1, i: "", more: 1 }, false, null],
  [{ apply: 1, i: "x" }, true, "reducer"],
  [{ apply: 1, i: "x" }, false, "reducer"],
  [{ apply: 1 }, false, null],
  [{ reset: null }, false, "reducer"],
  [{ reset: [], initial: "A" }, false, "reducer"],
  [{ reset: [], epoch: "E" }, false, null],
  [{ reset: 1, more: 2 }, false, null],
  [{ parts: 2, of: "x" }, false, "reducer"],
  [{ part: 0, of: "x", text: "…" }, true, "reducer"],
  [{ of: "x", text: "…" }, false, null],
  [{}, false, null],
  [[1], false, null],
  ["text", true, "stream"],
  [null, false, null],
])("%j (others: %s) looks like a %s", (newest, several, kind) => {
  expect(looksLike(newest, several)).toBe(kind);
});

test.each<[Json, Kind | null]>([
  [{ kind: "dict" }, "dict"],
  [{ v: { kind: "channel", label: "Chat" }, i: "" }, "channel"],
  [{ kind: "presence" }, null],
  [{ kind: 7 }, null],
  [null, null],
  ["stream", null],
])("a description %j names %s", (value, kind) => {
  expect(kindInMeta(value)).toBe(kind);
});

type Held = readonly object[];
const values = (...all: Json[]) => all.map((value, index) => ({ value, seq: index + 1 }));

/** An object of each kind, and a write to it. */
const KINDS: Record<Kind, (server: PlayedServer) => () => Promise<unknown>> = {
  state({ session }) {
    const state = new SharedState<Json>(session, "k", 0);
    return () => state.set(1);
  },
  reducer({ session }) {
    const reducer = new SharedReducer<Json, Json>(session, "k", (value) => value, 0);
    return () => reducer.dispatch(1);
  },
  dict({ session }) {
    const dict = new SharedDict<Json>(session, "k");
    return () => dict.set({ a: 1 });
  },
  stream({ session }) {
    const stream = new Stream<Json>(session, "k");
    return () => stream.append(1);
  },
  channel({ session }) {
    const channel = new PubSub<Json>(session, "k");
    return () => channel.publish(1);
  },
};

/** A server whose key is said to be something, and holds something. */
function told(server: PlayedServer, meta: Kind | null, held: Held) {
  const said = meta === null ? [] : values({ v: { kind: meta }, i: "" });
  server.tell({ type: "init", key: "$meta/k", data: said, epoch: "E", recovered: false });
  server.init(held);
}

const action = values({ reset: 0 }, { apply: 1, i: "x" });
const state = values({ v: 5, i: "" });
const several = values("a", "b");
const all = Object.keys(KINDS) as Kind[];
const others = (...kinds: Kind[]) => all.filter((kind) => !kinds.includes(kind));

const refused: [Kind, Kind, Kind | null, Held][] = [
  ...all.flatMap((meta) => others(meta).map((kind) => [kind, meta, meta, []] as never)),
  ...others("reducer", "dict").map((kind) => [kind, "reducer", null, action] as never),
  ...others("state").map((kind) => [kind, "state", null, state] as never),
  ...others("stream").map((kind) => [kind, "stream", null, several] as never),
  ["state", "reducer", "reducer", state], // what is said of it counts
];

test.each(refused)(
  "a %s leaves a key alone that is a %s elsewhere (said: %s, it holds: %j)",
  async (kind, found, meta, held) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const server = new PlayedServer();
    const unheard = vi.fn();
    server.session.onUnheard = unheard;
    const write = KINDS[kind](server);
    const early = write();
    expect(server.writes).toEqual([]);
    told(server, meta, held);
    const error = new WrongKind("k", kind, found);
    await expect(early).rejects.toThrow(error);
    await expect(write()).rejects.toThrow(error);
    expect(server.pushes).toEqual([]);
    expect(unheard).toHaveBeenCalledExactlyOnceWith(expect.any(WrongKind), "k");
    expect(server.session.queue.waiting).toBe(0);
    warn.mockRestore();
  },
);

const taken: [Kind, Kind | null, Held][] = [
  ...all.map((kind) => [kind, kind, several] as never),
  ...all.map((kind) => [kind, null, []] as never),
  ...all.map((kind) => [kind, null, values("anything")] as never),
  ["reducer", null, action],
  ["dict", null, action],
  ["state", null, state],
  ["stream", null, several],
];

test.each(taken)("a %s is used where the key is said to be: %s, and holds %j", async (...one) => {
  const [kind, meta, held] = one;
  const server = new PlayedServer();
  const write = KINDS[kind](server);
  const early = write();
  told(server, meta, held);
  const pushed = server.writes.filter(({ if_seq }) => if_seq === undefined);
  expect(pushed).toHaveLength(1);
  server.ack(pushed[0]?.id as number);
  await early;
  const described = server.pushes.filter(({ key }) => key === "$meta/k");
  expect(described.map(({ value }) => value)).toEqual(kind === "state" ? [] : [{ kind }]);
});

test("what a key is said to be is asked once, before it is asked what it holds", () => {
  const server = new PlayedServer();
  new SharedState(server.session, "k");
  const asked = server.sent.map((message) => "key" in message && message.key);
  expect(asked).toEqual(["$meta/k", "k"]);
  told(server, null, state);
  expect(server.sent.at(-1)).toEqual({ type: "unsubscribe", key: "$meta/k" });
  new SharedState(server.session, "k");
  server.reconnect();
  expect(server.sent.map((message) => "key" in message && message.key)).toEqual(["k"]);
});

test("a channel and a stream of one key in one page hear both", () => {
  for (const streamFirst of [true, false]) {
    const server = new PlayedServer();
    const make = [
      () => new Stream<Json>(server.session, "k"),
      () => new PubSub<Json>(server.session, "k"),
    ];
    const made = (streamFirst ? make : make.reverse()).map((one) => one());
    for (const _ of made) server.init(values("a"));
    server.push("b", 2);
    const [stream, channel] = (streamFirst ? made : made.reverse()) as [Stream, PubSub];
    expect([stream.values, channel.last]).toEqual([["a", "b"], ["b"]]);
  }
});

test("a key that became something else takes no write any more", async () => {
  const server = new PlayedServer();
  const shared = new SharedState<Json>(server.session, "k");
  told(server, null, state);
  expect(shared.value).toBe(5);
  server.push({ apply: 1, i: "x" }, 2);
  await expect(shared.set(6)).rejects.toThrow("in use as a reducer");
  await expect(shared.update(() => 6)).rejects.toThrow("in use as a reducer");
  shared.value = 7;
  expect(shared.error).toMatchObject({ code: "wrong_kind" });
  expect(server.writes).toEqual([]);
});

test("what waits to be ready hears that the key is something else", async () => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
  const server = new PlayedServer();
  const shared = new SharedState<Json>(server.session, "k", 0);
  const stream = new Stream<Json>(server.session, "s");
  const waiting = [shared.ready, shared.waitFor(() => false)];
  told(server, "stream", several);
  for (const promise of waiting) await expect(promise).rejects.toBeInstanceOf(WrongKind);
  expect(shared.value).toBe(0); // and not what a stream holds
  server.tell({ type: "init", key: "s", data: action, epoch: "E", recovered: false });
  await expect(stream.ready).rejects.toBeInstanceOf(WrongKind);
  vi.restoreAllMocks();
});

test("a key that is deleted may be of another kind, and nothing is said of it any more", async () => {
  vi.stubGlobal("WebSocket", FakeSocket);
  const room = new Room("http://server/room/r");
  FakeSocket.last.accept();
  const deleted = room.delete("k");
  const pushes = FakeSocket.last.sent.map((text) => JSON.parse(text));
  expect(pushes).toMatchObject([
    { key: "k", action: { type: "delete" } },
    { key: "$meta/k", action: { type: "delete" } },
  ]);
  for (const { id } of pushes) FakeSocket.last.hear({ type: "ack", id, seq: id });
  await deleted;
  room.close();
  vi.unstubAllGlobals();
});

test("a room that forgot is told anew what a key is", () => {
  const server = new PlayedServer();
  const stream = new Stream<Json>(server.session, "k");
  told(server, null, []);
  void stream.append(1);
  server.reconnect();
  server.init([], { epoch: "F", recovered: false });
  void stream.append(2);
  const described = server.pushes.filter(({ key }) => key === "$meta/k");
  expect(described.at(-1)).toMatchObject({ value: { kind: "stream" }, if_seq: 0 });
  expect(described.length).toBeGreaterThan(1);
});
