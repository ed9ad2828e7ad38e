import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { bundleClient } from "../../client_bundle.mjs";
import * as sources from "../../src/room/index";
import { FakeSocket, giveTickets } from "../socket";

type Client = typeof sources;

let folder: string;
let text: string;
let bundled: Client;
let cbor: typeof import("../../src/cbor/index");

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "driftdb-client-"));
  ({ text } = await bundleClient());
  const entry = new URL("../../src/cbor/index.ts", import.meta.url).pathname;
  const options = { bundle: true, minify: true, format: "esm", write: false } as const;
  const [file] = (await build({ entryPoints: [entry], ...options })).outputFiles;
  const load = async (name: string, content: string) => {
    await writeFile(join(folder, name), content);
    return import(/* @vite-ignore */ pathToFileURL(join(folder, name)).href);
  };
  bundled = await load("driftdb.mjs", text);
  cbor = await load("driftdb-cbor.mjs", file?.text ?? "");
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

beforeEach(() => {
  FakeSocket.opened = [];
});

test("the client is small: as servers send it, under 17.4 KB in Brotli and 19.2 KB in gzip", () => {
  expect(brotliCompressSync(text).length).toBeLessThan(17_400);
  expect(gzipSync(text, { level: 9 }).length).toBeLessThan(19_200);
});

test("it exports what the package does", () => {
  expect(Object.keys(bundled).sort()).toEqual(Object.keys(sources).sort());
  const members = (made: Client) =>
    Object.values(made).flatMap((each) =>
      Object.getOwnPropertyNames((each as { prototype?: object }).prototype ?? {}),
    );
  const shown = new Set(members(bundled));
  for (const name of [
    "state",
    "value",
    "waitFor",
    "dispatch",
    "follow",
    "onJoin",
    "isMe",
    "missed",
  ])
    if (members(sources).includes(name)) expect(shown).toContain(name);
});

/** All that a client of each kind says, and what it shows, in a room that forgets once. */
async function played({ Room }: Client): Promise<unknown> {
  const random = vi.spyOn(Math, "random").mockReturnValue(0.5);
  const filled = vi.spyOn(crypto, "getRandomValues").mockImplementation((array) => array);
  const asked = giveTickets();
  vi.useFakeTimers();
  const options = { WebSocket: FakeSocket, token: "t", bigint: true };
  const room = new Room("http://server/room/r", options as never);
  const shown: unknown[] = [];
  const show = (value: unknown) => shown.push(value);
  const state = room.state<number>("state", 1);
  const dict = room.dict<unknown>("dict", { a: 1 });
  const sum = room.reducer<number, number>("sum", (a, b) => a + b, 5);
  const stream = room.stream<unknown>("stream", { maxLength: 9, stamps: true });
  const channel = room.pubsub<unknown>("channel");
  const here = room.presence<unknown>("here", { name: "Ann" });
  for (const each of [state, dict, sum, stream, channel, here]) {
    each.subscribe(show as never);
    if ("ready" in each) void each.ready.then(() => show("ready"));
  }
  here.onJoin((person) => show(person));
  room.onStatus((status) => show([status, room.waiting, state.readOnly]));
  await vi.advanceTimersByTimeAsync(0);
  for (const epoch of ["E", "F"]) {
    const socket = FakeSocket.last;
    socket.accept();
    let heard = 0;
    let seq = 10;
    const answer = (message: Record<string, never>) => {
      const { type, key, id, value, values, action, prefix, nonce } = message;
      if (type === "get" && "presence" in message)
        socket.hear({ type: "presence_state", key, client: "me", clients: { x: { value: 1 } } });
      else if (type === "get")
        socket.hear({ type: "init", key, data: [], epoch, recovered: false, seq: 0 });
      else if (type === "keys")
        socket.hear({ type: "keys", prefix, keys: { k: { size: 1, bytes: 2, seq: 3 } } });
      else if (type === "ping") socket.hear({ type: "pong", nonce: nonce ?? null });
      if (type !== "push") return;
      for (const each of values ?? [value])
        socket.hear({ type: "push", key, value: each, seq: ++seq, time: 5, client: "me" });
      socket.hear({ type: "ack", id, seq });
      socket.hear({ type: "stream_size", key, size: 200, action });
    };
    const settle = async () => {
      for (let n = 0; n < 20; n += 1) {
        for (; heard < socket.sent.length; heard += 1)
          answer(JSON.parse(socket.sent[heard] as string));
        await vi.advanceTimersByTimeAsync(50);
      }
    };
    await settle();
    state.value = 2;
    void state.update((n) => n + 1);
    void dict.set({ b: 10n ** 20n, c: new Date(0), $d: new Uint8Array([1]) });
    void dict.remove("a");
    for (let n = 0; n < 110; n += 1) void sum.dispatch(n);
    void stream.append({ text: "one" });
    void stream.extend([1, 2, Number.NaN]);
    void channel.publish("hello");
    here.value = { name: "Bob" };
    void room.keys("k").then(show);
    void room.latency().then(() => show("pong"));
    await settle();
    socket.hear({ type: "presence", key: "here", client: "y", value: 3, user: { name: "Yan" } });
    void stream.compact((all) => all.length);
    void room.delete("channel");
    await settle();
    show([state.value, dict.value, sum.value, stream.messages, channel.last, here.people]);
    shown.push(socket.url, ...socket.sent.map((each) => JSON.parse(each)));
    if (epoch === "E") {
      socket.lose();
      await vi.advanceTimersByTimeAsync(20_000);
    }
  }
  FakeSocket.last.hear({ type: "error", code: "forbidden", message: "no" });
  FakeSocket.last.lose(4404);
  await vi.advanceTimersByTimeAsync(10);
  FakeSocket.last.lose(1006);
  shown.push(asked.mock.calls, room.status, room.name, room.url);
  room.close();
  await vi.advanceTimersByTimeAsync(10);
  vi.useRealTimers();
  for (const spy of [random, filled]) spy.mockRestore();
  vi.unstubAllGlobals();
  return JSON.parse(
    JSON.stringify(shown, (_, each) => (typeof each === "bigint" ? `${each}n` : each)),
  );
}

test("it says and shows just what the package does", async () => {
  const [own, theirs] = [await played(sources), await played(bundled)];
  expect((own as unknown[]).length).toBeGreaterThan(300);
  expect(theirs).toEqual(own);
});

test.each([
  ["the package", () => sources],
  ["driftdb.js", () => bundled],
])(
  "with %s CBOR of another file carries long integers with all their digits",
  async (_, client) => {
    const options = { WebSocket: FakeSocket, codec: cbor.CBOR, bigint: true };
    const room = new (client().Room)("http://server/room/r", options as never);
    const state = room.state<unknown>("k");
    const { last: socket } = FakeSocket;
    socket.accept();
    const long = 12_345_678_901_234_567_890n;
    const { LongInteger } = await import("../../src/protocol/integers");
    const value = { v: new LongInteger(String(long)), i: "" };
    const init = { type: "init", data: [{ value, seq: 1 }], epoch: "E", recovered: false };
    const hear = (message: object) =>
      socket.onmessage?.({
        data: (cbor.CBOR.encode(message as never) as Uint8Array).slice().buffer,
      });
    hear({ ...init, key: "$meta/k", data: [] });
    hear({ ...init, key: "k" });
    expect(state.value).toBe(long);
    state.value = long + 1n;
    const [sent] = socket.sent.slice(-1) as unknown as [Uint8Array<ArrayBuffer>];
    expect(cbor.CBOR.decode(sent)).toMatchObject({ value: { v: { digits: String(long + 1n) } } });
    room.close();
  },
);
