import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  DbConnection,
  type MessageFromDb,
  Reducer,
  type SequenceValue,
  StateListener,
} from "../../src/driftdb/index";
import { decode } from "../../src/protocol/cbor";
import { FakeSocket, giveTickets } from "../socket";
import { answer, connected, fakeSockets, hear, ROOM, sent } from "./room";

beforeEach(() => {
  fakeSockets();
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function collect(db: DbConnection, key = "k") {
  const heard: unknown[] = [];
  const listener = ({ value }: SequenceValue) => heard.push(value);
  db.subscribe(key, listener);
  return { heard, listener };
}

/** Cut the connection, and take a new one. */
async function reconnect(): Promise<void> {
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(5_000);
  FakeSocket.last.accept();
}

test("who subscribes hears what the stream holds, and what comes, also before it is connected", async () => {
  const db = new DbConnection();
  const { heard } = collect(db);
  await connected(db);
  answer([{ value: 1, seq: 1 }]);
  hear({ type: "push", value: 2, seq: 2 });
  expect(heard).toEqual([1, 2]);
});

test("a later subscriber hears what the stream holds, and the first one hears nothing twice", async () => {
  const db = await connected();
  const first = collect(db);
  answer([{ value: 1, seq: 1 }]);
  const second = collect(db);
  answer([{ value: 1, seq: 1 }]);
  expect([first.heard, second.heard]).toEqual([[1], [1]]);
});

test("after a lost connection a subscriber hears what it missed, and nothing twice", async () => {
  const db = await connected();
  const { heard } = collect(db);
  answer([{ value: 1, seq: 1 }]);
  await reconnect();
  expect(sent("get").at(-1)).toMatchObject({ seq: 1, epoch: "E" });
  answer([{ value: 2, seq: 2 }], { recovered: true });
  await reconnect();
  answer([1, 2, 3].map((n) => ({ value: n, seq: n }))); // it was away for too long
  await reconnect();
  answer([{ value: "another", seq: 1 }], { epoch: "F" });
  expect(heard).toEqual([1, 2, 3, "another"]);
});

test("over a crash of the server a subscriber hears nothing twice", async () => {
  const db = await connected();
  const { heard } = collect(db);
  answer([{ value: 1, seq: 1 }]);
  await reconnect();
  answer(
    [1, 2].map((n) => ({ value: n, seq: n })),
    { epoch: "F" },
  );
  expect(heard).toEqual([1, 2]);
});

test("who unsubscribes hears no more", async () => {
  const db = await connected();
  const [gone, stays] = [collect(db), collect(db)];
  for (const _ of [gone, stays]) answer();
  db.unsubscribe("k", gone.listener);
  hear({ type: "push", value: 1, seq: 1 });
  expect([gone.heard, stays.heard]).toEqual([[], [1]]);
  db.unsubscribe("k", stays.listener);
  expect(sent("unsubscribe")).toHaveLength(1);
});

test("a push that was not answered is sent again after a lost connection, with its id", async () => {
  const db = await connected();
  db.send({ type: "push", key: "k", value: 1, action: { type: "append" } });
  const [push] = sent("push");
  await reconnect();
  expect(sent("push")).toEqual([push]);
  hear({ type: "ack", id: push.id, seq: 1 });
  await reconnect();
  expect(sent("push")).toEqual([]);
});

test("a refused push is told", async () => {
  const db = await connected();
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const told: MessageFromDb[] = [];
  db.messageListener.addListener((message) => told.push(message));
  db.send({ type: "push", key: "k", value: 1, action: { type: "append" } });
  hear({ type: "error", code: "forbidden", message: "read only", id: 1 });
  expect(told).toMatchObject([{ type: "error", message: "read only" }]);
  expect(warn).toHaveBeenCalledWith("driftdb: k:", expect.objectContaining({ code: "forbidden" }));
  warn.mockRestore();
});

test("a get that is sent brings all that the stream holds to who subscribed", async () => {
  const db = await connected();
  const { heard } = collect(db);
  answer();
  db.send({ type: "get", key: "k", seq: 1 });
  answer([1, 2].map((n) => ({ value: n, seq: n })));
  expect(heard).toEqual([2]);
  db.send({ type: "get", key: "k" });
  answer([1, 2].map((n) => ({ value: n, seq: n })));
  expect(heard).toEqual([2, 1, 2]);
});

test("sizes and messages of DriftDB's protocol are told, and no others", async () => {
  const db = await connected();
  const sizes: number[] = [];
  const types: string[] = [];
  db.subscribe(
    "k",
    () => {},
    (size) => sizes.push(size),
  );
  db.messageListener.addListener(({ type }) => types.push(type));
  answer();
  hear({ type: "push", value: 1, seq: 2 });
  hear({ type: "ack", id: 1, seq: 2 });
  hear({ type: "stream_size", size: 2 });
  expect(sizes).toEqual([2]);
  expect(types).toEqual(["init", "push", "stream_size"]);
});

test("the status says how it is, and connecting fails where nothing answers", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new Error("no network")));
  const db = new DbConnection();
  const told: boolean[] = [];
  db.statusListener.addListener(({ connected }) => told.push(connected));
  const failed = expect(db.connect(ROOM)).rejects.toThrow("can't be reached");
  FakeSocket.last.lose();
  await failed;
  await vi.advanceTimersByTimeAsync(5_000);
  FakeSocket.last.accept();
  expect(told.at(-1)).toBe(true);
  expect(db.status).toMatchObject({ debugUrl: "http://server/room/lecture/inspect" });
  db.disconnect();
  expect(told.at(-1)).toBe(false);
  expect(db.testLatency()).toBeNull();
});

