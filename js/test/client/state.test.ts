import { expect, test, vi } from "vitest";
import type { Json } from "../../src/protocol/messages";
import { PlayedServer } from "../server";

const deaf = { changed: () => {} };
const values = (server: PlayedServer) => server.pushes.map((push) => push.value);

test("it shows the room's value, and follows it", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: 0, epoch: null, limit: 1000 }]);
  server.init([{ value: 1, seq: 1 }]);
  expect(state.value).toBe(1);
  server.push(2, 2);
  expect(state.value).toBe(2);
});

test("the own value shows while it is under way, whatever others write", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([]);
  state.write("mine");
  server.push("theirs", 1);
  expect(state.value).toBe("mine");
  server.push("mine", 2);
  server.push("theirs again", 3);
  expect(state.value).toBe("mine");
  server.ack(1, 2);
  expect(state.value).toBe("theirs again");
});

test("one write is under way, and of those that wait only the last", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([]);
  for (const value of [1, 2, 3]) state.write(value);
  expect(values(server)).toEqual([1]);
  server.ack(1);
  expect(values(server)).toEqual([1, 3]);
  expect(state.value).toBe(3);
});

/** A state whose pauses the test ends. */
function paced() {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([]);
  const pauses: { milliseconds: number; end: () => void }[] = [];
  server.session.later = (milliseconds, end) => pauses.push({ milliseconds, end });
  return { server, state, pauses };
}

test("in a pause that was asked for the newest write waits, and is sent then", () => {
  const { server, state, pauses } = paced();
  state.write(1, 20);
  server.ack(1);
  for (const value of [2, 3]) state.write(value, 20);
  expect(values(server)).toEqual([1]);
  expect(state.value).toBe(3);
  expect(state.pending).toBe(true);
  pauses[0]?.end();
  expect(values(server)).toEqual([1, 3]);
  state.write(4, 50);
  server.ack(2);
  expect(values(server)).toEqual([1, 3]);
  pauses[1]?.end();
  expect(values(server)).toEqual([1, 3, 4]);
  expect(pauses.map(({ milliseconds }) => milliseconds)).toEqual([20, 20, 50]);
});

test("who wants no pause waits for nobody else's", () => {
  const { server, state, pauses } = paced();
  state.write(1, 5_000);
  server.ack(1);
  state.write(2, 5_000);
  state.write(3);
  expect(values(server)).toEqual([1, 3]);
  server.ack(2);
  state.write(4);
  expect(values(server)).toEqual([1, 3, 4]);
  server.ack(3);
  state.write(5, 20);
  server.ack(4);
  state.write(6, 20);
  pauses[0]?.end(); // which was somebody else's
  expect(values(server)).toEqual([1, 3, 4, 5]);
  void state.set(7);
  expect(values(server)).toEqual([1, 3, 4, 5, 7]);
});

test("of what is written while offline one write is kept, the last", () => {
  const server = new PlayedServer({ count: 1, bytes: 1 });
  const state = server.session.state("k", deaf);
  server.session.disconnected();
  for (let value = 1; value <= 100; value += 1) state.write(value);
  expect(server.session.queue.waiting).toBe(1);
  server.connect();
  expect(values(server)).toEqual([100]);
  server.ack(1);
  expect(state.pending).toBe(false);
});

test("an initial value is offered to an empty room only", () => {
  const server = new PlayedServer();
  server.session.state("k", deaf, 7);
  server.init([]);
  const push = { type: "push", key: "k", value: 7, action: { type: "replace" }, id: 1, if_seq: 0 };
  expect(server.pushes).toEqual([push]);
  expect(server.session.queue.waiting).toBe(0);
});

test("an offer that came too late is no news, and hides nobody's value", () => {
  const server = new PlayedServer();
  const refused = vi.fn();
  const state = server.session.state("k", { ...deaf, refused }, 7);
  server.init([]);
  server.push(5, 1);
  expect(state.value).toBe(5);
  server.refuse(1, "conflict");
  expect(refused).not.toHaveBeenCalled();
});

