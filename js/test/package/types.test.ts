import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { closureOf, writeTypes } from "../../public_types.mjs";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "driftdb-types-"));
  await writeTypes(folder);
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

const CLASS =
  /export declare (?:abstract )?class (\w+)(?:<[^{]*?>)?(?: extends ([\w.]+))?[^{]*\{\n([\s\S]*?)\n\}/g;
const MEMBER =
  /^ {4}(?:readonly |get |set |static |abstract |protected |private )*([\w#$]+|\[[\w.]+\])/gm;

/** By name: what each class in the declarations of an entry point shows, inherited members too. */
async function classesOf(entry: string): Promise<Map<string, string[]>> {
  const found = new Map<string, { parent: string | undefined; members: string[] }>();
  for (const text of (await closureOf(join(folder, entry, "index.d.ts"))).values())
    for (const [, name = "", parent, body = ""] of text.matchAll(CLASS)) {
      const code = body.replace(/\/\*\*[\s\S]*?\*\//g, "");
      const members = [...code.matchAll(MEMBER)].map(([, member = ""]) => member);
      found.set(name, { parent, members: members.filter((member) => member !== "#private") });
    }
  const all = (name: string): string[] => {
    const { parent, members } = found.get(name) ?? { parent: undefined, members: [] };
    return [...(parent === undefined ? [] : all(parent)), ...members];
  };
  return new Map([...found.keys()].map((name) => [name, [...new Set(all(name))].sort()]));
}

const VALUE = ["close", "constructor", "key", "readOnly", "ready", "subscribe", "value", "waitFor"];
const MEMBERS: Record<string, string> = {
  SharedObject: "close constructor key readOnly",
  SharedState: `${VALUE.join(" ")} error pending set update`,
  Folded: VALUE.join(" "),
  SharedDict: `${VALUE.join(" ")} get remove set`,
  SharedReducer: `${VALUE.join(" ")} dispatch`,
  Stream:
    "[Symbol.asyncIterator] append close compact constructor extend follow key length messages " +
    "onRestart readOnly ready subscribe values",
  PubSub: "[Symbol.asyncIterator] close constructor key last messages publish readOnly subscribe",
  Presence: "close constructor key onChange onJoin onLeave others people readOnly subscribe value",
  Feed: "[Symbol.asyncIterator] missed next return",
  Room:
    "close constructor delete dict flush keys latency name onStatus presence pubsub " +
    "reducer retry state status stream url waiting",
  NoRoom: "constructor name status",
  Refused: "code constructor name",
  WrongKind: "code constructor name",
  Uncertain: "code constructor name",
  QueueFull: "name",
  DbConnection:
    "cbor closed connect dbUrl disconnect messageListener onError room send status " +
    "statusListener subscribe testLatency unsubscribe",
  EventListener: "addListener dispatch listeners removeListener",
  HttpConnection: "constructor send",
  Api: "apiUrl constructor getRoom newRoom",
  StateListener:
    "callback constructor db debounceMillis destroy key setStateOptimistic state subscribe",
  Reducer: "constructor destroy dispatch subscribe",
  PresenceListener: "constructor destroy subscribe updateState",
  Written: "close constructor message ready subscribe",
  Peer: "buffered close connection id open send streams",
  Peers: "close connections constructor onChange onMessage ownId send",
};

test("each class that users see has just these members", async () => {
  const shown = new Map<string, string[]>();
  for (const entry of ["room", "cbor", "driftdb", "react", "webrtc", "server", "written"])
    for (const [name, members] of await classesOf(entry)) shown.set(name, members);
  expect(
    Object.fromEntries([...shown].map(([name, members]) => [name, members.join(" ")])),
  ).toEqual(
    Object.fromEntries(
      Object.entries(MEMBERS).map(([name, members]) => [name, members.split(" ").sort().join(" ")]),
    ),
  );
});

test("no public type leads to the session or to what is under it", async () => {
  for (const entry of ["room", "driftdb", "react", "webrtc", "written"]) {
    const files = [...(await closureOf(join(folder, entry, "index.d.ts"))).keys()];
    const inside = files.filter((path) =>
      /client\/(session|replica|log|queue|connection|listeners)\.d\.ts$|action_log|lifecycle|fold\b|items/.test(
        path,
      ),
    );
    expect(inside).toEqual([]);
  }
});

/** Members of classes and interfaces, classes, functions and types without a docstring. */
function undocumented(text: string): string[] {
  const found: string[] = [];
  let owner = "";
  let documented = false;
  let last = "";
  for (const line of text.split("\n")) {
    const [, exported] =
      /^export (?:declare )?(?:abstract )?(?:class|interface|function|type|const) (\w+)/.exec(
        line,
      ) ?? [];
    const [, member] =
      /^ {4}(?:readonly |get |set |protected )*([\w$]+|\[[\w.]+\])\??[(:<]/.exec(line) ?? [];
    if (exported !== undefined) owner = exported;
    const name = exported ?? (member === undefined ? "" : `${owner}.${member}`);
    if (name !== "" && !documented && name !== last) found.push(name);
    if (name !== "") last = name;
    documented = line.trimEnd().endsWith("*/");
  }
  return found;
}

test("everything that users see has a docstring", async () => {
  const missing: string[] = [];
  // What travels is described by protocol.md, and what npm's classes get by their types.
  for (const entry of ["room", "cbor", "driftdb", "react", "webrtc", "server", "written"])
    for (const [path, text] of await closureOf(join(folder, entry, "index.d.ts")))
      if (!/protocol\/(messages|integers)\.d\.ts$|driftdb\/(types|copied)\.d\.ts$/.test(path))
        missing.push(...undocumented(text));
  // `name` is JavaScript's; nobody but us makes errors; `kind` names a union's member.
  const usual = /\.(name|constructor)$|^Signal\.|^(Phase|Value|askForRoom|RoomQRCode)\./;
  expect(missing.filter((name) => !usual.test(name))).toEqual([]);
});
