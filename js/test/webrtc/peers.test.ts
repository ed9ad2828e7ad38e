import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Room } from "../../src/room/room";
import { Peers, type PeersOptions } from "../../src/webrtc/index";
import { FakeSocket } from "../socket";
import { FakePeerConnection } from "./connection";

beforeEach(() => {
  FakeSocket.opened = [];
  FakePeerConnection.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
});

afterEach(() => vi.unstubAllGlobals());

/** The page of "m", in a room where those are, too. */
function among(others: readonly string[], options?: PeersOptions, before?: (room: Room) => void) {
  const room = new Room("http://server/room/r");
  before?.(room);
  const peers = new Peers(room, options);
  FakeSocket.last.accept();
  const hear = (message: object) => FakeSocket.last.hear({ key: "webrtc", ...message });
  hear({ type: "init", data: [], epoch: "E", recovered: false, seq: 0 });
  const people = Object.fromEntries(["m", ...others].map((id) => [id, { value: true }]));
  hear({ type: "presence_state", client: "m", clients: people });
  let seq = 0;
  const settled = () => new Promise((resolve) => setTimeout(resolve));
  return {
    peers,
    /** Somebody publishes a value; the server says who. */
    say(client: string | undefined, value: unknown) {
      seq += 1;
      hear({ type: "push", value, seq, ...(client === undefined ? {} : { client }) });
      return settled();
    },
    come: (client: string) => hear({ type: "presence", client, value: true }),
    leave: (client: string) => hear({ type: "presence", client, value: null }),
    /** What the page published, without its own mark. */
    said: () =>
      FakeSocket.last.sent
        .map((text) => JSON.parse(text))
        .filter(({ type, key }) => type === "push" && key === "webrtc")
        .map(({ value: { run: _, ...envelope } }) => envelope),
    asked: () => FakeSocket.last.sent.map((text) => JSON.parse(text)),
    end() {
      peers.close();
      room.close();
    },
  };
}

const offer = (sdp: string) => ({ description: { type: "offer", sdp } });
const to = (id: string, run: string, signal: object, meant: string | null = null) => ({
  ...{ to: id, run, for: meant, signal },
});

test("who is there is connected: of two the one that doesn't give way makes the first offer", async () => {
  const page = among(["a", "z"]);
  expect(page.peers.connections.map(({ id }) => id)).toEqual(["a", "z"]);
  for (const connection of FakePeerConnection.made) connection.onnegotiationneeded?.();
  await vi.waitFor(() => expect(page.said()).toHaveLength(2), 50_000);
  expect(page.said()).toContainEqual({ to: "z", for: null, signal: { hello: true } });
  const mine = { description: { type: "offer", sdp: "mine" } };
  expect(page.said()).toContainEqual({ to: "a", for: null, signal: mine });
  page.end();
});

test("an offer is answered, and candidates that come before it wait for it", async () => {
  const page = among(["z"]);
  await page.say("z", to("m", "z-1", { candidate: { candidate: "early" } }));
  await page.say("z", to("m", "z-1", offer("theirs")));
  await page.say("z", to("m", "z-1", { candidate: { candidate: "late" } }));
  expect(FakePeerConnection.last.applied).toEqual([
    { type: "offer", sdp: "theirs" },
    { candidate: "early" },
    { candidate: "late" },
  ]);
  expect(page.said().at(-1)).toMatchObject({
    ...{ to: "z", for: "z-1", signal: { description: { type: "answer" } } },
  });
  page.end();
});

test("nobody takes another's place: who sent a signal is what the room says", async () => {
  const page = among(["bob", "mallory"]);
  await page.say("bob", to("m", "bob-1", offer("bob's")));
  const [bob] = page.peers.connections;
  await page.say("mallory", { ...to("m", "mallory-1", offer("mallory's")), from: "bob" });
  expect(page.peers.connections[0]).toBe(bob);
  const applied = FakePeerConnection.made.map((connection) => connection.applied);
  expect(applied).toEqual([
    [{ type: "offer", sdp: "bob's" }],
    [{ type: "offer", sdp: "mallory's" }], // as Mallory's own
  ]);
  await page.say(undefined, { ...to("m", "x-1", offer("nobody's")), from: "bob" });
  expect(FakePeerConnection.made).toHaveLength(2);
  page.end();
});

test("the room is asked who sent a signal, also where somebody hears the key without that", () => {
  const page = among([], {}, (room) => room.pubsub("webrtc"));
  const gets = page.asked().filter(({ type, seq }) => type === "get" && seq !== null);
  expect(gets.filter(({ key }) => key === "webrtc").map(({ stamps }) => stamps)).toContain(true);
  page.end();
});

