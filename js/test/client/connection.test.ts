// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CBOR } from "../../src/cbor/index";
import { Connection } from "../../src/client/connection";
import type { ConnectionOptions } from "../../src/client/options";
import { LongInteger } from "../../src/protocol/integers";
import type { Json } from "../../src/protocol/messages";
import { FakeSocket, giveTickets } from "../socket";

const URL = "http://server/driftdb/room/r";
let connection: Connection;
let answer: () => Promise<Partial<Response>>;

/** What a room server answers, and what a proxy might. */
const missing = { status: 404, headers: new Headers({ "DriftDB-Missing": "room" }) };
const proxy = (status: number) => ({ status, headers: new Headers() });

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, "random").mockReturnValue(1);
  FakeSocket.opened = [];
  sessionStorage.clear();
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
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("it connects with a secret of its own", () => {
  expect(FakeSocket.last.url).toMatch(/^ws:\/\/server\/driftdb\/room\/r\/connect\?$/);
  expect(FakeSocket.last.secret).toMatch(/^[\w-]{16,64}$/);
  FakeSocket.last.accept();
  expect(connection.status.phase).toBe("connected");
});

test("where the platform has no WebSocket it says what to give", () => {
  vi.stubGlobal("WebSocket", undefined);
  const timers = vi.getTimerCount();
  expect(() => new Connection(URL)).toThrow("expected { WebSocket } of package ws, got undefined");
  expect(vi.getTimerCount()).toBe(timers); // so that Node can end
  new Connection(URL, { WebSocket: FakeSocket }).close();
});

test("a lost connection comes back by itself, with the same secret", () => {
  const first = FakeSocket.last;
  first.accept();
  first.lose();
  expect(connection.status.phase).toBe("reconnecting");
  vi.runOnlyPendingTimers();
  expect(FakeSocket.opened).toHaveLength(2);
  expect(FakeSocket.last.secret).toBe(first.secret);
  FakeSocket.last.accept();
  expect(connection.status.phase).toBe("connected");
});

test.each([
  [proxy(401), "refused"],
  [proxy(403), "refused"],
  [missing, "gone"],
])("a handshake refused with %o is %s, and stays so until a retry", async (refusal, phase) => {
  answer = async () => refusal;
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(connection.status.phase).toBe(phase);
  expect(FakeSocket.opened).toHaveLength(1);
  connection.retry();
  expect(FakeSocket.opened).toHaveLength(2);
});

test("what a proxy says of a server that is about to come back is not believed", async () => {
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [] });
  const log = connection.session.log("k", { pushed: () => {} }, true);
  FakeSocket.last.lose();
  const arrived = log.arrival(log.push("kept", true));
  answer = async () => proxy(404);
  const open = async () => {
    const { length } = FakeSocket.opened;
    while (FakeSocket.opened.length === length) await vi.advanceTimersToNextTimerAsync();
  };
  for (let tries = 0; tries < 5; tries += 1) {
    await open();
    FakeSocket.last.lose();
    await vi.advanceTimersByTimeAsync(0);
    expect(connection.status).toEqual({
      phase: "reconnecting",
      text: "The server can't be reached; trying again.",
    });
  }
  await open();
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 1 });
  expect(await arrived).toBe(1);
});

test("why the first handshake failed is known before it is told", async () => {
  const told: string[] = [];
  connection.listeners.add(() => told.push(connection.status.text));
  answer = async () => missing;
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(0);
  expect(told.at(-1)).toBe("The server has no such room, or not any more.");
  expect(told.join(" ")).not.toContain("trying again");
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

test.each([1001, 1006, 1007, 1009, 1011, 4408])(
  "close code %i is followed by a new try",
  (code) => {
    FakeSocket.last.accept();
    FakeSocket.last.lose(code);
    vi.advanceTimersByTime(250);
    expect(FakeSocket.opened).toHaveLength(2);
  },
);

test("the waits grow while nothing is heard, and begin anew after that", () => {
  const lose = () => {
    const tries = FakeSocket.opened.length;
    const since = Date.now();
    FakeSocket.last.lose();
    while (FakeSocket.opened.length === tries) vi.advanceTimersToNextTimer();
    return Date.now() - since;
  };
  const waits = [1, 2, 3].map(() => {
    FakeSocket.last.accept();
    return lose();
  });
  expect(waits).toEqual([250, 500, 1000]);
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [] });
  expect(lose()).toBe(250);
});

test("waking up, or coming online, tries at once", () => {
  FakeSocket.last.accept();
  FakeSocket.last.lose();
  dispatchEvent(new Event("online"));
  expect(FakeSocket.opened).toHaveLength(2);
  FakeSocket.last.accept();
  FakeSocket.last.lose();
  document.dispatchEvent(new Event("visibilitychange"));
  expect(FakeSocket.opened).toHaveLength(3);
});

const ping = '{"type":"ping"}';
const pong = { type: "pong", nonce: null };

