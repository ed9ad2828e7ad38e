import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  type DbConnection,
  PresenceListener,
  Reducer,
  StateListener,
  type WrappedPresenceMessage,
} from "../../src/driftdb/index";
import { answer, connected, fakeSockets, hear, sent } from "./room";

beforeEach(() => {
  fakeSockets();
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function stateOf(db: DbConnection) {
  const shown: unknown[] = [];
  const state = new StateListener({ db, key: "k", callback: (value) => shown.push(value) });
  state.subscribe();
  return { state, shown };
}

test("a state shows own values at once, and the room's when they have arrived", async () => {
  const { state, shown } = stateOf(await connected());
  answer([{ value: { v: 1, i: "other" }, seq: 1 }]);
  state.setStateOptimistic(2);
  hear({ type: "push", value: { v: 3, i: "other" }, seq: 2 });
  expect(shown).toEqual([1, 2]);
  const [{ id, value }] = sent("push");
  expect(value.v).toBe(2);
  hear({ type: "push", value, seq: 3 });
  hear({ type: "ack", id, seq: 3 });
  expect(shown).toEqual([1, 2]);
  hear({ type: "push", value: { v: 4, i: "other" }, seq: 4 });
  expect(shown).toEqual([1, 2, 4]);
  expect(state.state).toBe(4);
});

test("a state ends with the room's value where another one's write came behind the own", async () => {
  const { state, shown } = stateOf(await connected());
  answer();
  state.setStateOptimistic("mine");
  const [{ id, value }] = sent("push");
  hear({ type: "push", value, seq: 1 });
  hear({ type: "push", value: { v: "theirs", i: "other" }, seq: 2 });
  hear({ type: "ack", id, seq: 1 });
  expect(shown.at(-1)).toBe("theirs");
});

test("writes to a state are some milliseconds apart, and the last one arrives", async () => {
  const { state } = stateOf(await connected());
  answer();
  state.setStateOptimistic(1);
  const [{ id }] = sent("push");
  hear({ type: "ack", id, seq: 1 });
  state.setStateOptimistic(2);
  state.setStateOptimistic(3);
  expect(sent("push")).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(20);
  expect(sent("push").map(({ value }) => value.v)).toEqual([1, 3]);
});

test("a state that is destroyed, or not subscribed yet, hears nothing, and can still be set", async () => {
  const db = await connected();
  const { state, shown } = stateOf(db);
  answer();
  state.destroy();
  hear({ type: "push", value: { v: 1, i: "other" }, seq: 1 });
  expect(shown).toEqual([]);
  state.setStateOptimistic(2);
  expect(shown).toEqual([2]);
  expect(sent("push")).toMatchObject([{ value: { v: 2 }, action: { type: "replace" } }]);
});

test("a key may have a state and be subscribed to", async () => {
  const db = await connected();
  const { shown } = stateOf(db);
  const heard: unknown[] = [];
  db.subscribe("k", ({ value }) => heard.push(value));
  const data = [{ value: { v: 1, i: "" }, seq: 1 }];
  answer(data);
  answer(data);
  expect(shown).toEqual([1]);
  expect(heard).toEqual([{ v: 1, i: "" }]);
});

test("a reducer's own actions are behind those that the room ordered before them", async () => {
  const db = await connected();
  const shown: string[][] = [];
  const reducer = new Reducer<string[], string>({
    db,
    key: "k",
    reducer: (words, word) => [...words, word],
    initialValue: [],
    callback: (words) => shown.push(words),
  });
  reducer.subscribe();
  answer([{ value: { reset: [] }, seq: 1 }]);
  reducer.dispatch("mine");
  hear({ type: "push", value: { apply: "theirs", i: "other" }, seq: 2 });
  await vi.advanceTimersByTimeAsync(0);
  expect(shown).toEqual([[], ["mine"], ["theirs", "mine"]]);
  reducer.destroy();
  hear({ type: "push", value: { apply: "late", i: "other" }, seq: 3 });
  expect(shown).toHaveLength(3);
  reducer.dispatch("unheard");
  expect(sent("push").at(-1).value).toEqual({ apply: "unheard" });
});

test("a reducer may change the state that it is given, as npm's lets it", async () => {
  const db = await connected();
  const shown: string[] = [];
  const reducer = new Reducer<number[], number>({
    db,
    key: "k",
    reducer: (list, n) => {
      list.push(n);
      return list;
    },
    initialValue: [],
    sizeThreshold: 4,
    callback: (list) => shown.push(JSON.stringify(list)),
  });
  reducer.subscribe();
  answer();
  hear({ type: "ack", id: sent("push")[0].id, seq: 1 });
  hear({ type: "push", value: sent("push")[0].value, seq: 1 });
  for (const n of [1, 2, 3]) {
    reducer.dispatch(n);
    const { id, value } = sent("push").at(-1);
    if (n === 2) hear({ type: "push", value: { apply: 9, i: "other" }, seq: 3 });
    const seq = n === 1 ? 2 : n + 2;
    hear({ type: "push", value, seq });
    hear({ type: "ack", id, seq });
    await vi.advanceTimersByTimeAsync(0);
  }
  expect(shown).toEqual(["[]", "[1]", "[1,2]", "[1,9,2]", "[1,9,2,3]"]);
  const [compact] = sent("push").filter(({ action }) => action.type === "compact");
  expect(compact.value).toEqual({ reset: [1, 9, 2, 3] });
});

test("others' actions that come between own ones are told at once, for one copy of the state", async () => {
  const db = await connected();
  const copy = vi.spyOn(globalThis, "structuredClone");
  const shown: number[][] = [];
  const push = (list: number[], n: number) => {
    list.push(n);
    return list;
  };
  const callback = (list: number[]) => shown.push([...list]);
  const reducer = new Reducer({ db, key: "k", reducer: push, initialValue: [], callback });
  reducer.subscribe();
  answer([{ value: { reset: [] }, seq: 1 }]);
  reducer.dispatch(0);
  const before = copy.mock.calls.length;
  for (let n = 1; n <= 100; n += 1) hear({ type: "push", value: { apply: n, i: "o" }, seq: n + 1 });
  await vi.advanceTimersByTimeAsync(0);
  expect(copy.mock.calls.length).toBe(before + 1);
  expect(shown).toHaveLength(3);
  expect(shown[2]).toHaveLength(101);
  expect(shown[2]?.[100]).toBe(0);
  copy.mockRestore();
});

test("a reducer puts a snapshot in the place of as many actions as its threshold says", async () => {
  const db = await connected();
  const reducer = new Reducer<number, number>({
    ...{ db, key: "k", initialValue: 0, sizeThreshold: 3 },
    reducer: (sum, n) => sum + n,
    callback: () => {},
  });
  reducer.subscribe();
  answer([{ value: { reset: 0 }, seq: 1 }]);
  for (const n of [1, 2]) {
    reducer.dispatch(n);
    const { id, value } = sent("push").at(-1);
    hear({ type: "push", value, seq: n + 1 });
    hear({ type: "ack", id, seq: n + 1 });
    await vi.advanceTimersByTimeAsync(0);
  }
  const compacts = sent("push").filter(({ action }) => action.type === "compact");
  expect(compacts).toMatchObject([{ value: { reset: 3 }, action: { seq: 3 } }]);
});

type Others = Record<string, WrappedPresenceMessage<string>>;

function presenceOf(db: DbConnection) {
  const told: Others[] = [];
  const presence = new PresenceListener<string>({
    ...{ db, key: "k", clientId: "me", initialState: "red" },
    callback: (others) => told.push(others),
  });
  presence.subscribe();
  answer();
  return { presence, told };
}

test("presence has the others by their own ids, and tells when one goes", async () => {
  const { told } = presenceOf(await connected());
  expect(sent("presence")).toMatchObject([{ value: { value: "red", client: "me" } }]);
  const clients = {
    id1: { value: { value: "red", client: "me" } },
    id2: { value: { value: "blue", client: "ann" }, user: { name: "Ann" } },
    id3: { value: "plain" },
  };
  hear({ type: "presence_state", client: "id1", clients });
  expect(told.at(-1)).toMatchObject({
    ann: { value: "blue", name: "Ann", lastSeen: Date.now() },
    id3: { value: "plain", name: "Guest" },
  });
  hear({ type: "presence", client: "id2", value: null });
  expect(Object.keys(told.at(-1) as Others)).toEqual(["id3"]);
});

test("an own value is told no more often than it should, and the last one is", async () => {
  const { presence } = presenceOf(await connected());
  await vi.advanceTimersByTimeAsync(20);
  for (const value of ["green", "blue", "white"]) presence.updateState(value);
  await vi.advanceTimersByTimeAsync(0);
  presence.updateState("black");
  await vi.advanceTimersByTimeAsync(19);
  expect(sent("presence").map(({ value }) => value.value)).toEqual(["red", "white"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent("presence").at(-1).value.value).toBe("black");
});

test("who says each second that they are there is answered so, until they say it no more", async () => {
  const { presence, told } = presenceOf(await connected());
  const relays = () => sent("push").map(({ value, action }) => [action.type, value]);
  let seq = 0;
  const say = () => hear({ type: "push", value: { value: "old way", client: "bob" }, seq: ++seq });
  expect(relays()).toEqual([]);
  say();
  expect(told.at(-1)).toMatchObject({ bob: { value: "old way" } });
  expect(relays()).toEqual([["relay", { value: "red", client: "me" }]]);
  presence.updateState("green");
  await vi.advanceTimersByTimeAsync(999);
  expect(relays().at(-1)).toEqual(["relay", { value: "green", client: "me" }]);
  say();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(told.at(-1)).toEqual({});
  for (const { id } of sent("push")) hear({ type: "ack", id, seq: ++seq });
  const count = relays().length;
  await vi.advanceTimersByTimeAsync(4_000);
  expect(relays()).toHaveLength(count);
});

test("who says no more that they are there is gone also where the clock is set back", async () => {
  const { told } = presenceOf(await connected());
  hear({ type: "push", value: { value: "old way", client: "bob" }, seq: 1 });
  expect(told.at(-1)).toMatchObject({ bob: { value: "old way" } });
  vi.setSystemTime(Date.now() - 3_600_000);
  await vi.advanceTimersByTimeAsync(4_000);
  expect(told.at(-1)).toEqual({});
});

test("an own value is told also where the clock was set back since the last one", async () => {
  const { presence } = presenceOf(await connected());
  presence.updateState("white");
  await vi.advanceTimersByTimeAsync(20);
  vi.setSystemTime(Date.now() - 3_600_000);
  presence.updateState("black");
  await vi.advanceTimersByTimeAsync(20);
  expect(sent("presence").at(-1).value.value).toBe("black");
});

test("who is destroyed is there no more", async () => {
  const { presence, told } = presenceOf(await connected());
  hear({ type: "presence_state", client: "id1", clients: {} });
  presence.destroy();
  expect(sent("presence").at(-1).value).toBeNull();
  hear({ type: "push", value: { value: "late", client: "bob" }, seq: 1 });
  expect(told.at(-1) ?? {}).toEqual({});
});

test("in another room a reducer has that one's value, and a presence its people", async () => {
  const db = await connected();
  const [totals, people]: [number[], string[][]] = [[], []];
  const reducer = new Reducer<number, number>({
    ...{ db, key: "k", initialValue: 0, reducer: (total, n) => total + n },
    callback: (total) => totals.push(total),
  });
  reducer.subscribe();
  const presence = new PresenceListener<number>({
    ...{ db, key: "p", clientId: "me", initialState: 1 },
    callback: (others) => people.push(Object.keys(others)),
  });
  presence.subscribe();
  answer([{ value: { reset: 5 }, seq: 1 }]);
  hear({ type: "init", key: "p", data: [], epoch: "E", recovered: false });
  hear({ type: "push", key: "p", value: { client: "stranger", value: 2 }, seq: 2 });
  expect([totals.at(-1), people.at(-1)]).toEqual([5, ["stranger"]]);
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  void db.connect("ws://server/room/other/connect");
  expect([totals.at(-1), people.at(-1)]).toEqual([0, []]);
  presence.destroy();
  warn.mockRestore();
});