test.each([null, 7, "text", [], {}, { to: "m" }, { to: "m", run: "r", signal: null }])(
  "%j is no signal",
  async (value) => {
    const page = among(["z"]);
    await page.say("z", value);
    expect(FakePeerConnection.last.applied).toEqual([]);
    page.end();
  },
);

test("a signal for somebody else, or for a connection that was closed, is passed over", async () => {
  const page = among(["z"]);
  await page.say("z", to("other", "z-1", offer("theirs")));
  await page.say("z", to("m", "z-1", offer("theirs"), "a run of the past"));
  expect(FakePeerConnection.last.applied).toEqual([]);
  page.end();
});

test("who began anew gets a new connection", async () => {
  const page = among(["z"]);
  await page.say("z", to("m", "z-1", offer("first")));
  await page.say("z", to("m", "z-2", offer("second")));
  const [first, second] = FakePeerConnection.made;
  expect(first?.signalingState).toBe("closed");
  expect(second?.applied).toEqual([{ type: "offer", sdp: "second" }]);
  expect(page.peers.connections).toHaveLength(1);
  page.end();
});

test("of two offers that cross, the one who gives way takes the other's", async () => {
  for (const [other, taken] of [
    ["z", 1], // "m" gives way
    ["a", 0],
  ] as const) {
    const page = among([other]);
    const connection = FakePeerConnection.last;
    connection.signalingState = "have-local-offer";
    await page.say(other, to("m", "run", offer("theirs")));
    expect(connection.applied).toHaveLength(taken);
    page.end();
  }
});

test("who leaves is connected no more, and who comes is", () => {
  const page = among(["a"]);
  const changes: string[][] = [];
  page.peers.onChange((connections) => changes.push(connections.map(({ id }) => id)));
  page.come("b");
  page.leave("a");
  expect(changes).toEqual([["a", "b"], ["b"]]);
  expect(FakePeerConnection.made.map(({ signalingState }) => signalingState)).toEqual([
    ...["closed", "stable"],
  ]);
  page.end();
  expect(FakePeerConnection.last.signalingState).toBe("closed");
});

test("a connection that failed is tried again", () => {
  const page = among(["a"]);
  const connection = FakePeerConnection.last;
  connection.connectionState = "failed";
  connection.onconnectionstatechange?.();
  expect(connection.restarts).toBe(1);
  page.end();
});

test("values go to those whose channel is open, and come with who sent them", () => {
  const page = among(["a", "b"]);
  const heard: unknown[] = [];
  page.peers.onMessage((value, from) => heard.push([from, value]));
  const [a, b] = FakePeerConnection.made as [FakePeerConnection, FakePeerConnection];
  expect(page.peers.send("nobody hears it")).toBe(0);
  a.channel.open();
  expect(page.peers.send(Number.NaN)).toBe(1);
  b.channel.open();
  expect([page.peers.send(1), page.peers.send(2, "b")]).toEqual([2, 1]);
  expect([a.channel.sent, b.channel.sent]).toEqual([
    ['{"$float":"nan"}', "1"],
    ["1", "2"],
  ]);
  b.channel.onmessage?.({ data: '{"$float":"inf"}' });
  expect(heard).toEqual([["b", Number.POSITIVE_INFINITY]]);
  page.end();
});

test("a value that is too large for a channel is refused", () => {
  const page = among(["a"]);
  FakePeerConnection.last.channel.open();
  expect(() => page.peers.send("é".repeat(50))).toThrow(
    "expected a value of at most 100 bytes, got one of 102",
  );
  page.end();
});

test("what another sends that is no value is reported, and nobody's", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const page = among(["a"]);
  const heard = vi.fn();
  page.peers.onMessage(heard);
  FakePeerConnection.last.channel.onmessage?.({ data: "{" });
  FakePeerConnection.last.channel.onmessage?.({ data: new ArrayBuffer(3) });
  expect([warn.mock.calls.length, heard.mock.calls.length]).toEqual([1, 0]);
  warn.mockRestore();
  page.end();
});

test("media goes to each, and what comes is there", () => {
  const track = {};
  const media = { getTracks: () => [track] } as unknown as MediaStream;
  const page = among(["a"], { media, configuration: { iceServers: [] } });
  const connection = FakePeerConnection.last;
  expect([connection.tracks, connection.configuration]).toEqual([[track], { iceServers: [] }]);
  const stream = {};
  connection.ontrack?.({ streams: [stream] });
  connection.ontrack?.({ streams: [stream] });
  expect(page.peers.connections[0]?.streams).toEqual([stream]);
  page.end();
});