test("after 20 seconds of silence it asks whether anybody is there, and does so as long as it is answered", () => {
  const socket = FakeSocket.last;
  socket.accept();
  for (let pings = 0; pings < 5; pings += 1) {
    vi.advanceTimersByTime(18_000);
    expect(socket.sent).toHaveLength(pings);
    vi.advanceTimersByTime(4_000);
    expect(socket.sent).toEqual(Array(pings + 1).fill(ping));
    socket.hear(pong);
  }
  expect(connection.status.phase).toBe("connected");
});

test("what comes by itself spares the asking", () => {
  const socket = FakeSocket.last;
  socket.accept();
  for (let i = 0; i < 10; i += 1) {
    vi.advanceTimersByTime(15_000);
    socket.hear({ type: "push", key: "k", value: 1, seq: i + 1 });
  }
  expect(socket.sent).toEqual([]);
});

test("without an answer within 10 seconds the connection is dead, and another is made", () => {
  const socket = FakeSocket.last;
  socket.accept();
  vi.advanceTimersByTime(22_000);
  expect(socket.sent).toEqual([ping]);
  vi.advanceTimersByTime(6_000);
  expect(connection.status.phase).toBe("connected");
  vi.advanceTimersByTime(6_000);
  expect(socket.closedWith).toBeDefined();
  expect(FakeSocket.opened).toHaveLength(2);
});

test.each([
  ["the network is back", () => dispatchEvent(new Event("online"))],
  ["the network is gone", () => dispatchEvent(new Event("offline"))],
  ["the page is shown from the cache", () => dispatchEvent(new Event("pageshow"))],
  ["the page is visible again", () => document.dispatchEvent(new Event("visibilitychange"))],
])("when %s a dead connection is given up within 3 seconds", (_, happen) => {
  FakeSocket.last.accept();
  happen();
  happen();
  expect(FakeSocket.last.sent).toEqual([ping]);
  vi.advanceTimersByTime(3_000);
  expect(FakeSocket.opened).toHaveLength(2);
});

test("a page that wakes up is impatient also where an answer is awaited already", () => {
  FakeSocket.last.accept();
  vi.advanceTimersByTime(20_000);
  expect(FakeSocket.last.sent).toEqual([ping]);
  dispatchEvent(new Event("online"));
  expect(FakeSocket.last.sent).toEqual([ping]);
  vi.advanceTimersByTime(3_000);
  expect(FakeSocket.opened).toHaveLength(2);
});

test("that a device is offline shows at once, and no more as soon as the server answers", () => {
  FakeSocket.last.accept();
  dispatchEvent(new Event("offline"));
  expect(connection.status.phase).toBe("reconnecting");
  expect(connection.status.text).toContain("This device is offline");
  FakeSocket.last.hear(pong);
  expect([connection.status.phase, connection.offlineSince]).toEqual(["connected", null]);
  vi.advanceTimersByTime(10_000);
  expect(FakeSocket.opened).toHaveLength(1);
});

test("a clock that is set back an hour hides no dead connection", () => {
  FakeSocket.last.accept();
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(21_000);
  expect(FakeSocket.last.sent).toEqual([ping]);
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(11_000);
  expect(FakeSocket.opened).toHaveLength(2);
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(13_000); // a handshake that nobody answers
  expect(FakeSocket.opened).toHaveLength(3);
});

test("a write that nobody confirms shows within 3 seconds, and the connection is put to the test", () => {
  const socket = FakeSocket.last;
  socket.accept();
  const state = connection.session.state("k", { changed() {} });
  socket.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  state.write(1);
  const told = vi.fn();
  connection.listeners.add(told);
  vi.advanceTimersByTime(1_000);
  expect([connection.unconfirmed, told.mock.calls.length]).toEqual([false, 0]);
  vi.advanceTimersByTime(2_000);
  expect([connection.unconfirmed, told.mock.calls.length]).toEqual([true, 1]);
  expect(connection.status).toEqual({
    phase: "connected",
    text: "Connected; changes are not confirmed.",
  });
  expect(socket.sent.at(-1)).toBe(ping);
  socket.hear({ type: "ack", id: 1, seq: 1 });
  vi.advanceTimersByTime(1_000);
  expect([connection.unconfirmed, connection.status.text]).toEqual([
    false,
    "Connected: everybody sees changes at once.",
  ]);
  state.write(2);
  vi.advanceTimersByTime(9_000);
  expect([socket.closedWith, FakeSocket.opened.length]).toEqual([1005, 2]);
});

test("who writes all the time, and is answered, waits for nothing", () => {
  const socket = FakeSocket.last;
  socket.accept();
  const state = connection.session.state("k", { changed() {} });
  socket.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  for (let id = 1; id < 20; id += 1) {
    state.write(id);
    vi.advanceTimersByTime(700);
    socket.hear({ type: "ack", id, seq: id });
    expect(connection.unconfirmed).toBe(false);
  }
});

