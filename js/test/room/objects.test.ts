import { expect, test, vi } from "vitest";
import { Refused, Uncertain } from "../../src/client/errors";
import type { Session } from "../../src/client/session";
import { CopiedReducer } from "../../src/driftdb/copied";
import { parse, stringify } from "../../src/protocol/integers";
import type { Entry, Json, Push } from "../../src/protocol/messages";
import { SharedDict } from "../../src/room/dict";
import { Presence } from "../../src/room/presence";
import { PubSub } from "../../src/room/pubsub";
import { SharedReducer } from "../../src/room/reducer";
import { SharedState } from "../../src/room/state";
import { Stream } from "../../src/room/stream";
import { PlayedServer } from "../server";

const last = (server: PlayedServer) => server.pushes[server.pushes.length - 1] as Push;

test("a state has the room's value, and tells of another", async () => {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k");
  const told = vi.fn();
  state.subscribe(told);
  server.init([{ value: 1, seq: 1 }]);
  await state.ready;
  server.push(2, 2);
  server.push(2, 3);
  expect(state.value).toBe(2);
  expect(told.mock.calls).toEqual([[1], [2]]);
  state.close();
  server.push(3, 4);
  expect(told).toHaveBeenCalledTimes(2);
});

test("setting a state resolves when the room has it, and rejects with why it hasn't", async () => {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k");
  server.init([]);
  const one = state.set(5);
  expect([state.value, state.pending]).toEqual([5, true]);
  server.ack(1);
  await one;
  const two = state.set(6);
  server.refuse(2, "forbidden");
  await expect(two).rejects.toMatchObject({ code: "forbidden" });
  expect(state.error).toMatchObject({ code: "forbidden" });
  state.value = 7;
  expect(last(server).value).toBe(7);
});

test("an update is made again on what somebody else wrote, and nobody's is lost", async () => {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k");
  server.init([{ value: 1, seq: 1 }]);
  const made = state.update((n = 0) => n + 1);
  server.push(10, 2);
  server.tell({ type: "error", code: "conflict", message: "no", id: 1, seq: 2 });
  expect(last(server).value).toBe(11);
  server.ack(2, 3);
  expect(await made).toBe(11);
});

test("one waits for a value, until it is there or one gives up", async () => {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k");
  server.init([{ value: 1, seq: 1 }]);
  const giveUp = new AbortController();
  const never = state.waitFor((value) => value === 9, giveUp.signal);
  const soon = state.waitFor((value) => value === 2);
  server.push(2, 2);
  expect(await soon).toBe(2);
  giveUp.abort();
  await expect(never).rejects.toThrow();
});

test("a channel is heard by functions and loops, and published to", async () => {
  const server = new PlayedServer();
  const chat = new PubSub<string>(server.session, "k");
  server.init([]);
  const told: string[] = [];
  const stop = chat.subscribe((value) => told.push(value));
  const loop = chat.messages();
  server.push("one", 1);
  stop();
  server.push("two", 3);
  expect(told).toEqual(["one"]);
  expect([await loop.next(), await loop.next()]).toEqual([
    { value: "one", done: false },
    { value: "two", done: false },
  ]);
  const said = chat.publish("hello");
  expect(last(server)).toMatchObject({ id: 2, value: "hello", action: { type: "relay" } });
  server.ack(2);
  await said;
  const next = loop.next();
  chat.close();
  expect(await next).toEqual({ value: undefined, done: true });
});

test("who publishes tells the room once that the key is a channel, where nobody did", async () => {
  const server = new PlayedServer();
  const chat = new PubSub<string>(server.session, "k");
  server.init([]);
  const said = [chat.publish("one"), chat.publish("two")];
  expect(server.pushes).toMatchObject([
    { id: 1, key: "$meta/k", value: { kind: "channel" }, action: { type: "replace" }, if_seq: 0 },
    { id: 2, key: "k", value: "one" },
    { id: 3, key: "k", value: "two" },
  ]);
  const refusal = { code: "conflict", message: "somebody described it", seq: 7 };
  server.tell({ type: "error", ...refusal, id: 1 });
  server.ack(2);
  server.ack(3);
  await Promise.all(said);
});

test("a channel that is not to be described is not", () => {
  const server = new PlayedServer();
  const quiet = new PubSub<string>(server.session, "k", false, false);
  server.init([]);
  void quiet.publish("one");
  expect(server.pushes.map(({ key }) => key)).toEqual(["k"]);
});

test("a loop that is too slow is told how much it missed", async () => {
  const server = new PlayedServer();
  const chat = new PubSub<number>(server.session, "k");
  server.init([]);
  const loop = chat.messages();
  for (let seq = 1; seq <= 10_002; seq += 1) server.push(seq, seq);
  expect(loop.missed).toBe(2);
  expect(await loop.next()).toEqual({ value: 3, done: false });
});