test.each(["quota", "forbidden", "conflict", "bad_message", "too_large"])(
  "a write refused with %s is given up and reported",
  (code) => {
    const server = new PlayedServer();
    const refused = vi.fn();
    const state = server.session.state("k", { ...deaf, refused });
    server.init([{ value: 5, seq: 1 }]);
    state.write(6);
    server.refuse(1, code);
    expect(refused).toHaveBeenCalledWith(code, `${code}!`);
    expect(state.value).toBe(5);
    server.reconnect();
    expect(server.pushes).toEqual([]);
  },
);

test("what was missed is taken where the room recovers it", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: 1, seq: 4 }]);
  server.reconnect();
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: 4, epoch: "E", limit: 1000 }]);
  server.init([], { epoch: "E", recovered: true });
  expect(state.value).toBe(1);
  server.reconnect();
  const missed = [2, 3].map((value) => ({ value, seq: value + 4 }));
  server.init(missed, { epoch: "E", recovered: true });
  expect(state.value).toBe(3);
});

test.each([5, null])("a room that forgot is offered the last value that was known, %j", (known) => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf, 0);
  server.init([{ value: known, seq: 9 }]);
  server.reconnect();
  server.init([], { epoch: "F", recovered: false });
  expect(server.pushes).toMatchObject([{ value: known, if_seq: 0 }]);
  expect(state.value).toBe(known);
});

test("nobody's lost value hides what the room holds now", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf, 0);
  server.init([{ value: 5, seq: 9 }]);
  server.reconnect();
  server.init([], { epoch: "F", recovered: false });
  server.push(6, 1);
  server.refuse(1, "conflict");
  expect(state.value).toBe(6);
  server.tell({ type: "delete", key: "k", seq: 2 });
  expect(state.value).toBe(0);
});

test("a value that was deleted gives way to the initial one", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf, 0);
  server.init([{ value: 5, seq: 9 }]);
  server.tell({ type: "delete", key: "k", seq: 10 });
  expect(state.value).toBe(0);
  expect(server.pushes).toMatchObject([{ value: 0, if_seq: 0 }]);
});

test("a server without epochs is asked for all each time", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: 1, seq: 4 }], {});
  server.reconnect();
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: 0, epoch: null, limit: 1000 }]);
  server.init([{ value: 2, seq: 1 }], {});
  expect(state.value).toBe(2);
});

test("a server that knows no epochs any more is asked again for all", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: 1, seq: 4 }]);
  server.reconnect();
  server.init([], {});
  expect(server.sent.at(-1)).toEqual({ type: "get", key: "k", seq: 0, epoch: null, limit: 1000 });
  expect(state.value).toBe(1);
  server.init([{ value: 2, seq: 3 }], {});
  expect(state.value).toBe(2);
});

const add = (item: string) => (list: Json | undefined) => [...((list ?? []) as Json[]), item];

test("an update shows at once, and is written where nobody was faster", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: [], seq: 4 }]);
  const updated = state.update(add("x"));
  expect(state.value).toEqual(["x"]);
  expect(server.pushes).toMatchObject([{ value: ["x"], if_seq: 4, epoch: "E" }]);
  server.push(["x"], 5);
  server.ack(1, 5);
  expect(await updated).toEqual(["x"]);
});

test("an update is made again on what somebody else wrote", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: [], seq: 4 }]);
  const updates = [state.update(add("x")), state.update(add("y"))];
  server.tell({ type: "error", code: "conflict", message: "late", id: 1, seq: 5 });
  expect(server.pushes.length).toBe(1); // what was faster has to be heard first
  server.push(["theirs"], 5);
  expect(server.pushes.at(-1)).toMatchObject({ value: ["theirs", "x", "y"], if_seq: 5 });
  server.ack(2, 6);
  expect(await Promise.all(updates)).toEqual([
    ["theirs", "x"],
    ["theirs", "x", "y"],
  ]);
});

test("an update that fails the second time is given up alone", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([]);
  const failing = state.update((value) => {
    if (value !== undefined) throw new Error("no more");
    return 1;
  });
  server.push(7, 1);
  server.tell({ type: "error", code: "conflict", message: "late", id: 1, seq: 1 });
  await expect(failing).rejects.toThrow("no more");
  expect(state.value).toBe(7);
  expect(() => state.update(() => JSON.parse("{"))).toThrow(SyntaxError);
});