test("values of presence are sent some milliseconds apart, the newest of them; who goes goes at once", () => {
  const socket = FakeSocket.last;
  socket.accept();
  const me = {};
  const presence = connection.session.presence("p", me);
  const said = () =>
    socket.sent.map((text) => JSON.parse(text)).filter(({ type }) => type === "presence");
  for (let x = 0; x < 1_000; x += 1) presence.set(x, me);
  expect(said().map(({ value }) => value)).toEqual([0]);
  vi.advanceTimersByTime(40);
  expect(said().map(({ value }) => value)).toEqual([0, 999]);
  vi.advanceTimersByTime(1_000);
  presence.set(1, me);
  presence.set(2, me);
  presence.set(null, me);
  vi.advanceTimersByTime(1_000);
  expect(said().map(({ value }) => value)).toEqual([0, 999, 1, null]);
});

test("how far apart values of presence are is an option", () => {
  const other = new Connection(URL, { presenceMilliseconds: 0 });
  FakeSocket.last.accept();
  const me = {};
  const presence = other.session.presence("p", me);
  for (let x = 0; x < 3; x += 1) presence.set(x, me);
  expect(FakeSocket.last.sent).toHaveLength(4);
  other.close();
});

test("after a long sleep the connection is made anew at once", () => {
  const socket = FakeSocket.last;
  socket.accept();
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(2_300);
  expect(socket.closedWith).toBeDefined();
  expect(FakeSocket.opened).toHaveLength(2);
});

test("a sleep while it waited ends the wait", () => {
  FakeSocket.last.accept();
  for (let i = 0; i < 6; i += 1) {
    FakeSocket.last.accept();
    FakeSocket.last.lose();
    if (i < 5) vi.advanceTimersByTime(15_000);
  }
  const tries = FakeSocket.opened.length;
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(2_000);
  expect(FakeSocket.opened).toHaveLength(tries + 1);
});

test("a handshake that nobody answers is given up", () => {
  const socket = FakeSocket.last;
  vi.advanceTimersByTime(13_000);
  expect(socket.closedWith).toBeDefined();
  expect(FakeSocket.opened.length).toBeGreaterThan(1);
});

test("a room's address that nobody answers at holds nothing up", async () => {
  // Of the browser's own, which no test's clock turns.
  vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
    const impatience = new AbortController();
    setTimeout(() => impatience.abort(), milliseconds);
    return impatience.signal;
  });
  vi.stubGlobal(
    "fetch",
    (_: string, { signal }: RequestInit) =>
      new Promise((_resolve, reject) => signal?.addEventListener("abort", reject)),
  );
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(10_300);
  expect(FakeSocket.opened.length).toBeGreaterThan(1);
});

test("a server that is gone for an hour is found when it is back, and gets what was kept", async () => {
  const state = connection.session.state("k", { changed: () => {} });
  FakeSocket.last.accept();
  const since = Date.now();
  FakeSocket.last.lose();
  let seen = FakeSocket.opened.length;
  for (let second = 0; second < 3600; second += 1) {
    await vi.advanceTimersByTimeAsync(1000);
    state.write(second);
    if (FakeSocket.opened.length > seen) FakeSocket.last.lose();
    seen = FakeSocket.opened.length;
  }
  expect(connection.offlineSince).toBe(since);
  expect(connection.waiting).toBe(1);
  expect(seen).toBeGreaterThan(3600 / 16);
  while (FakeSocket.opened.length === seen) await vi.advanceTimersByTimeAsync(1000);
  FakeSocket.last.accept();
  expect(FakeSocket.last.sent.map((text) => JSON.parse(text))).toMatchObject([
    { type: "get", key: "k" },
    { type: "push", value: { v: 3599 } },
  ]);
  expect(connection.offlineSince).toBeNull();
});

test("what a busy server refused is sent again after a pause", () => {
  const log = connection.session.log("k", { pushed: () => {} }, true);
  FakeSocket.last.accept();
  log.push(1, true);
  const pushes = () => FakeSocket.last.sent.filter((text) => text.includes('"push"')).length;
  for (let tries = 1; tries <= 4; tries += 1) {
    expect(pushes()).toBe(tries);
    FakeSocket.last.hear({ type: "error", code: "rate", message: "slowly", id: 1 });
    expect(pushes()).toBe(tries);
    vi.advanceTimersByTime(250 * 2 ** (tries - 1));
  }
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 1 });
  expect(connection.waiting).toBe(0);
});

test("what the server can't take of no push in particular stands in the console", () => {
  const warn = vi.spyOn(console, "warn").mockReturnValue();
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "error", code: "bad_message", message: "what?" });
  expect(warn).toHaveBeenCalledWith("driftdb: bad_message: what?");
});

test("it needs neither localStorage nor randomUUID", () => {
  vi.stubGlobal("localStorage", undefined);
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  const other = new Connection(URL);
  expect(FakeSocket.last.secret).toMatch(/^[0-9a-f]{40}$/);
  other.close();
});

test("once closed, it opens no more sockets", () => {
  FakeSocket.last.accept();
  connection.close();
  connection.retry();
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.opened).toHaveLength(1);
  expect(FakeSocket.last.closedWith).toBe(1000);
});