test("what is sent before there is a room waits for it, and keeps its bytes in CBOR", async () => {
  const db = new DbConnection();
  const value = new Uint8Array([1, 255]);
  db.send({ type: "push", key: "k", value, action: { type: "append" } });
  const connecting = db.connect(ROOM, true);
  FakeSocket.last.accept();
  await connecting;
  expect(FakeSocket.last.url).toContain("&cbor=true");
  const [frame] = FakeSocket.last.sent as unknown as Uint8Array[];
  expect(decode(frame as Uint8Array)).toMatchObject({ type: "push", id: 1, value });
});

test("what is no room's address is refused with what was expected", async () => {
  await expect(new DbConnection().connect("ws://server/elsewhere")).rejects.toThrow(
    "expected a room's URL",
  );
});

test("a status is told once, however many writes wait", async () => {
  const db = await connected();
  FakeSocket.last.lose();
  const told = vi.fn();
  db.statusListener.addListener(told);
  for (const value of [1, 2, 3])
    db.send({ type: "push", key: "k", value, action: { type: "append" } });
  expect(told).not.toHaveBeenCalled();
});

test("in another room those who subscribed hear that one", async () => {
  const db = await connected();
  const { heard } = collect(db);
  answer([{ value: "old", seq: 7 }]);
  const first = FakeSocket.last;
  const asked = giveTickets();
  const connecting = db.connect("ws://server/room/other/connect?token=abc");
  expect(first.closedWith).toBe(1000);
  await vi.advanceTimersByTimeAsync(0);
  expect(FakeSocket.last.url).toMatch(/\/room\/other\/connect\?&ticket=a%20ticket$/);
  const headers = { Authorization: "token abc" };
  expect(asked).toHaveBeenCalledWith(
    "http://server/room/other/ticket",
    expect.objectContaining({ headers }),
  );
  FakeSocket.last.accept();
  await connecting;
  expect(sent("get")).toMatchObject([{ key: "k", epoch: null }]);
  answer([{ value: "new", seq: 1 }], { epoch: "F" });
  expect(heard).toEqual(["old", "new"]);
});

test("what waits is sent over another connection to the same room, by the same client", async () => {
  const db = await connected();
  const first = FakeSocket.last;
  first.lose();
  db.send({ type: "push", key: "k", value: 1, action: { type: "append" } });
  giveTickets();
  const connecting = db.connect(`${ROOM}?token=new`);
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.last.accept();
  await connecting;
  expect(sent("push")).toMatchObject([{ id: 1, value: 1 }]);
  expect(FakeSocket.last.url).toBe(`${first.url}&ticket=a%20ticket`);
});

const OTHER = "ws://server/room/other/connect";
const append = (value: unknown) =>
  ({ type: "push", key: "k", value, action: { type: "append" } }) as const;

/** What came over the newest socket of a room. */
function sentTo(room: string, type = "push") {
  const sockets = FakeSocket.opened.filter(({ url }) => url.includes(`/room/${room}/`));
  const frames = (sockets.at(-1) as FakeSocket).sent.map((text) => JSON.parse(text));
  return frames.filter((each) => each.type === type);
}

/** A connection that hears which errors are told. */
function telling() {
  const db = new DbConnection();
  const told: unknown[] = [];
  db.onError = (error, key) => told.push([key, (error as { code: string }).code]);
  return { db, told };
}

test("what waits in a room that is left arrives there, and never in another", async () => {
  const { db, told } = telling();
  await connected(db);
  const first = FakeSocket.last;
  db.send(append("for the lecture"));
  void db.connect(OTHER).catch(() => {});
  FakeSocket.last.accept();
  expect(first.closedWith).toBeUndefined();
  expect([sentTo("lecture").length, sentTo("other")]).toEqual([1, []]);
  const heard: string[] = [];
  db.messageListener.addListener(({ type }) => heard.push(type));
  first.hear({ type: "stream_size", key: "k", size: 2 });
  first.hear({ type: "ack", id: 1, seq: 1 });
  await vi.advanceTimersByTimeAsync(0);
  expect([first.closedWith, heard, told]).toEqual([1000, [], []]);
});