test("a stream holds what was appended, and a loop hears each value once", async () => {
  const server = new PlayedServer();
  const log = new Stream<string>(server.session, "k", 100);
  server.init([{ value: "a", seq: 1 }]);
  await log.ready;
  const loop = log.follow();
  const fresh = log.follow("now");
  server.push("b", 2);
  server.reconnect();
  server.init([
    { value: "a", seq: 1 },
    { value: "b", seq: 2 },
    { value: "c", seq: 3 },
  ]);
  expect(log.values).toEqual(["a", "b", "c"]);
  const heard = [await loop.next(), await loop.next(), await loop.next()];
  expect(heard.map(({ value }) => value)).toEqual(["a", "b", "c"]);
  expect((await fresh.next()).value).toBe("b");
  const added = log.extend(["d", "e"]);
  expect(server.writes).toMatchObject([
    { values: ["d", "e"], action: { type: "append", max_length: 100 } },
  ]);
  server.ack(last(server).id as number, 5);
  expect(await added).toBe(5);
});

test("an append that would take values away, which isn't granted, rejects with why", async () => {
  const server = new PlayedServer();
  const log = new Stream<string>(server.session, "k", 100);
  server.init([]);
  const appended = log.append("a");
  const message = "you may not delete values of this key, as max_length does; append without it";
  const { id } = last(server);
  server.tell({ type: "error", code: "forbidden", message, key: "k", action: "delete", id });
  await expect(appended).rejects.toMatchObject({ code: "forbidden", message });
  expect(log.values).toEqual([]);
});

test("a bounded stream holds its newest values", () => {
  const server = new PlayedServer();
  const log = new Stream<number>(server.session, "k", 2);
  server.init([1, 2, 3].map((n) => ({ value: n, seq: n })));
  expect(log.values).toEqual([2, 3]);
  server.push(4, 4);
  expect(log.values).toEqual([3, 4]);
});

test("over a crash of the server a stream goes on where it was", async () => {
  const server = new PlayedServer();
  const log = new Stream<string>(server.session, "k");
  const told: string[] = [];
  log.subscribe((value) => told.push(value));
  server.init([{ value: "a", seq: 1 }]);
  const loop = log.follow();
  server.push("b", 2);
  server.reconnect();
  const held = ["a", "b", "c"].map((value, index) => ({ value, seq: index + 1 }));
  server.init(held, { epoch: "F", recovered: false });
  const heard = [await loop.next(), await loop.next(), await loop.next()];
  expect(heard.map(({ value }) => value)).toEqual(["a", "b", "c"]);
  expect(told).toEqual(["b", "c"]);
  expect(log.values).toEqual(["a", "b", "c"]);
});

/** A stream of a and b, and how it tells of itself. */
function lettersIn(server: PlayedServer) {
  const log = new Stream<string>(server.session, "k");
  expect(server.sent.at(-1)).toMatchObject({ type: "get", key: "k", held: true });
  const restarted = vi.fn();
  server.init([
    { value: "a", seq: 1 },
    { value: "b", seq: 2 },
  ]);
  log.onRestart(restarted);
  const told: string[] = [];
  log.subscribe((value) => told.push(value));
  return { log, restarted, told };
}

test("a stream that somebody shortened holds what the room does", () => {
  const server = new PlayedServer();
  const { log, restarted, told } = lettersIn(server);
  server.push("c", 3);
  server.tell({ type: "compact", key: "k", value: "ab", seq: 2 });
  expect([log.values, restarted.mock.calls.length]).toEqual([["ab", "c"], 1]);
  server.push("d", 4);
  expect([log.values, told]).toEqual([
    ["ab", "c", "d"],
    ["c", "d"],
  ]);
});

test("a stream holds no more than the room, whoever bounds it", () => {
  const server = new PlayedServer();
  const { log, told } = lettersIn(server);
  const loop = log.follow("now");
  for (const [seq, value] of [
    [3, "c"],
    [4, "d"],
  ] as const)
    server.tell({ type: "push", key: "k", value, seq, first: seq - 1 });
  expect([log.values, told]).toEqual([
    ["c", "d"],
    ["c", "d"],
  ]);
  expect(loop.missed).toBe(0);
});

test("what was put in front of a stream, or taken from it, meanwhile is seen after a reconnect", () => {
  const server = new PlayedServer();
  const { log, restarted } = lettersIn(server);
  const back = (data: readonly Entry[], first: number, seq: number) => {
    server.reconnect();
    server.init(data, { epoch: "E", recovered: true, first, seq });
  };
  back(
    [
      { value: "ab", seq: 2 },
      { value: "c", seq: 3 },
    ],
    2,
    3,
  );
  expect([log.values, restarted.mock.calls.length]).toEqual([["ab", "c"], 1]);
  back([{ value: "d", seq: 4 }], 3, 4);
  expect([log.values, restarted.mock.calls.length]).toEqual([["c", "d"], 1]);
  back([], 0, 5);
  expect([log.values, restarted.mock.calls.length]).toEqual([[], 2]);
});