test("an error of a socket is nobody's, also of one that was given up", () => {
  const socket = FakeSocket.last;
  expect(socket.onerror).not.toBeNull(); // as an EventEmitter ws throws what nobody hears
  connection.close();
  expect(socket.onerror).not.toBeNull();
});

test("what a listener throws keeps neither the room from being heard nor others from hearing", () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const told = vi.fn();
  connection.listeners.add(() => {
    throw new Error("a listener's own");
  });
  connection.listeners.add(told);
  connection.session.state("k", { changed() {} });
  FakeSocket.last.accept();
  expect(told).toHaveBeenCalled();
  expect(FakeSocket.last.sent).toHaveLength(1);
  expect(FakeSocket.last.onmessage).not.toBeNull();
});

test("who has a token asks with it why a handshake failed", async () => {
  connection.close();
  const asked = giveTickets();
  connection = new Connection(URL, { token: "t" });
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(0);
  const headers = { Authorization: "token t" };
  expect(asked).toHaveBeenCalledWith(URL, expect.objectContaining({ headers }));
});

const pushes = () =>
  FakeSocket.last.sent.map((text) => JSON.parse(text)).filter(({ type }) => type === "push");

test("where the room is gone nobody waits, and a retry begins anew", async () => {
  FakeSocket.last.accept();
  const { session } = connection;
  const state = session.state("k", { changed() {} });
  const waiting = [state.set(1), state.update(() => 2), session.keys(), session.drained()];
  FakeSocket.last.lose(4404);
  for (const each of [...waiting, state.set(3), session.keys()])
    await expect(each).rejects.toMatchObject({ code: "gone" });
  expect(connection.waiting).toBe(0);
  connection.retry();
  const set = state.set(4);
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "ack", id: pushes()[0].id, seq: 1 });
  await set;
});

test("what was written is kept for whoever logs in again, but nobody waits to read", async () => {
  FakeSocket.last.accept();
  const { session } = connection;
  const set = session.state("k", { changed() {} }).set(1);
  const waiting = [session.keys(), session.drained()];
  FakeSocket.last.lose(4403);
  for (const each of [...waiting, session.keys()])
    await expect(each).rejects.toMatchObject({ code: "forbidden" });
  expect(connection.waiting).toBe(1);
  connection.retry();
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "ack", id: pushes()[0].id, seq: 1 });
  await set;
});

test("what is refused under one key says nothing of the connection", () => {
  FakeSocket.last.accept();
  connection.session.log("k", { pushed() {} }, true).push(1, true);
  const { status } = connection;
  const refusal = { type: "error", code: "forbidden", key: "k", action: "append", message: "no" };
  FakeSocket.last.hear({ ...refusal, id: 1 });
  expect(connection.status).toEqual(status);
});

test("while a server is away the text doesn't change to and fro", async () => {
  const texts: string[] = [];
  connection.listeners.add(() => texts.push(connection.status.text));
  FakeSocket.last.lose();
  await vi.advanceTimersByTimeAsync(0);
  for (let attempt = 2; attempt < 5; attempt += 1) {
    while (FakeSocket.opened.length < attempt) await vi.advanceTimersByTimeAsync(100);
    FakeSocket.last.lose();
    await vi.advanceTimersByTimeAsync(0);
  }
  const changes = texts.filter((text, index) => text !== texts[index - 1]);
  expect(changes).toHaveLength(2);
});

/** A state of a room that has answered, with a write under way and a newer one that waits. */
function writing() {
  const { last: socket } = FakeSocket;
  socket.accept();
  const state = connection.session.state("k", { changed() {} });
  socket.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  state.write(1);
  state.write(2);
  const values = (of = socket) =>
    of.sent
      .map((text) => JSON.parse(text))
      .flatMap((each) => (each.type === "push" ? each.value.v : []));
  expect(values()).toEqual([1]);
  return { socket, state, values };
}

function pageEvent(name: string, persisted = false): Event {
  return Object.assign(new Event(name), { persisted });
}

test.each([
  ["is left", () => globalThis.dispatchEvent(pageEvent("pagehide"))],
  ["may be left in memory", () => globalThis.dispatchEvent(pageEvent("pagehide", true))],
  ["is frozen", () => document.dispatchEvent(new Event("freeze"))],
  [
    "is hidden",
    () => {
      vi.spyOn(document, "hidden", "get").mockReturnValue(true);
      document.dispatchEvent(new Event("visibilitychange"));
    },
  ],
])("when the page %s what waits for an answer is sent at once", (_, leave) => {
  const { values } = writing();
  leave();
  expect(values()).toEqual([1, 2]);
});

test("what a pause holds back is sent when the page is left", () => {
  const { socket, state, values } = writing();
  socket.hear({ type: "ack", id: 1, seq: 1 });
  socket.hear({ type: "ack", id: 2, seq: 2 });
  state.write(3, 5_000);
  state.write(4, 5_000);
  socket.hear({ type: "ack", id: 3, seq: 3 });
  expect(values()).toEqual([1, 2, 3]);
  globalThis.dispatchEvent(pageEvent("pagehide"));
  expect(values()).toEqual([1, 2, 3, 4]);
});

