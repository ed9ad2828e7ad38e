// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "../../src/client/connection";
import { FakeSocket } from "../socket";

const URL = "http://server/driftdb/room/r";
let connection: Connection;
let answer: () => Promise<{ status: number }>;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.opened = [];
  answer = () => Promise.reject(new TypeError("not reached"));
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal(
    "fetch",
    vi.fn(() => answer()),
  );
  connection = new Connection(URL);
});

afterEach(() => {
  connection.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("it connects with a secret of its own", () => {
  expect(FakeSocket.last.url).toMatch(
    /^ws:\/\/server\/driftdb\/room\/r\/connect\?client=[\w-]{16,64}$/,
  );
  FakeSocket.last.accept();
  expect(connection.status.phase).toBe("connected");
});

test("a lost connection comes back by itself, with the same secret", () => {
  const first = FakeSocket.last;
  first.accept();
  first.lose();
  expect(connection.status.phase).toBe("reconnecting");
  vi.runOnlyPendingTimers();
  expect(FakeSocket.opened).toHaveLength(2);
  expect(FakeSocket.last.url).toBe(first.url);
  FakeSocket.last.accept();
  expect(connection.status.phase).toBe("connected");
});

test.each([
  [401, "refused"],
  [403, "refused"],
  [404, "gone"],
])("a handshake refused with %i is %s, and stays so until a retry", async (status, phase) => {
  answer = async () => ({ status });
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(connection.status.phase).toBe(phase);
  expect(FakeSocket.opened).toHaveLength(1);
  connection.retry();
  expect(FakeSocket.opened).toHaveLength(2);
});

test("a server that can't be reached is tried again and again", async () => {
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(300);
  expect(connection.status.text).toBe("The server can't be reached; trying again.");
  expect(FakeSocket.opened.length).toBeGreaterThan(1);
});

test.each([
  [4403, "refused"],
  [4404, "gone"],
])("close code %i is %s", (code, phase) => {
  FakeSocket.last.accept();
  FakeSocket.last.lose(code);
  vi.advanceTimersByTime(60_000);
  expect(connection.status.phase).toBe(phase);
  expect(FakeSocket.opened).toHaveLength(1);
});

test("waking up, or coming online, tries at once", () => {
  FakeSocket.last.accept();
  FakeSocket.last.lose();
  dispatchEvent(new Event("online"));
  expect(FakeSocket.opened).toHaveLength(2);
});

test("a connection that is dead without having been closed is noticed", () => {
  const first = FakeSocket.last;
  first.accept();
  vi.advanceTimersByTime(25_000);
  expect(first.sent).toContain('{"type":"ping"}');
  first.hear({ type: "pong", nonce: null });
  vi.advanceTimersByTime(25_000);
  expect(connection.status.phase).toBe("connected");
  vi.advanceTimersByTime(25_000);
  expect(connection.status.phase).toBe("reconnecting");
  expect(first.closedWith).toBeDefined();
});

test("once closed, it opens no more sockets", () => {
  FakeSocket.last.accept();
  connection.close();
  connection.retry();
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.opened).toHaveLength(1);
  expect(FakeSocket.last.closedWith).toBe(1000);
});