test("what was put in front of a stream between two pages of it is seen", () => {
  const server = new PlayedServer();
  const log = new Stream<string>(server.session, "k");
  server.init([{ value: "a", seq: 1 }], { epoch: "E", recovered: false, more: true });
  const rest = [
    { value: "A", seq: 1 },
    { value: "b", seq: 2 },
  ];
  server.init(rest, { epoch: "E", recovered: true, first: 1 });
  expect(log.values).toEqual(["A", "b"]);
});

test("a compact to the newest value is told, and a loop that was behind goes on", async () => {
  const server = new PlayedServer();
  const { log, restarted } = lettersIn(server);
  const loop = log.follow();
  server.tell({ type: "compact", key: "k", value: "b", seq: 2 });
  expect([log.values, restarted.mock.calls.length]).toEqual([["b"], 1]);
  expect((await loop.next()).value).toBe("b");
});

test("a loop that was behind goes on where values were dropped meanwhile", async () => {
  const server = new PlayedServer();
  const { log, restarted } = lettersIn(server);
  const loop = log.follow();
  server.reconnect();
  server.init([{ value: "b", seq: 2 }], { epoch: "E", recovered: true, first: 2, seq: 2 });
  expect([log.values, restarted.mock.calls.length]).toEqual([["b"], 0]);
  expect((await loop.next()).value).toBe("b");
});

test("a compact between two pages of what was missed is seen", () => {
  const server = new PlayedServer();
  const { log } = lettersIn(server);
  server.reconnect();
  const missed = [
    { value: "c", seq: 3 },
    { value: "d", seq: 4 },
  ];
  server.init(missed, { epoch: "E", recovered: true, more: true });
  server.tell({ type: "compact", key: "k", value: "abcd", seq: 4 });
  expect(log.values).toEqual(["a", "b"]); // until the rest is known
  const rest = [
    { value: "abcd", seq: 4 },
    { value: "e", seq: 5 },
  ];
  server.init(rest, { epoch: "E", recovered: true, first: 4, seq: 5 });
  expect(log.values).toEqual(["abcd", "e"]);
});

test("wrong arguments are type errors in words, and nothing is written", async () => {
  const server = new PlayedServer();
  const { session } = server;
  const wrong = 5 as never;
  for (const make of [SharedState, PubSub, Stream, SharedDict, Presence] as (typeof Stream)[])
    expect(() => new make(session, wrong)).toThrow(new TypeError("expected a key, got 5"));
  const reducer = () => new SharedReducer(session, "votes", wrong, 0);
  expect(reducer).toThrow(new TypeError("expected a function, got 5"));
  const dict = () => new SharedDict(session, "form", wrong);
  expect(dict).toThrow(new TypeError("expected an object, got 5"));
  const form = new SharedDict(session, "form");
  const log = new Stream(session, "log");
  const pushes = server.pushes.length;
  expect(() => form.set("a" as never)).toThrow(new TypeError("expected an object, got a"));
  expect(() => form.set(["a"] as never)).toThrow(TypeError);
  await expect(log.extend("abc")).rejects.toThrow(new TypeError("expected a list, got abc"));
  const state = new SharedState(session, "state");
  await expect(state.update(wrong)).rejects.toThrow(new TypeError("expected a function, got 5"));
  expect(server.pushes.length).toBe(pushes);
});

const count = (votes: Record<string, number>, choice: string) => ({
  ...votes,
  [choice]: (votes[choice] ?? 0) + 1,
});

test("a reducer applies actions in the room's order, own ones at once", async () => {
  const server = new PlayedServer();
  const votes = new SharedReducer(server.session, "k", count, {});
  const told = vi.fn();
  votes.subscribe(told);
  server.init([{ value: { reset: { tea: 1 } }, seq: 1 }]);
  await votes.ready;
  const vote = votes.dispatch("tea");
  expect(votes.value).toEqual({ tea: 2 });
  server.push({ apply: "coffee", i: "theirs" }, 2);
  server.push({ ...(last(server).value as { [name: string]: Json }) }, 3);
  server.ack(last(server).id as number, 3);
  await vote;
  expect(votes.value).toEqual({ tea: 2, coffee: 1 });
  expect(told.mock.lastCall).toEqual([{ tea: 2, coffee: 1 }]);
});

test("a reducer offers its value to an empty room, and keeps the stream short", async () => {
  const server = new PlayedServer();
  const votes = new SharedReducer(server.session, "k", count, { tea: 5 });
  server.init([]);
  expect(last(server)).toMatchObject({ value: { reset: { tea: 5 } }, if_seq: 0 });
  server.push({ reset: { tea: 5 } }, 1);
  server.ack(1, 1);
  for (let number = 1; number < 100; number += 1) {
    const vote = votes.dispatch("tea");
    const { value, id } = last(server);
    server.push(value, number + 1);
    server.ack(id as number, number + 1);
    await vote;
  }
  expect(last(server)).toMatchObject({
    action: { type: "compact", seq: 100 },
    value: { reset: { tea: 104 } },
  });
});

