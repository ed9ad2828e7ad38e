// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DetouredConnection } from "../../src/client/detour";
import { join, leave } from "../../src/client/rooms";
import { Contents } from "../../src/pages/contents";
import { FakeSocket } from "../socket";

let connection: DetouredConnection;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  connection = join("http://localhost/room/r");
});

afterEach(() => {
  leave(connection);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function contents(alone: string | null): Contents {
  const made = new Contents(connection.session, alone, () => {});
  FakeSocket.last.accept();
  return made;
}

const told = () => FakeSocket.last.sent.map((text) => JSON.parse(text));
const prefixes = () => told().flatMap(({ type, prefix }) => (type === "keys" ? [prefix] : []));

/** Answer what was asked: the room has these keys. */
async function list(...keys: string[]): Promise<void> {
  for (const prefix of prefixes()) {
    const named = keys.filter((key) => key.startsWith(prefix));
    const found = named.map((key) => [key, { size: 1, bytes: 1, seq: 1 }]);
    FakeSocket.last.hear({ type: "keys", prefix, keys: Object.fromEntries(found) });
  }
  await vi.advanceTimersByTimeAsync(0);
}

const describe = (key: string, value: object) =>
  FakeSocket.last.hear({ type: "init", key, data: [{ value, seq: 1 }], epoch: "E" });
const shown = (made: Contents) => made.items.map(({ key }) => key);

test("a page of one key asks for that one, and for what it is meant to be", async () => {
  const one = contents("slider");
  expect(prefixes()).toEqual(["slider", "$meta/slider"]);
  await list("slider", "slider2", "$meta/slider", "$meta/slider2", "other");
  describe("$meta/slider", { kind: "state" });
  expect(shown(one)).toEqual(["slider"]);
  expect(
    told()
      .filter(({ type }) => type === "get")
      .map(({ key }) => key),
  ).toEqual(["$meta/slider"]);
});

test("the protocol's own keys are shown to who asks for one by its name", async () => {
  const own = contents("$meta/slider");
  await list("slider", "$meta/slider");
  expect(shown(own)).toEqual(["$meta/slider"]);
});

test("what is neither held nor described any more is no longer there", async () => {
  const all = contents(null);
  await list("a", "b", "$meta/b", "$meta/c");
  for (const key of ["b", "c"]) describe(`$meta/${key}`, { kind: "channel" });
  expect(shown(all)).toEqual(["b", "c", "a"]);
  await vi.advanceTimersByTimeAsync(2_000);
  await list("b", "$meta/b");
  expect(shown(all)).toEqual(["b"]);
  expect(["a", "b", "c"].map((key) => all.has(key))).toEqual([false, true, false]);
  expect(told().at(-1)).toEqual({ type: "unsubscribe", key: "$meta/c" });
});

test("keys stand in the order in which they were described, then by their names", async () => {
  const room = contents(null);
  const seqs = { "$meta/zebra": 3, "$meta/apple": 9, apple: 1, "key 10": 7, "key 9": 8, zebra: 20 };
  const found = Object.entries(seqs).map(([key, seq]) => [key, { size: 1, bytes: 1, seq }]);
  FakeSocket.last.hear({ type: "keys", prefix: "", keys: Object.fromEntries(found) });
  await vi.advanceTimersByTimeAsync(0);
  for (const key of ["$meta/zebra", "$meta/apple"]) {
    const data = [{ value: { v: { kind: "state" }, i: "" }, seq: 1 }];
    FakeSocket.last.hear({ type: "init", key, data, epoch: "E", recovered: false });
  }
  expect(room.items.map(({ key }) => key)).toEqual(["zebra", "apple", "key 9", "key 10"]);
});
