import { expect, test, vi } from "vitest";
import { newRoom, room } from "../../src/room/index";
import { FakeSocket } from "../socket";

const open = (options: object = {}) =>
  room("http://server/room/r", { WebSocket: FakeSocket, ...options } as never);

test.each<[object, string]>([
  [{ maxLength: -3 }, "maxLength: expected a whole number, 1 or more, got -3"],
  [{ maxLength: 0 }, "maxLength: expected a whole number, 1 or more, got 0"],
  [{ maxLength: 2.5 }, "maxLength: expected a whole number, 1 or more, got 2.5"],
  [{ maxLength: Number.NaN }, "maxLength: expected a whole number, 1 or more, got NaN"],
  [{ maxLength: "5" }, "maxLength: expected a whole number, 1 or more, got 5"],
  [{ maxlenght: 5 }, "expected one of stamps, describe, maxLength, got maxlenght"],
  [{ stamps: 1 }, "stamps: expected a boolean, got 1"],
  [{ describe: "no" }, "describe: expected a boolean, got no"],
])("a stream with %o is refused in words", (options, words) => {
  const here = open();
  expect(() => here.stream("k", options)).toThrow(new TypeError(words));
  here.close();
});

test.each<[object | null, string]>([
  [{ maxLength: 5 }, "expected one of stamps, describe, got maxLength"],
  [{ toString: 5 }, "expected one of stamps, describe, got toString"],
  [null, "expected an object of options, got null"],
  ["now" as never, "expected an object of options, got now"],
])("a channel with %o is refused in words", (options, words) => {
  const here = open();
  expect(() => here.pubsub("k", options as object)).toThrow(words);
  here.close();
});

const WRONG: [object, string][] = [
  [
    { tokn: "x" },
    "expected one of WebSocket, token, codec, bigint, presenceMilliseconds, got tokn",
  ],
  [{ token: 5 }, "token: expected a string or function, got 5"],
  [{ bigint: "yes" }, "bigint: expected a boolean, got yes"],
  [{ codec: "CBOR" }, "codec: expected an object, got CBOR"],
  [{ presenceMilliseconds: -1 }, "presenceMilliseconds: expected a number, 0 or more, got -1"],
];

test.each(WRONG)(
  "a room with %o is refused in words, before anything is opened",
  (options, words) => {
    FakeSocket.opened = [];
    expect(() => open(options)).toThrow(new TypeError(words));
    expect(FakeSocket.opened).toEqual([]);
  },
);

test.each(WRONG)("with %o no room is made", async (options, words) => {
  const asked = vi.spyOn(globalThis, "fetch");
  await expect(newRoom("http://server/", options)).rejects.toThrow(new TypeError(words));
  expect(asked).not.toHaveBeenCalled();
  asked.mockRestore();
});

test("options that fit, or are left undefined, are taken", () => {
  const here = open({ token: undefined, presenceMilliseconds: 16.7, bigint: false });
  here.stream("k", { maxLength: 1, stamps: true, describe: false });
  here.pubsub("c", {});
  here.close();
});

test("what is no function can't be called with values, and what is no key has none", async () => {
  const here = open();
  const state = here.state("k", 1);
  expect(() => state.subscribe(5 as never)).toThrow("expected a function, got 5");
  expect(() => here.presence().onJoin({} as never)).toThrow("expected a function");
  await expect(state.waitFor(true as never)).rejects.toThrow("expected a function, got true");
  expect(() => here.state("")).toThrow("expected a key");
  expect(() => here.dict("d").remove(5 as never)).toThrow("expected a name, got 5");
  here.close();
});