test("all of a long burst is sent when the page is left for good", () => {
  FakeSocket.last.accept();
  const log = connection.session.log("k", { pushed() {} }, true);
  FakeSocket.last.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  for (let n = 0; n < 3_000; n += 1) log.push(n, true);
  const sent = () => FakeSocket.last.sent.filter((text) => text.includes('"push"')).length;
  expect(sent()).toBeLessThan(3_000);
  globalThis.dispatchEvent(pageEvent("pagehide"));
  expect(sent()).toBe(3_000);
});

test("a page that comes back from the browser's memory connects at once, and an older write never follows a newer one", () => {
  const { socket, state, values } = writing();
  globalThis.dispatchEvent(pageEvent("pagehide", true));
  expect(socket.closedWith).toBe(1000);
  expect(connection.status.phase).toBe("reconnecting");
  globalThis.dispatchEvent(pageEvent("pageshow", true));
  const { last: next } = FakeSocket;
  expect(next).not.toBe(socket);
  next.accept();
  expect(values(next)).toEqual([2]);
  next.hear({ type: "ack", id: 2, seq: 2 });
  expect([state.pending, connection.waiting]).toEqual([false, 0]);
});

test.each([
  ["http://server", { "X-XSRFToken": "2|x" }],
  ["null", {}], // a sandboxed frame, which may not even look at cookies
])(
  "without a connection the newest of a state, and the first of a stream, go in requests of their own (page of %s)",
  (origin, sentAlong) => {
    vi.stubGlobal("origin", origin);
    const cookie = origin === "null" ? vi.spyOn(document, "cookie", "get") : null;
    cookie?.mockImplementation(() => {
      throw new DOMException("", "SecurityError");
    });
    const { socket } = writing();
    const log = connection.session.log("log", { pushed() {} }, true);
    // Of what kind a key is that was never heard of nobody knows: nothing may be written there.
    connection.session.state("other", { changed() {} }, undefined, "state").write(5);
    socket.lose();
    for (const text of ["a", "b"]) log.push(text, true);
    vi.mocked(fetch).mockClear();
    // biome-ignore lint/suspicious/noDocumentCookie: as Jupyter has it
    document.cookie = "_xsrf=2|x";
    globalThis.dispatchEvent(pageEvent("pagehide"));
    cookie?.mockRestore();
    const asked = vi.mocked(fetch).mock.calls.map(([url, options]) => {
      const { body, keepalive, headers } = options as RequestInit;
      expect([keepalive, headers]).toEqual([true, sentAlong]);
      const { client, ...message } = JSON.parse(body as string);
      expect(client).toBe(connection.session.secret);
      return [url, message];
    });
    expect(asked).toMatchObject([
      [`${URL}/send`, { key: "log", value: "a", id: 2 }],
      [`${URL}/send`, { key: "k", value: { v: 2 }, id: 4 }],
    ]);
  },
);

const leave = () => globalThis.dispatchEvent(pageEvent("pagehide"));

/** What was pushed over a socket, in JSON: ids and values. */
const pushed = ({ sent }: FakeSocket) =>
  sent
    .filter((frame) => typeof frame === "string")
    .map((text) => JSON.parse(text))
    .filter(({ type }) => type === "push")
    .map(({ id, value }) => [id, value]);

/** The page is gone, with its sockets, those too that brought what earlier pages had left. */
async function end() {
  connection.close();
  for (const socket of FakeSocket.opened.splice(0)) {
    if (pushed(socket).length === 0) socket.accept();
    for (const [id] of pushed(socket)) socket.hear({ type: "ack", id, seq: id });
  }
  await vi.advanceTimersByTimeAsync(0);
}

/** Open the room anew; returns the page's own socket, and those that bring what earlier pages left. */
async function nextPage(options: ConnectionOptions = {}, person?: string) {
  await end();
  connection = new Connection(URL, options);
  await vi.advanceTimersByTimeAsync(0);
  const own = FakeSocket.last;
  own.accept();
  if (person !== undefined) own.hear({ type: "renewed", in_seconds: null, person });
  own.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  await vi.advanceTimersByTimeAsync(0);
  return { own, left: FakeSocket.opened.slice(1) };
}

test("what a page left unconfirmed the next one in its tab sends once more, before its own", async () => {
  FakeSocket.last.accept();
  const log = connection.session.log("k", { pushed() {} }, true);
  for (const value of ["a", "b", "c"]) log.push(value, true);
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 1 });
  leave();
  const { secret } = connection.session;
  const { own, left } = await nextPage();
  connection.session.log("k", { pushed() {} }, true).push("new", true);
  const [older, ...more] = left as [FakeSocket];
  expect([own.secret === secret, older.secret === secret, more]).toEqual([false, true, []]);
  older.accept();
  expect(pushed(older)).toEqual([
    [2, "b"],
    [3, "c"],
  ]);
  older.hear({ type: "ack", id: 2, seq: 2 });
  expect(older.closedWith).toBeUndefined();
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  older.hear({ type: "error", id: 3, code: "quota", message: "too much" });
  expect(warned).toHaveBeenCalledWith("driftdb: quota: too much");
  expect(pushed(own)).toEqual([]);
  await vi.advanceTimersByTimeAsync(0);
  expect(older.closedWith).toBe(1000);
  expect(pushed(own)).toEqual([[1, "new"]]);
  expect(sessionStorage.length).toBe(0);
});