test("a relay on its key does not keep an update from the room", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: [], seq: 4 }]);
  server.push(["relayed"], 9);
  void state.update(add("x"));
  server.tell({ type: "error", code: "conflict", message: "late", id: 1, seq: 4 });
  expect(server.pushes.at(-1)).toMatchObject({ value: ["relayed", "x"], if_seq: 4 });
});

test("nobody knows of an update under way when the room forgets", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([]);
  const update = state.update(add("x"));
  server.reconnect();
  server.tell({ type: "init", key: "k", data: [], epoch: "F", recovered: false });
  server.tell({ type: "error", code: "conflict", message: "another epoch", id: 1, seq: 0 });
  await expect(update).rejects.toMatchObject({ name: "Uncertain" });
});

test("a state that was deleted while a write was under way begins again", () => {
  const server = new PlayedServer();
  server.session.state("k", deaf, "initial");
  server.init([{ value: "old", seq: 1 }]);
  server.session.state("k", deaf).write("new");
  server.push("new", 2);
  server.tell({ type: "delete", key: "k", seq: 3 });
  server.ack(1, 2);
  expect(server.pushes.at(-1)).toMatchObject({ value: "initial", if_seq: 0 });
});

test("an initial value that was refused is not offered again over the same connection", () => {
  const server = new PlayedServer();
  server.session.state("k", deaf, "initial");
  server.init([]);
  server.refuse(1, "forbidden");
  expect(server.pushes.length).toBe(1);
});

test("each write's promise tells of that write, or of the one that took its place", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([]);
  const [one, two, three] = [1, 2, 3].map((value) => state.set(value)) as Promise<Json>[];
  state.set(4).catch(() => {});
  server.refuse(1, "too_large");
  await expect(one).rejects.toMatchObject({ code: "too_large" });
  state.write(5);
  server.ack(2);
  expect(await Promise.all([two, three])).toEqual([2, 3]);
  expect(values(server)).toEqual([1, 4, 5]);
});

test("a write behind an update that waits is the last one, also while offline", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: 1, seq: 1 }]);
  server.session.disconnected();
  state.write(10);
  const updated = state.update((value) => (value as number) + 1);
  state.write(5);
  expect(state.value).toBe(5);
  server.connect();
  server.init([], { epoch: "E", recovered: true });
  expect(values(server)).toEqual([5]);
  server.push(5, 2);
  server.ack(1, 2);
  expect([await updated, state.value]).toEqual([11, 5]);
});

test("after the end an update is refused at once", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.session.stop();
  const later = server.session.state("other", deaf);
  for (const each of [state, later])
    await expect(each.update(() => 1)).rejects.toMatchObject({ code: "closed" });
});

test("nobody hears that an initial value is not allowed: nobody wrote it", () => {
  const server = new PlayedServer();
  const refused = vi.fn();
  server.session.state("k", { ...deaf, refused }, 1);
  server.init([]);
  server.refuse(1, "forbidden");
  expect(refused).not.toHaveBeenCalled();
});

test("an update that is given up gives way, and is told", () => {
  const server = new PlayedServer();
  const shown: unknown[] = [];
  const state = server.session.state("k", { changed: () => shown.push(state.value) });
  server.init([{ value: 1, seq: 1 }]);
  server.session.disconnected();
  state.update((value) => (value as number) + 1).catch(() => {});
  server.session.stop();
  expect([shown.at(-1), server.session.queue.waiting]).toEqual([1, 0]);
});

test("that there is no place for an initial value is told", () => {
  const server = new PlayedServer();
  const refused = vi.fn();
  server.session.state("k", { ...deaf, refused }, 1);
  server.init([]);
  server.refuse(1, "quota");
  expect(refused).toHaveBeenCalledWith("quota", "quota!");
});

