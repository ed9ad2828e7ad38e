// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Detour, DetouredConnection } from "../../src/client/detour";
import { FakeSocket } from "../socket";

let connection: DetouredConnection;
let around: FakeSocket[];
let straight: () => FakeSocket[];
const detour: Detour = (secret) => {
  const socket = new FakeSocket(`kernel:${secret}`);
  around.push(socket);
  return Object.assign(socket, { text: "around" });
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  FakeSocket.opened = [];
  around = [];
  straight = () => FakeSocket.opened.filter((socket) => !around.includes(socket));
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("not reached")));
  connection = new DetouredConnection("http://server/room/r");
  connection.addDetour(detour);
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const last = (sockets: FakeSocket[]) => sockets[sockets.length - 1] as FakeSocket;

/** The straight way fails, the detour is open. */
function goAround(): FakeSocket {
  last(straight()).lose();
  last(around).accept();
  return last(around);
}

test("the detour is taken only where the straight way fails", () => {
  expect(around).toHaveLength(0);
  last(straight()).accept();
  expect(connection.detoured).toBe(false);
  last(straight()).lose();
  expect(around).toHaveLength(0);
});

test("the same session goes on through the detour, with the same secret", () => {
  const state = connection.session.state("k", { changed: () => {} });
  state.write(5);
  const socket = goAround();
  expect(connection.status.phase).toBe("connected");
  expect(connection.status.text).toBe("around");
  expect(connection.detoured).toBe(true);
  expect(socket.url.slice("kernel:".length)).toBe(straight()[0]?.secret);
  const sent = socket.sent.map((text) => JSON.parse(text));
  expect(sent).toMatchObject([{ type: "get", key: "k" }, { type: "push" }]);
});

test("while it goes around, the straight way is tried now and then, and taken when it is open", () => {
  const socket = goAround();
  const tries = straight().length;
  vi.advanceTimersByTime(61_000);
  expect(straight()).toHaveLength(tries + 1);
  last(straight()).lose();
  expect(connection.status.phase).toBe("connected");
  vi.advanceTimersByTime(61_000);
  last(straight()).accept();
  expect(connection.detoured).toBe(false);
  expect(connection.status.phase).toBe("connected");
  expect(socket.closedWith).toBeDefined();
});

test("a lost detour is tried again after the straight way failed again", () => {
  goAround().lose();
  expect(connection.status.phase).toBe("reconnecting");
  expect(around).toHaveLength(1);
  vi.advanceTimersByTime(500);
  last(straight()).lose();
  expect(around).toHaveLength(2);
  last(around).accept();
  expect(connection.detoured).toBe(true);
});

test("it asks a detour for no sign of life: the kernel may be busy", () => {
  const socket = goAround();
  vi.advanceTimersByTime(45_000);
  expect(socket.sent).toEqual([]);
  expect(connection.status.phase).toBe("connected");
});

test("a detour that nobody answers at gives way to another", async () => {
  const other: FakeSocket[] = [];
  last(straight()).lose();
  connection.addDetour((secret) => {
    other.push(new FakeSocket(`other:${secret}`));
    return last(other);
  });
  for (let second = 0; second < 90; second += 1) {
    await vi.advanceTimersByTimeAsync(1000);
    const attempt = last(straight().filter(({ url }) => url.startsWith("ws")));
    if (attempt.closedWith === undefined) attempt.lose();
  }
  expect(around[0]?.closedWith).toBeDefined();
  expect(other).toHaveLength(1);
});

test("a detour whose view leaves the page is left, and another is taken", () => {
  const socket = goAround();
  const other: FakeSocket[] = [];
  connection.addDetour(() => {
    other.push(new FakeSocket("other:"));
    return last(other);
  });
  connection.removeDetour(detour);
  expect(socket.closedWith).toBeDefined();
  last(straight().filter(({ url }) => url.startsWith("ws"))).lose();
  last(other).accept();
  expect(connection.detoured).toBe(true);
});

test("a closed connection leaves the detour, too", () => {
  const socket = goAround();
  connection.close();
  expect(socket.closedWith).toBeDefined();
  vi.advanceTimersByTime(200_000);
  expect(around).toHaveLength(1);
});

test("where the straight way says that there is no room, writes wait for the detour", async () => {
  vi.stubGlobal("fetch", async () => ({
    status: 404,
    headers: new Headers({ "DriftDB-Missing": "room" }),
  }));
  const refused = vi.fn();
  const state = connection.session.state("k", { changed() {}, refused });
  state.write(5);
  last(straight()).lose();
  await vi.advanceTimersByTimeAsync(0);
  expect(refused).not.toHaveBeenCalled();
  last(around).accept();
  const sent = last(around).sent.map((text) => JSON.parse(text));
  expect(sent).toMatchObject([{ type: "get", key: "k" }, { type: "push" }]);
});

test("where there is neither of both ways nobody waits", async () => {
  vi.stubGlobal("fetch", async () => ({
    status: 404,
    headers: new Headers({ "DriftDB-Missing": "room" }),
  }));
  const refused = vi.fn();
  connection.session.state("k", { changed() {}, refused }).write(5);
  last(straight()).lose();
  await vi.advanceTimersByTimeAsync(0);
  last(around).lose();
  expect(refused).toHaveBeenCalledWith("gone", expect.any(String));
});

test("what goes around doesn't wait for good behind what an earlier page left, which can't", async () => {
  connection.session.log("k", { pushed() {} }, true).push("old", true);
  globalThis.dispatchEvent(new Event("pagehide"));
  connection.close();
  connection = new DetouredConnection("http://server/room/r");
  connection.addDetour(detour);
  connection.session.log("k", { pushed() {} }, true).push("new", true);
  const socket = goAround();
  const init = { key: "k", data: [], epoch: "E", recovered: false };
  socket.hear({ type: "init", ...init });
  const pushed = () => socket.sent.filter((text) => JSON.parse(text).type === "push");
  for (let n = 0; n < 60; n += 1) {
    expect(pushed().length).toBeLessThan(2);
    last(straight()).lose();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(pushed().map((text) => JSON.parse(text).value)).toEqual(["new"]);
  expect(sessionStorage.length).toBe(1);
  sessionStorage.clear();
});