test.each([
  ["sent", (db: DbConnection) => db.send(append("private"))],
  [
    "set",
    (db: DbConnection) => {
      const state = new StateListener<string>({ db, key: "k", callback: () => {} });
      state.subscribe();
      state.setStateOptimistic("private");
    },
  ],
  [
    "dispatched",
    (db: DbConnection) => {
      const reducer = new Reducer<string, string>({
        ...{ db, key: "k", initialValue: "", reducer: (_, text) => text },
        callback: () => {},
      });
      reducer.subscribe();
      reducer.dispatch("private");
    },
  ],
])("what was %s in a room that never answered goes to no other", async (_, write) => {
  const { db, told } = telling();
  void db.connect(ROOM).catch(() => {});
  write(db);
  void db.connect(OTHER).catch(() => {});
  FakeSocket.last.accept();
  answer();
  expect(JSON.stringify(sentTo("other"))).not.toContain("private");
  const [first] = FakeSocket.opened as [FakeSocket];
  first.accept();
  first.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  expect(JSON.stringify(sentTo("lecture"))).toContain("private");
  db.disconnect();
  await vi.advanceTimersByTimeAsync(0);
  expect([first.closedWith, told]).toEqual([1000, [["k", "closed"]]]);
});

test("what waits in a room that is left is sent by whoever comes back to it", async () => {
  const { db, told } = telling();
  void db.connect(ROOM).catch(() => {});
  db.send(append("for the lecture"));
  void db.connect(OTHER).catch(() => {});
  FakeSocket.last.accept();
  giveTickets();
  void db.connect(`${ROOM}?token=new`).catch(() => {});
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.last.accept();
  expect(sent("push")).toMatchObject([{ value: "for the lecture" }]);
  expect(FakeSocket.last.url).toContain("/room/lecture/");
  expect(FakeSocket.opened.map(({ closedWith }) => closedWith)).toEqual([1000, 1000, undefined]);
  expect(told).toEqual([]);
});

test("what is written after an end waits for the same room, and is refused for another", async () => {
  const { db, told } = telling();
  const state = new StateListener<string>({ db, key: "s", callback: () => {} });
  state.subscribe();
  await connected(db);
  const write = () => {
    db.disconnect();
    db.send(append("sent"));
    state.setStateOptimistic("set");
  };
  write();
  await connected(db);
  expect(sent("push")).toMatchObject([{ key: "s", value: { v: "set" } }, { value: "sent" }]);
  write();
  told.length = 0;
  void db.connect(OTHER).catch(() => {});
  FakeSocket.last.accept();
  expect(sent("push")).toEqual([]);
  expect(told).toEqual([
    ["k", "closed"],
    ["s", "closed"],
  ]);
});

test("a write to a room that is left is told where it is refused", async () => {
  const { db, told } = telling();
  const state = new StateListener<string>({ db, key: "s", callback: () => {} });
  state.subscribe();
  await connected(db);
  const first = FakeSocket.last;
  state.setStateOptimistic("set");
  void db.connect(OTHER).catch(() => {});
  first.hear({ type: "error", code: "forbidden", message: "read only", id: 1 });
  expect(told).toEqual([["s", "forbidden"]]);
});

test("a connect that another one took the place of is rejected", async () => {
  const db = new DbConnection();
  const [first, same] = [db.connect(ROOM), db.connect(ROOM)];
  await expect(first).rejects.toThrow("Closed");
  const another = db.connect(OTHER);
  await expect(same).rejects.toThrow("took its place");
  FakeSocket.last.accept();
  await another;
});

test("what one subscriber throws keeps no other from hearing", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const db = await connected();
  const broken = () => {
    throw new Error("a subscriber's own");
  };
  db.subscribe("k", broken);
  db.messageListener.addListener(broken);
  db.statusListener.addListener(broken);
  const { heard } = collect(db);
  for (const _ of ["one", "two"]) answer([{ value: 1, seq: 1 }]);
  hear({ type: "push", value: 2, seq: 2 });
  await reconnect();
  for (const _ of ["one", "two"]) answer([{ value: 3, seq: 3 }], { recovered: true });
  expect(heard).toEqual([1, 2, 3]);
  expect(error).toHaveBeenCalled();
  error.mockRestore();
});

test("what onError throws is the app's, and keeps nobody from hearing", async () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const db = await connected();
  const told: string[] = [];
  db.onError = (_, key) => {
    told.push(key);
    throw new Error("an app's own");
  };
  for (const key of ["a", "b"])
    db.send({ type: "push", key, value: 1, action: { type: "append" } });
  db.disconnect();
  expect([told, db.room, error.mock.calls.length]).toEqual([["a", "b"], null, 2]);
  error.mockRestore();
});

test("a reducer keeps its value when its connection is ended", async () => {
  const db = await connected();
  const totals: number[] = [];
  const reducer = new Reducer<number, number>({
    ...{ db, key: "k", initialValue: 0, reducer: (total, n) => total + n },
    callback: (total) => totals.push(total),
  });
  reducer.subscribe();
  answer([{ value: { reset: 5 }, seq: 1 }]);
  db.disconnect();
  expect(totals).toEqual([5]);
});