test("what was dispatched while the server was away arrives, also where it crashed", async () => {
  const server = new PlayedServer();
  const votes = new SharedReducer(server.session, "k", count, {});
  server.init([{ value: { reset: { tea: 1 } }, seq: 1 }]);
  const underWay = votes.dispatch("tea");
  server.session.disconnected();
  const kept = votes.dispatch("coffee");
  server.reconnect();
  expect(server.writes).toMatchObject([{ epoch: "E" }]);
  server.init([{ value: { reset: { tea: 1 } }, seq: 1 }], { epoch: "F", recovered: false });
  expect(server.writes).toMatchObject([{ epoch: "E" }, { epoch: "F" }]);
  const [first, second] = server.writes.map(({ id }) => id) as [number, number];
  server.tell({ type: "error", code: "conflict", message: "no", id: first, seq: 1 });
  await expect(underWay).rejects.toBeInstanceOf(Uncertain);
  server.push(last(server).value, 2);
  server.ack(second, 2);
  await kept;
  expect(votes.value).toEqual({ tea: 1, coffee: 1 });
});

test("what waits when the room is closed is refused, and loops end", async () => {
  const server = new PlayedServer();
  const { session } = server;
  const state = new SharedState<number>(session, "k");
  const log = new Stream<string>(session, "log");
  const channel = new PubSub<string>(session, "channel");
  const refused = [
    state.ready,
    log.ready,
    state.set(1),
    state.update((n = 0) => n + 1),
    state.waitFor((n) => n === 5),
    log.append("a"),
    channel.publish("b"),
    session.keys(),
    session.delete("k"),
  ];
  const loops = [log.follow(), channel.messages()];
  session.disconnected();
  session.stop();
  for (const promise of [...refused, state.set(2), session.keys(), log.append("late")])
    await expect(promise).rejects.toMatchObject({ code: "closed" });
  for (const loop of loops) expect((await loop.next()).done).toBe(true);
  const late = new SharedState<number>(session, "late");
  await expect(late.ready).rejects.toMatchObject({ code: "closed" });
});

test("a ping ends with its answer, or with the connection", async () => {
  const { session, ...server } = new PlayedServer();
  const answered = session.ping();
  session.received('{"type":"pong","nonce":1}');
  await answered;
  const broken = session.ping();
  session.disconnected();
  for (const ping of [broken, session.ping()])
    await expect(ping).rejects.toMatchObject({ code: "offline" });
  expect(server.sent).toMatchObject([{ type: "ping" }, { type: "ping" }]);
});

test("who waits for a value hears what the predicate throws, and is forgotten", async () => {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k");
  server.init([{ value: 1, seq: 1 }]);
  const predicate = vi.fn((n?: number) => {
    if (n === 2) throw new Error("two!");
    return false;
  });
  const waiting = state.waitFor(predicate);
  server.push(2, 2);
  server.push(3, 3);
  await expect(waiting).rejects.toThrow("two!");
  expect(predicate).toHaveBeenCalledTimes(2);
  const given = state.waitFor(() => true, AbortSignal.abort(new Error("no need")));
  await expect(given).rejects.toThrow("no need");
});

test("a dictionary is empty where somebody wrote something else, and can be set", async () => {
  const server = new PlayedServer();
  const form = new SharedDict<Json>(server.session, "k");
  server.init([{ value: { reset: null }, seq: 1 }]);
  expect([form.value, form.get("a")]).toEqual([{}, undefined]);
  void form.set({ constructor: 1 });
  server.push(last(server).value, 2);
  server.push({ apply: { set: 5 }, i: "x" }, 3);
  expect(form.value).toEqual({ constructor: 1 });
});

test("a dictionary is set item by item, as Python's is", async () => {
  const server = new PlayedServer();
  const form = new SharedDict<Json>(server.session, "k", { name: "" });
  server.init([{ value: { reset: { name: "", age: 1 } }, seq: 1 }]);
  const set = form.set({ name: "Ann" });
  expect(last(server).value).toMatchObject({ apply: { set: { name: "Ann" } } });
  server.push({ apply: { remove: ["age"], set: { town: "Basel" } }, i: "x" }, 2);
  server.push(last(server).value, 3);
  server.ack(last(server).id as number, 3);
  await set;
  expect(form.value).toEqual({ name: "Ann", town: "Basel" });
  expect([form.get("name"), form.get("toString")]).toEqual(["Ann", undefined]);
});