test("what pages left goes in its order after a long outage, page by page", async () => {
  for (const value of ["a", "b"]) {
    connection.session.log("k", { pushed() {} }, true).push(value, true);
    leave();
    connection.close();
    connection = new Connection(URL);
  }
  for (let tries = 0; tries < 5; tries += 1) {
    const { length } = FakeSocket.opened;
    FakeSocket.last.lose();
    while (FakeSocket.opened.length === length) await vi.advanceTimersByTimeAsync(1_000);
  }
  connection.session.log("k", { pushed() {} }, true).push("c", true);
  const { last: own } = FakeSocket;
  own.accept();
  own.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  for (const value of ["a", "b"]) {
    await vi.advanceTimersByTimeAsync(0);
    expect(pushed(own)).toEqual([]);
    const older = FakeSocket.last;
    older.accept();
    expect(pushed(older)).toEqual([[1, value]]);
    older.hear({ type: "ack", id: 1, seq: 1 });
  }
  await vi.advanceTimersByTimeAsync(0);
  expect(pushed(own)).toEqual([[1, "c"]]);
  await end();
});

test("what a page left is sent for the person who wrote it alone, and kept for them from others", async () => {
  vi.stubGlobal("origin", "http://server");
  let { own, left } = await nextPage({}, "ann");
  expect(own.sent[0]).toBe('{"type":"renew"}');
  connection.session.log("k", { pushed() {} }, true).push("Ann's", true);
  leave();
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  ({ own, left } = await nextPage({}, "bob"));
  expect(warned.mock.calls).toEqual([["driftdb: waiting: writes of an earlier page"]]);
  connection.session.log("k", { pushed() {} }, true).push("Bob's", true);
  expect([left, pushed(own)]).toEqual([[], [[1, "Bob's"]]]);
  leave();
  ({ left } = await nextPage()); // a guest
  expect(left).toEqual([]);
  ({ left } = await nextPage({}, "ann"));
  left[0]?.accept();
  expect(left.map(pushed)).toEqual([[[1, "Ann's"]]]);
  await end();
});

test("what a page wrote that never had a connection is sent for who the tab's page before it was", async () => {
  vi.stubGlobal("origin", "http://server");
  await nextPage({}, "ann");
  await end();
  connection = new Connection(URL);
  connection.session.log("k", { pushed() {} }, true).push("Ann's", true);
  leave();
  connection.close();
  FakeSocket.opened = [];
  expect((await nextPage({}, "bob")).left).toEqual([]);
  const { left } = await nextPage({}, "ann");
  left[0]?.accept();
  expect(left.map(pushed)).toEqual([[[1, "Ann's"]]]);
  await end();
});

test("what a page wrote that never had a connection, the first of its tab, waits for a guest", async () => {
  vi.stubGlobal("origin", "http://server");
  connection.session.log("k", { pushed() {} }, true).push("whose?", true);
  leave();
  connection.close();
  FakeSocket.opened = [];
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  expect((await nextPage({}, "ann")).left).toEqual([]);
  expect(warned.mock.calls).toEqual([["driftdb: waiting: writes of an earlier page"]]);
  const { left } = await nextPage();
  left[0]?.accept();
  expect(left.map(pushed)).toEqual([[[1, "whose?"]]]);
  await end();
});

test("who a page is, is asked where a token or the server's cookies may say so, and nowhere else", async () => {
  const asks = async (options: ConnectionOptions) =>
    (await nextPage(options)).own.sent.includes('{"type":"renew"}');
  expect(await asks({})).toBe(false);
  giveTickets();
  expect(await asks({ token: "a" })).toBe(true);
  vi.stubGlobal("origin", "http://server");
  expect(await asks({})).toBe(true);
});

/** Leave two pages without a connection, and open a third one, which writes "c". */
async function thirdPage() {
  for (const value of ["a", "b"]) {
    connection.session.log("k", { pushed() {} }, true).push(value, true);
    leave();
    connection.close();
    connection = new Connection(URL);
    await vi.advanceTimersByTimeAsync(10);
  }
  connection.session.log("k", { pushed() {} }, true).push("c", true);
  const { last: own, opened } = FakeSocket;
  own.accept();
  own.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  const { length } = opened;
  await vi.advanceTimersByTimeAsync(0);
  return { own, left: () => opened.slice(length) };
}

/** What is stored for the next page. */
const stored = () =>
  JSON.parse(sessionStorage.getItem(`driftdb ${URL}`) ?? "[]").map(
    ([, , [[, frame]]]: [string, number, [[number, string]]]) => JSON.parse(frame).value,
  );