test("what nobody may write is offered once on each connection", () => {
  const server = new PlayedServer();
  server.session.state("k", { changed() {} }, 5);
  for (let connection = 0; connection < 2; connection += 1) {
    server.init([]);
    const [offer] = server.pushes;
    expect(offer).toMatchObject({ value: 5, if_seq: 0 });
    server.refuse(offer?.id as number, "forbidden");
    // Somebody may write, and empties it again.
    server.push({ v: 1, i: "" }, 1);
    server.tell({ type: "delete", key: "k", seq: 2 });
    expect(server.pushes).toHaveLength(1);
    server.reconnect();
  }
});

test("an update of an own value that is under way is sent as it is when the page is left", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([]);
  state.write(1);
  void state.update((n) => Number(n) + 1);
  server.session.sendHeldBack(false, false); // the page is hidden, and lives on
  expect(values(server)).toEqual([1]);
  server.session.sendHeldBack(true, false);
  expect(values(server)).toEqual([1, 2]);
  expect(server.pushes[1]?.if_seq).toBeUndefined();
});

test("an update behind another one is never sent over what somebody else may have written", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: 5, seq: 3 }]);
  for (let n = 0; n < 2; n += 1) void state.update((now) => Number(now) + 1);
  server.session.sendHeldBack(true, true);
  expect(server.pushes.map(({ value, if_seq }) => [value, if_seq])).toEqual([[6, 3]]);
});

/** A state of 0 whose page was left with two updates, which came back from the browser's memory. */
function cameBack() {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: 0, seq: 1 }]);
  const [first, second] = [1, 2].map(() => state.update((now) => Number(now) + 1));
  const leave = () => {
    server.session.sendHeldBack(true, false);
    server.session.queue.unconfirmed();
  };
  leave();
  const conflict = (id: number, seq: number) =>
    server.session.queue.refused(id, "conflict", "late", seq);
  return { server, state, first, second, leave, conflict };
}

test("of two updates that a page left, the first counts and the second conflicts: that is made again", async () => {
  const { server, state, first, second, conflict } = cameBack();
  server.push(1, 2);
  server.ack(1, 2);
  await expect(first).resolves.toBe(1);
  server.push(11, 3);
  conflict(2, 3);
  expect([server.pushes.at(-1), state.value]).toMatchObject([{ value: 12, if_seq: 3 }, 12]);
  server.ack(3, 4);
  await expect(second).resolves.toBe(12);
});

test("of three updates that a page left, the first conflicts: all are made again, once", async () => {
  const { server, state, first, leave, conflict } = cameBack();
  const third = state.update((now) => Number(now) + 1);
  leave();
  server.push(10, 2);
  conflict(1, 2);
  const again = server.pushes.find(({ value }) => value === 13)?.id ?? 0;
  conflict(2, 2); // it stood behind the first
  server.push(13, 3);
  server.ack(again, 3);
  await expect(Promise.all([first, third])).resolves.toEqual([11, 13]);
  expect([values(server), state.pending]).toEqual([[1, 13, 2], false]); // the 2 conflicts
});

test("a newer write that stands behind no update is kept where an old one conflicts", async () => {
  const { server, state, first, second, leave, conflict } = cameBack();
  const set = state.set("mine");
  leave();
  server.push(5, 2);
  conflict(1, 2);
  expect([state.value, server.pushes.at(-1)?.value]).toEqual(["mine", "mine"]);
  server.push("mine", 3);
  server.ack(3, 3);
  await expect(set).resolves.toBe("mine");
  await expect(Promise.all([first, second])).resolves.toEqual([1, 2]);
});

test("what a room that forgot may hold is not written again by an update behind it", async () => {
  const server = new PlayedServer();
  const state = server.session.state("k", deaf);
  server.init([{ value: [], seq: 1 }]);
  const first = state.update(add("a"));
  server.reconnect();
  server.init([], { epoch: "F", recovered: false });
  const second = state.update(add("b"));
  server.session.sendHeldBack(true, false);
  server.tell({ type: "error", code: "conflict", message: "another epoch", id: 1, seq: 0 });
  const uncertain = { status: "rejected", reason: { name: "Uncertain" } };
  expect(await Promise.allSettled([first, second])).toMatchObject([uncertain, uncertain]);
});
