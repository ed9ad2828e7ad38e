import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CBOR, encode } from "../../src/protocol/cbor";
import { type ClientMessage, parse, type ServerMessage } from "../../src/protocol/messages";
import { load } from "../vectors";

interface Conversation {
  readonly rule: string;
  readonly steps: readonly { readonly send: ClientMessage; readonly hear: ServerMessage[] }[];
}

test.each([
  { type: "push", key: "k", value: null, seq: 1 },
  { type: "init", key: "", data: [{ value: [1], seq: 2 }] },
  { type: "init", key: "k", data: [], epoch: "E", recovered: true, more: true },
  { type: "delete", key: "k", seq: 3 },
  { type: "stream_size", key: "k", size: 2 },
  { type: "ack", id: 1, seq: null },
  { type: "pong", nonce: null },
  { type: "error", code: "conflict", message: "…", id: 3 },
])("a server's $type is read as it is", (message) => {
  expect(parse(JSON.stringify(message))).toEqual(message);
});

test.each([
  "",
  "{",
  "null",
  "[]",
  "7",
  '{"type":"push","key":"k","seq":1}',
  '{"type":"push","key":1,"value":1,"seq":1}',
  '{"type":"push","key":"k","value":1,"seq":"1"}',
  '{"type":"init","key":"k","data":{}}',
  '{"type":"init","key":"k","data":[null]}',
  '{"type":"init","key":"k","data":[],"epoch":1}',
  '{"type":"init","key":"k","data":[],"more":1}',
  '{"type":"delete","key":"k"}',
  '{"type":"ack","id":"1","seq":1}',
  '{"type":"error","message":"…"}',
  '{"type":"news"}',
])("%s is no message", (text) => {
  expect(parse(text)).toBeNull();
});

// The words of an error are none of the data.
const withWords = (message: object) =>
  "code" in message ? { ...message, message: "for people" } : message;
const heard = load<Conversation[]>("conversations").flatMap(({ rule, steps }) =>
  steps.flatMap(({ hear }) => hear.map((message) => [rule, withWords(message)])),
);

test.each(heard)("%s: what is heard then is read, in either encoding", (_, message) => {
  expect(parse(JSON.stringify(message))).toEqual(message);
  expect(parse(encode(message), CBOR)).toEqual(message);
});

test("whatever comes, reading it throws nothing", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      parse(text);
    }),
  );
});

test("whatever a server says in the shared conversations is read", () => {
  const vectors = "../../../tests/conformance/vectors/conversations.json";
  const rules = JSON.parse(readFileSync(new URL(vectors, import.meta.url), "utf8")) as {
    steps: { hear: { type: string }[] }[];
  }[];
  const heard = rules.flatMap(({ steps }) => steps.flatMap(({ hear }) => hear));
  expect(heard.length).toBeGreaterThan(50);
  for (const vector of heard) {
    const message = vector.type === "error" ? { message: "…", ...vector } : vector;
    expect(parse(JSON.stringify(message))).toEqual(message);
  }
});