test("where what was left gets no connection, own writes are sent, and it stays for the next page", async () => {
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  const { own, left } = await thirdPage();
  expect(stored()).toEqual(["b"]); // "a" is on its way
  for (let n = 0; n < 60; n += 1) {
    left().pop()?.lose();
    await vi.advanceTimersByTimeAsync(100);
    own.hear({ type: "pong", nonce: null });
  }
  expect(pushed(own)).toEqual([[1, "c"]]);
  expect(warned.mock.calls).toEqual([["driftdb: waiting: writes of an earlier page"]]);
  expect(stored()).toEqual(["a", "b"]);
  const { length } = FakeSocket.opened;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(FakeSocket.opened).toHaveLength(length); // it isn't tried any more
  own.hear({ type: "ack", id: 1, seq: 1 });
});

test("while the page has no connection either, own writes stay behind what was left", async () => {
  const { own, left } = await thirdPage();
  own.lose();
  left()[0]?.lose();
  for (let n = 0; n < 150; n += 1) {
    for (const socket of FakeSocket.opened) socket.lose();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(FakeSocket.opened.flatMap(pushed)).toEqual([]);
  leave();
  expect(stored()).toEqual(["a", "b", "c"]);
  connection.close();
  await vi.advanceTimersByTimeAsync(10_000); // until what sends "a" has given up, too
});

test("where what was left is refused its connection is closed, and it stays for the next page", async () => {
  const { own, left } = await thirdPage();
  const [older] = left() as [FakeSocket];
  older.accept();
  const timers = vi.getTimerCount();
  older.lose(4403);
  await vi.advanceTimersByTimeAsync(0);
  expect(pushed(own)).toEqual([[1, "c"]]);
  expect(stored()).toEqual(["a", "b"]);
  expect(vi.getTimerCount()).toBeLessThan(timers);
  own.hear({ type: "ack", id: 1, seq: 1 });
});

test("a session goes on with another connection, also where the first was closed before it was heard", async () => {
  connection.session.log("k", { pushed() {} }, true).push("a", true);
  leave();
  connection.close();
  const first = new Connection(URL);
  const { session } = first;
  session.log("k", { pushed() {} }, true).push("b", true);
  first.close();
  connection = new Connection(URL, {}, session);
  const { last: own } = FakeSocket;
  own.accept();
  own.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  await vi.advanceTimersByTimeAsync(0);
  expect(pushed(own)).toEqual([]);
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 1 });
  await vi.advanceTimersByTimeAsync(0);
  expect(pushed(own)).toEqual([[1, "b"]]);
  await end();
});

test("what a page left in CBOR is kept in JSON, with all digits of its integers", async () => {
  await nextPage({ codec: CBOR });
  const long = new LongInteger("12345678901234567890");
  connection.session.log("k", { pushed() {} }, true).push({ long, text: "é" }, true);
  leave();
  const { left } = await nextPage({ codec: CBOR });
  const [older] = left as [FakeSocket];
  older.accept();
  expect(older.url).not.toContain("cbor");
  expect(older.sent).toEqual([
    '{"type":"push","key":"k","value":{"long":12345678901234567890,"text":"é"},' +
      '"action":{"type":"append"},"id":1}',
  ]);
  await end();
});

test("what was left is not taken by another room, nor after ten minutes, and only once", async () => {
  connection.session.log("k", { pushed() {} }, true).push(1, true);
  leave();
  const kept = { ...sessionStorage };
  connection.close();
  connection = new Connection(`${URL}2`);
  FakeSocket.opened = [];
  FakeSocket.last?.accept();
  expect({ ...sessionStorage }).toEqual(kept);
  await vi.advanceTimersByTimeAsync(600_001);
  expect((await nextPage()).left).toEqual([]);
  connection.session.log("k", { pushed() {} }, true).push(1, true);
  leave();
  const [older] = (await nextPage()).left as [FakeSocket];
  older.accept();
  expect(pushed(older)).toEqual([[1, 1]]);
  expect((await nextPage()).left).toEqual([]);
});

/** A page's state that holds 1, and two updates of it, of which the first is sent. */
function updating() {
  FakeSocket.last.accept();
  const state = connection.session.state("k", { changed() {} });
  const value = { v: 1, i: "" };
  const init = { type: "init", key: "k", data: [{ value, seq: 1 }], epoch: "E", recovered: false };
  FakeSocket.last.hear(init);
  const made = [(n: Json = 0) => (n as number) + 1, (n: Json = 0) => (n as number) * 10].map(
    (step) => state.update(step),
  );
  return { state, init, made: Promise.all(made) };
}

/** What was pushed over a socket: ids, values, and on what number they are made. */
const conditions = ({ sent }: FakeSocket) =>
  sent
    .map((text) => JSON.parse(text))
    .filter(({ type }) => type === "push")
    .map(({ id, value, if_seq, epoch }) => [id, value.v, if_seq, epoch]);

