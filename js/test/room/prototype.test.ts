import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CBOR } from "../../src/cbor/index";
import { JSON_CODEC } from "../../src/protocol/codec";
import { type Room, room } from "../../src/room/index";
import { FakeSocket } from "../socket";

/** Names by which what is written carelessly reaches all objects. */
const NAMES = ["__proto__", "constructor", "prototype"];
/** An object with such names, each of them an own one: only `JSON.parse` makes that. */
const object = (): Record<string, unknown> =>
  JSON.parse(`{
    "__proto__": {"polluted": 1, "__proto__": {"polluted": 2}},
    "constructor": {"prototype": {"polluted": 3}},
    "prototype": {"polluted": 4},
    "usual": [{"__proto__": {"polluted": 5}}]
  }`);
const text = JSON.stringify(object());

const untouched = Object.getOwnPropertyNames(Object.prototype);
let here: Room;
let codec: typeof JSON_CODEC;

beforeEach(() => {
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});

afterEach(() => {
  here.close();
  vi.unstubAllGlobals();
  expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(untouched);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
});

/** Hear a message, as the server encodes it. */
function hear(message: object): void {
  const frame = codec.encode(message as never);
  const data = typeof frame === "string" ? frame : (frame as Uint8Array).slice().buffer;
  FakeSocket.last.onmessage?.({ data });
}

/** The messages that were sent. */
const sent = () =>
  FakeSocket.last.sent.map((frame) => codec.decode(frame as never) as Record<string, unknown>);

/** Answer each `get` with what the room holds under the keys, and take each push. */
function answer(held: Record<string, unknown[]> | Map<string, unknown[]> = new Map()): void {
  for (const { type, key, id, presence } of sent().splice(0)) {
    if (type === "get" && presence === undefined) {
      const data = ((held as Map<string, unknown[]>).get(key as string) ?? []).map(
        (value, index) => ({ value, seq: index + 1 }),
      );
      hear({ type: "init", key, data, epoch: "E", recovered: false, seq: data.length });
    } else if (type === "push") hear({ type: "ack", id, seq: 9 });
  }
}

test.each([
  ["JSON", JSON_CODEC],
  ["CBOR", CBOR as unknown as typeof JSON_CODEC],
])("names of a prototype are names as any other, in %s", async (_, given) => {
  codec = given;
  here = room("http://server/room/r", { codec });
  const people = here.presence<unknown>("here", object());
  for (const key of NAMES) {
    const state = here.state<Record<string, unknown>>(`${key}-state`);
    const dict = here.dict<unknown>(`${key}-dict`);
    const reducer = here.reducer<unknown, unknown>(`${key}-sum`, (_, action) => action, null);
    const stream = here.stream<unknown>(key);
    if (FakeSocket.last.sent.length === 0) FakeSocket.last.accept();
    const apply = (value: unknown) => ({ apply: value, i: "" });
    answer(
      new Map<string, unknown[]>([
        [`${key}-state`, [{ v: object(), i: "" }]],
        [`${key}-dict`, [apply({ set: object() }), apply({ remove: ["usual"] })]],
        [`${key}-sum`, [apply(object())]],
        [key, [object()]],
      ]),
    );
    expect(JSON.stringify([state.value, reducer.value, stream.values[0]])).toBe(
      `[${text},${text},${text}]`,
    );
    expect(Object.keys(dict.value)).toEqual(NAMES);
    expect(dict.get("__proto__")).toEqual({ polluted: 1, ["__proto__"]: { polluted: 2 } });
    FakeSocket.last.sent.length = 0;
    const written = [
      state.update((value) => ({ ...value, usual: object() })),
      state.set(object()),
      dict.set(object()),
      reducer.dispatch(object()),
      stream.append(object()),
      dict.remove("__proto__"),
    ];
    const texts = FakeSocket.last.sent.map((frame) => JSON.stringify(codec.decode(frame as never)));
    expect(texts.filter((each) => each.includes(text)).length).toBeGreaterThan(3);
    expect(dict.get("__proto__")).toBeUndefined();
    expect(Object.keys(state.value ?? {})).toContain("__proto__");
    for (const each of written) each.catch(() => {});
  }
  hear({
    ...{ type: "presence_state", key: "here", client: "me" },
    clients: JSON.parse(
      `{"__proto__": {"value": ${text}}, "constructor": {"value": 1, "user": ${text}}}`,
    ),
  });
  hear({ type: "presence", key: "here", client: "prototype", value: object(), user: object() });
  expect(people.people.length).toBeGreaterThan(2);
  const listing = here.keys();
  const [asked] = sent().filter(({ type }) => type === "keys");
  const keys = JSON.parse('{"__proto__": {"size": 1, "bytes": 2, "seq": 3}}');
  hear({ type: "keys", prefix: asked?.prefix, keys });
  expect(Object.keys(await listing)).toEqual(["__proto__"]);
  hear(JSON.parse(`{"type": "error", "code": "__proto__", "message": "x", "__proto__": ${text}}`));
});

test.each(NAMES)("an option %s is none", (name) => {
  codec = JSON_CODEC;
  here = room("http://server/room/r");
  const options = JSON.parse(`{"${name}": {"token": "polluted"}}`);
  const message = `expected one of WebSocket, token, codec, bigint, presenceMilliseconds, got ${name}`;
  expect(() => room("http://server/room/r", options)).toThrow(message);
  expect(() => here.stream("k", options)).toThrow(`got ${name}`);
});