test("a presence tells who else comes and goes, and is here itself", () => {
  const server = new PlayedServer();
  const people = new Presence<{ colour: string }>(server.session, "k", { colour: "red" });
  const told: string[] = [];
  people.onJoin(({ name }) => told.push(`+${name}`));
  people.onLeave(({ name }) => told.push(`-${name}`));
  const seen: number[] = [];
  people.subscribe((all) => seen.push(all.length));
  const clients = { me: { value: { colour: "red" } }, b: { value: { colour: "green" } } };
  server.tell({ type: "presence_state", key: "k", client: "me", clients });
  const ann = { value: { colour: "blue" }, user: { name: "Ann" } };
  server.tell({ type: "presence", key: "k", client: "a", ...ann });
  expect(people.others.at(-1)).toMatchObject({ name: "Ann", value: { colour: "blue" } });
  expect(people.people.map(({ isMe }) => isMe)).toEqual([true, false, false]);
  server.tell({ type: "presence", key: "k", client: "a", value: null });
  expect(told).toEqual(["+Ann", "-Ann"]);
  expect(seen).toEqual([2, 3, 2]);
  expect(server.sent).toContainEqual({ type: "presence", key: "k", value: { colour: "red" } });
});

test("who comes later to a presence hears no more of those who were there", () => {
  const server = new PlayedServer();
  new Presence(server.session, "k");
  const clients = { a: { value: 1 } };
  server.tell({ type: "presence_state", key: "k", client: "me", clients });
  const later = new Presence(server.session, "k");
  const told = vi.fn();
  later.onJoin(told);
  later.onChange(({ value }) => told(value));
  server.tell({ type: "presence", key: "k", client: "a", value: 2 });
  expect(told).toHaveBeenCalledExactlyOnceWith(2);
});

test("what was set before a state is closed arrives, and is told", async () => {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k");
  server.init([]);
  const set = state.set(1);
  state.close();
  server.ack(1);
  await set;
});

test.each([
  ["it is closed", (_: PlayedServer, object: { close(): void }) => object.close()],
  ["its room is closed", (server: PlayedServer) => server.session.stop()],
])("nobody waits for ever where %s", async (_, end) => {
  const made = [
    (server: PlayedServer) => new SharedState<number>(server.session, "k", 0),
    (server: PlayedServer) => new SharedReducer<number, number>(server.session, "k", sum, 0),
    (server: PlayedServer) => new SharedDict<Json>(server.session, "k"),
  ];
  for (const make of made) {
    const server = new PlayedServer();
    const object = make(server);
    const wait = () => object.waitFor(() => false);
    const waiting = [object.ready, wait()];
    end(server, object);
    for (const each of [...waiting, wait()])
      await expect(each).rejects.toMatchObject({ code: "closed" });
  }
});

test("a stream that is closed before it was heard is never ready", async () => {
  const stream = new Stream(new PlayedServer().session, "k");
  stream.close();
  await expect(stream.ready).rejects.toMatchObject({ code: "closed" });
});

test("one waits for a reducer's value, and for a dictionary's items", async () => {
  const server = new PlayedServer();
  const total = new SharedReducer<number, number>(server.session, "k", sum, 0);
  server.init([{ value: { reset: 1 }, seq: 1 }]);
  const three = total.waitFor((value) => value === 3);
  server.push({ apply: 2, i: "x" }, 2);
  expect(await three).toBe(3);
  total.close();
  const form = new SharedDict<Json>(server.session, "k");
  const named = form.waitFor(({ name }) => name === "Ann");
  server.init([{ value: { reset: { name: "Ann" } }, seq: 3 }]);
  expect(await named).toEqual({ name: "Ann" });
});

const sum = (total: number, n: number) => total + n;

test("a channel remembers its newest hundred values", () => {
  const server = new PlayedServer();
  const chat = new PubSub<number>(server.session, "k");
  server.init([]);
  for (let seq = 1; seq <= 101; seq += 1) server.push(seq, seq);
  expect([chat.last.length, chat.last[0], chat.last[99]]).toEqual([100, 2, 101]);
});

test("a loop ends where the room is closed, and fails where it may not be read any more", async () => {
  const server = new PlayedServer();
  const chat = new PubSub<string>(server.session, "k");
  const stream = new Stream<string>(server.session, "s");
  const [waits, behind] = [chat.messages().next(), stream.follow()];
  server.session.stop(new Refused("forbidden", "no"));
  for (const next of [waits, behind.next()])
    await expect(next).rejects.toMatchObject({ code: "forbidden" });
  expect(await behind.next()).toEqual({ value: undefined, done: true });
});

test("a loop over a channel that begins when there is nothing more to hear ends at once", async () => {
  const server = new PlayedServer();
  const channel = new PubSub(server.session, "k");
  server.session.interrupt(new Refused("forbidden", "no"));
  await expect(channel.messages().next()).rejects.toMatchObject({ code: "forbidden" });
  server.session.start();
  const loop = channel.messages();
  channel.close();
  expect((await loop.next()).done).toBe(true);
  expect((await channel.messages().next()).done).toBe(true);
});