test("an update of an update is sent by the next page, on what the first one makes", async () => {
  updating();
  leave();
  const [older] = (await nextPage()).left as [FakeSocket];
  older.accept();
  expect(conditions(older)).toEqual([[1, 2, 1, "E"]]);
  older.hear({ type: "ack", id: 1, seq: 5 });
  expect(conditions(older).slice(1)).toEqual([[2, 20, 5, "E"]]);
  older.hear({ type: "ack", id: 2, seq: 6 });
  await vi.advanceTimersByTimeAsync(0);
  expect([older.closedWith, sessionStorage.length]).toEqual([1000, 0]);
});

test("where the first of two updates came too late the next page says of both that they don't count", async () => {
  updating();
  leave();
  const [older] = (await nextPage()).left as [FakeSocket];
  older.accept();
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  older.hear({ type: "error", id: 1, code: "conflict", message: "late", seq: 4 });
  const [, [id, , seq]] = conditions(older) as [unknown, unknown[]];
  expect(seq).toBeGreaterThan(1e12); // which is none that a room has
  older.hear({ type: "error", id, code: "conflict", message: "late", seq: 4 });
  await vi.advanceTimersByTimeAsync(0);
  expect(warned.mock.calls).toEqual([["driftdb: conflict: late"], ["driftdb: conflict: late"]]);
  expect(older.closedWith).toBe(1000);
});

test.each([
  ["counts", [20, 5]],
  ["came too late", [310, 4]],
])(
  "a page that comes back goes on with two updates, of which the first %s",
  async (how, [value, seq]) => {
    const { state, init, made } = updating();
    globalThis.dispatchEvent(pageEvent("pagehide", true));
    globalThis.dispatchEvent(pageEvent("pageshow", true));
    const { last: socket } = FakeSocket;
    socket.accept();
    expect(conditions(socket)).toEqual([[1, 2, 1, "E"]]);
    if (how === "counts") {
      socket.hear({ ...init, data: [{ value: { v: 2, i: "" }, seq: 5 }], recovered: true });
      socket.hear({ type: "ack", id: 1, seq: 5 });
    } else {
      socket.hear({ ...init, data: [{ value: { v: 30, i: "" }, seq: 4 }], recovered: true });
      socket.hear({ type: "error", id: 1, code: "conflict", message: "late", seq: 4 });
    }
    const [[id, ...sent], ...more] = conditions(socket).slice(1) as [unknown[]];
    expect([sent, more]).toEqual([[value, seq, "E"], []]);
    socket.hear({ type: "push", key: "k", value: { v: value, i: "" }, seq: 6 });
    socket.hear({ type: "ack", id, seq: 6 });
    expect(await made).toEqual([how === "counts" ? 2 : 31, value]);
    expect([state.value, state.pending, connection.waiting]).toEqual([value, false, 0]);
  },
);

test("an update that waits for a connection is left on what was known last", async () => {
  const { made } = updating();
  FakeSocket.last.hear({ type: "ack", id: 1, seq: 2 });
  const known = { type: "push", key: "k", value: { v: 2, i: "" }, seq: 2 };
  FakeSocket.last.hear(known);
  FakeSocket.last.hear({ type: "ack", id: 2, seq: 3 });
  FakeSocket.last.hear({ ...known, value: { v: 20, i: "" }, seq: 3 });
  await made;
  FakeSocket.last.lose();
  for (const more of [1, 2])
    void connection.session.state("k", { changed() {} }).update((n = 0) => (n as number) + more);
  vi.mocked(fetch).mockClear();
  leave();
  const [[, { body }]] = vi.mocked(fetch).mock.calls as [[string, { body: string }]];
  expect(JSON.parse(body)).toMatchObject({ value: { v: 23 }, if_seq: 3, epoch: "E" });
  const [older] = (await nextPage()).left as [FakeSocket];
  older.accept();
  expect(conditions(older)).toEqual([[3, 23, 3, "E"]]);
  await end();
});

test("a page that is left twice leaves behind what waits the second time alone", () => {
  FakeSocket.last.accept();
  const state = connection.session.state("k", { changed() {} });
  state.write(1);
  globalThis.dispatchEvent(pageEvent("pagehide", true));
  globalThis.dispatchEvent(pageEvent("pageshow", true));
  state.write(2);
  leave();
  const [[, , pushes], ...more] = JSON.parse(sessionStorage.getItem(`driftdb ${URL}`) ?? "[]");
  expect(more).toEqual([]);
  expect(pushes.map(([, frame]: [number, string]) => JSON.parse(frame).value.v)).toEqual([2]);
});

test.each(["full", "forbidden"])("where storage is %s a page is left as without it", (how) => {
  vi.stubGlobal("sessionStorage", {
    getItem: () => {
      if (how === "forbidden") throw new Error(how);
      return null;
    },
    removeItem() {},
    setItem() {
      throw new Error(how);
    },
  });
  connection.session.log("k", { pushed() {} }, true).push(1, true);
  expect(leave).not.toThrow();
});