test("what nobody looks at and a close refuses is no unhandled rejection", async () => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const server = new PlayedServer();
  const { session } = server;
  const state = new SharedState<number>(session, "k", 0);
  const total = new SharedReducer<number, number>(session, "total", sum, 0);
  const form = new SharedDict<Json>(session, "form");
  const [chat, log] = [new PubSub<number>(session, "chat"), new Stream<number>(session, "log")];
  void [state.set(1), state.update(() => 2), total.dispatch(1), form.set({ a: 1 })];
  void [chat.publish(1), log.append(1)];
  session.stop();
  await new Promise((resolve) => setTimeout(resolve));
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

test("after a retry one waits again for what there is then", async () => {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k");
  server.session.stop(new Refused("gone", "no such room"));
  await expect(state.ready).rejects.toMatchObject({ code: "gone" });
  server.session.start();
  const waiting = [state.ready, state.waitFor((value) => value === 1)];
  server.reconnect();
  server.init([{ value: 1, seq: 1 }]);
  expect(await Promise.all(waiting)).toEqual([undefined, 1]);
});

test.each([
  ["state", (session: Session) => new SharedState(session, "k", 0), 5],
  ["stream", (session: Session) => new Stream(session, "k"), 5],
  ["dictionary", (session: Session) => new SharedDict(session, "k"), { reset: {} }],
])("a %s is ready again after a login, also where nothing was missed", async (_, make, held) => {
  const server = new PlayedServer();
  const object = make(server.session);
  server.init([{ value: held, seq: 1 }]);
  await object.ready;
  server.session.disconnected(4403);
  server.session.interrupt(new Refused("forbidden", "no permission"));
  server.connect();
  let ready = false;
  const waiting = object.ready.then(() => {
    ready = true;
  });
  await Promise.resolve();
  expect(ready).toBe(false);
  server.init([], { epoch: "E", recovered: true, seq: 1 });
  await waiting;
});

test("what is made while there is no connection begins with what is known", async () => {
  const server = new PlayedServer();
  const dict = new SharedDict<number>(server.session, "k");
  server.init([{ value: { reset: { a: 1 } }, seq: 1 }]);
  server.session.disconnected();
  const later = new SharedDict<number>(server.session, "k");
  await later.ready;
  expect(later.value).toEqual({ a: 1 });
  server.connect();
  server.init([{ value: { apply: { set: { b: 2 } } }, seq: 2 }], { epoch: "E", recovered: true });
  expect([dict.value, later.value]).toEqual(Array(2).fill({ a: 1, b: 2 }));
});

test("who appends tells the room once that the key is a stream", () => {
  const server = new PlayedServer();
  const [log, quiet] = [
    new Stream<string>(server.session, "k"),
    new Stream<string>(server.session, "q", undefined, false, false),
  ];
  for (const stream of [log, log, quiet]) void stream.append("a");
  for (const key of ["k", "q"])
    server.tell({ type: "init", key, data: [], epoch: "E", recovered: false });
  const described = server.pushes.filter(({ key }) => key.startsWith("$meta/"));
  expect(described).toMatchObject([{ key: "$meta/k", value: { kind: "stream" }, if_seq: 0 }]);
});

test("an update of another member leaves all digits of an integer beyond 2^53", async () => {
  const server = new PlayedServer();
  const state = new SharedState<{ id: number; n: number }>(server.session, "k");
  const held = parse('{"id":1234567890123456789,"n":1}') as Json;
  server.init([{ value: held, seq: 1 }]);
  await state.ready;
  expect(state.value).toEqual({ id: 1234567890123456800, n: 1 });
  const made = state.update((value) => ({ ...(value as { id: number; n: number }), n: 2 }));
  expect(stringify(last(server).value)).toBe('{"id":1234567890123456789,"n":2}');
  server.ack(1, 2);
  await made;
  state.value = { ...(state.value as { id: number; n: number }), n: 3 };
  expect(stringify(last(server).value)).toBe('{"id":1234567890123456789,"n":3}');
});

test("a loop goes through all that a stream holds, however much that is and comes meanwhile", async () => {
  const server = new PlayedServer();
  const log = new Stream<number>(server.session, "k");
  const early = log.follow();
  const fresh = log.follow("now");
  const held = Array.from({ length: 12_000 }, (_, n) => ({ value: n, seq: n + 1 }));
  server.init(held);
  const late = log.follow();
  for (let n = 12_000; n < 24_000; n += 1) server.push(n, n + 1);
  for (const loop of [early, late]) {
    for (let n = 0; n < 24_000; n += 1) expect((await loop.next()).value).toBe(n);
    expect(loop.missed).toBe(0);
  }
  expect((await fresh.next()).value).toBe(12_000);
  log.close();
  expect((await fresh.next()).value).toBe(12_001);
});

test("a loop is told how much of a bounded stream was gone before it asked for it", async () => {
  const server = new PlayedServer();
  const log = new Stream<number>(server.session, "k", 3);
  const loop = log.follow();
  server.init([]);
  for (let seq = 1; seq <= 5; seq += 1) server.push(seq, seq);
  expect(loop.missed).toBe(2);
  expect([(await loop.next()).value, (await loop.next()).value]).toEqual([3, 4]);
});

test("two users of a stream each have as many values as they asked for", () => {
  const server = new PlayedServer();
  const two = new Stream<number>(server.session, "k", 2);
  const all = new Stream<number>(server.session, "k");
  const three = new Stream<number>(server.session, "k", 3);
  const channel = new PubSub<number>(server.session, "k");
  const held = [1, 2, 3, 4].map((n) => ({ value: n, seq: n }));
  server.init(held);
  server.init(held);
  server.push(5, 5);
  expect([two.values, three.values, all.values]).toEqual([
    [4, 5],
    [3, 4, 5],
    [1, 2, 3, 4, 5],
  ]);
  expect([two.length, three.length, channel.last]).toEqual([2, 3, [5]]);
});

test("a dictionary makes its items when they are read, and the same object until one changes", () => {
  const server = new PlayedServer();
  const form = new SharedDict<Json>(server.session, "k");
  server.init([{ value: { reset: { a: [1], b: 2 } }, seq: 1 }]);
  const { value } = form;
  expect(form.value).toBe(value);
  expect(form.get("a")).toBe(value.a);
  expect(() => Object.assign(value, { a: 5 })).toThrow(TypeError);
  const told = vi.fn();
  form.subscribe(told);
  server.push({ apply: { set: { b: 2 } }, i: "x" }, 2);
  expect(told).not.toHaveBeenCalled();
  server.push({ apply: { set: { b: 3 } }, i: "x" }, 3);
  expect(told).toHaveBeenCalledExactlyOnceWith({ a: [1], b: 3 });
  expect(form.value.a).toBe(value.a);
});

test("where bigints are asked for, every object has them and writes them whole", async () => {
  const ID = 1234567890123456789n;
  const held = (form: Json) => [{ value: form, seq: 1 }];
  const id = parse("1234567890123456789") as Json;
  const of = <T>(make: (session: Session) => T, form: Json) => {
    const server = new PlayedServer();
    server.session.bigint = true;
    const made = make(server.session);
    server.init(held(form));
    return made;
  };
  expect(of((s) => new SharedState<bigint>(s, "k"), id).value).toBe(ID);
  expect(of((s) => new SharedDict<bigint>(s, "k"), { reset: { id } }).get("id")).toBe(ID);
  expect(of((s) => new Stream<bigint>(s, "k"), id).values).toEqual([ID]);
  const add = (sum: bigint, more: bigint) => sum + more;
  const sum = of((s) => new SharedReducer<bigint, bigint>(s, "k", add, 0n), { reset: id });
  expect(sum.value).toBe(ID);
  void sum.dispatch(ID);
  expect(sum.value).toBe(2n * ID);
});

test("each object tells whether the room lets it write, by what its writes do", async () => {
  const server = new PlayedServer();
  const { session } = server;
  session.later = (_, then) => queueMicrotask(then);
  const objects = {
    state: new SharedState(session, "state"),
    dict: new SharedDict(session, "dict"),
    log: new Stream(session, "log"),
    short: new Stream(session, "short", 5),
    channel: new PubSub(session, "channel"),
    here: new Presence(session, "here"),
  };
  const refused = () =>
    Object.entries(objects).flatMap(([name, { readOnly }]) => (readOnly ? [name] : []));
  expect(refused()).toEqual([]); // now it is asked
  server.init([], { key: "state", epoch: "E" });
  const grant = (...actions: string[]) => {
    for (const { key } of Object.values(objects)) server.tell({ type: "can", key, actions });
    return refused();
  };
  expect(grant("read")).toEqual(Object.keys(objects));
  expect(grant("replace", "append")).toEqual(["short", "channel", "here"]);
  expect(grant("append", "delete", "presence")).toEqual(["state", "channel"]);
  expect(grant("relay")).toEqual(["state", "dict", "log", "short", "here"]);
});

test.each([
  ["state", (session: Session) => new SharedState<Json>(session, "k")],
  ["dict", (session: Session) => new SharedDict<Json>(session, "k")],
  [
    "reducer",
    (session: Session) => new SharedReducer<Json, Json>(session, "k", (_, next) => next, null),
  ],
  ["stream", (session: Session) => new Stream<Json>(session, "k")],
  ["channel", (session: Session) => new PubSub<Json>(session, "k")],
  ["presence", (session: Session) => new Presence<Json>(session, "k")],
])("the subscribe of a %s may be handed on by itself, as stores want it", (_, make) => {
  const shared = make(new PlayedServer().session);
  const { subscribe } = shared as { subscribe: (listener: () => void) => () => void };
  const end = subscribe(() => {});
  expect(end).toBeTypeOf("function");
  end();
});

/** A date, a time with an offset and microseconds, an array: what has no type of its own here. */
const TYPED = {
  day: { $date: "2024-02-29" },
  at: { $datetime: "2024-02-29T12:00:00.123456+01:00" },
  mean: { $ndarray: { dtype: "<f8", shape: [1], data: "AAAAAAAA8D8=" } },
};
const ROUND = 9_007_199_254_740_992;
const LONG = parse("9007199254740993") as Json;

test("a dictionary writes what was read from it as it was, whatever its type", () => {
  const server = new PlayedServer();
  const dict = new SharedDict<Record<string, unknown>>(server.session, "k");
  server.init([{ value: { reset: { a: { ...TYPED, id: LONG }, b: 1 } }, seq: 1 }]);
  const a = dict.get("a") as Record<string, unknown>;
  expect([a.id, a.at]).toEqual([ROUND, new Date("2024-02-29T11:00:00.123Z")]);
  void dict.set({ a: { ...a, n: 1 }, c: { moved: [a.day, a.at, a.mean] } });
  expect(last(server).value).toMatchObject({
    apply: {
      set: { a: { ...TYPED, id: LONG, n: 1 }, c: { moved: [TYPED.day, TYPED.at, TYPED.mean] } },
    },
  });
});

test.each([
  ["SharedReducer", SharedReducer, (state: unknown[], item: unknown) => [...state, item]],
  [
    "npm's",
    class {
      readonly #reducer: CopiedReducer<unknown[], unknown>;

      constructor(session: Session, key: string, fn: (state: unknown[], item: unknown) => never) {
        this.#reducer = new CopiedReducer(session, key, fn, [] as unknown[], () => {});
      }

      get value() {
        return this.#reducer.value;
      }

      dispatch(item: unknown) {
        return this.#reducer.dispatch(item);
      }
    },
    (state: unknown[], item: unknown) => {
      state.push(item);
      return state;
    },
  ],
])(
  "the snapshots and actions of a reducer keep the types of what they hold: %s",
  async (_, made, fn) => {
    const server = new PlayedServer();
    const list = new (made as typeof SharedReducer<unknown[], unknown>)(
      server.session,
      "k",
      fn,
      [],
    );
    server.init([{ value: { reset: [TYPED, LONG] }, seq: 1 }]);
    const first = list.value[0] as Record<string, unknown>;
    void list.dispatch(first.day);
    void list.dispatch(list.value[1]);
    server.push({ apply: { other: TYPED }, i: "x" }, 2);
    const sent = server.writes.map(({ value }) => value as { apply: Json; i: string });
    expect(sent.map(({ apply }) => apply)).toEqual([TYPED.day, LONG]);
    sent.forEach((value, place) => {
      server.push(value, 3 + place);
      server.ack(server.writes[place]?.id as number, 3 + place);
    });
    server.tell({ type: "stream_size", key: "k", size: 200 });
    void list.dispatch(0);
    server.push(server.writes[2]?.value, 5);
    server.ack(server.writes[2]?.id as number, 5);
    await vi.waitFor(() => expect(last(server).action.type).toBe("compact"));
    expect(last(server).value).toEqual({
      reset: [TYPED, LONG, { other: TYPED }, TYPED.day, LONG, 0],
    });
  },
);

test("a stream's values keep their types where they are appended or summed up anew", async () => {
  const server = new PlayedServer();
  const log = new Stream<unknown>(server.session, "k");
  server.init([{ value: [TYPED, LONG], seq: 1 }]);
  const [[typed]] = log.values as [[unknown]];
  void log.append(typed);
  expect(server.writes[0]?.value).toEqual(TYPED);
  void log.compact((all) => all.flat());
  expect(last(server).value).toEqual([TYPED, LONG]);
});

test("what a reducer makes that can't be shared is told once, and fails no action", async () => {
  const server = new PlayedServer();
  const told = vi.spyOn(server.session, "onUnheard");
  const fn = (_: unknown, action: unknown) => (action === "bad" ? new Map() : action);
  const newest = new SharedReducer<unknown, unknown>(server.session, "k", fn, 0, 4);
  server.init([{ value: { reset: 0 }, seq: 1 }]);
  let seq = 1;
  const act = async (action: unknown) => {
    const arrived = newest.dispatch(action);
    seq += 1;
    server.push(last(server).value, seq);
    server.ack(last(server).id as number, seq);
    await arrived;
  };
  for (let n = 0; n < 40; n += 1) await act("bad");
  expect(told.mock.calls.map(([{ code, message }, key]) => [code, message, key])).toEqual([
    ["value", "value: expected what JSON holds, bytes or a Date, got Map", "k"],
  ]);
  for (let n = 0; last(server).action.type !== "compact"; n += 1) await act(n);
  expect(last(server).value).toEqual({ reset: newest.value });
});
