import { expect, test, vi } from "vitest";
import type { PresenceListener } from "../../src/client/presence";
import type { Json } from "../../src/protocol/messages";
import { PlayedServer } from "../server";

/** Notes what is told. */
class Visitors implements PresenceListener {
  readonly told: [string, string, Json][] = [];

  joined(client: string, { value }: { value: Json }): void {
    this.told.push(["joined", client, value]);
  }

  changed(client: string, { value }: { value: Json }): void {
    this.told.push(["changed", client, value]);
  }

  left(client: string, { value }: { value: Json }): void {
    this.told.push(["left", client, value]);
  }
}

function here() {
  const server = new PlayedServer();
  const visitors = new Visitors();
  const presence = server.session.presence("k", visitors);
  const state = (clients: Record<string, Json>) => {
    const people = Object.entries(clients).map(([client, value]) => [client, { value }] as const);
    server.tell({
      type: "presence_state",
      key: "k",
      client: "me",
      clients: Object.fromEntries(people),
    });
  };
  return { server, visitors, presence, state };
}

test("it asks who is there, and tells of each", () => {
  const { server, visitors, presence, state } = here();
  expect(server.sent).toEqual([{ type: "get", key: "k", seq: null, presence: true }]);
  state({ ann: 1 });
  server.tell({ type: "presence", key: "k", client: "bob", value: 2, user: { name: "Bob" } });
  server.tell({ type: "presence", key: "k", client: "ann", value: 3 });
  server.tell({ type: "presence", key: "k", client: "bob", value: null });
  expect(presence.ownId).toBe("me");
  expect([...presence.people]).toEqual([["ann", { value: 3 }]]);
  expect(visitors.told).toEqual([
    ["joined", "ann", 1],
    ["joined", "bob", 2],
    ["changed", "ann", 3],
    ["left", "bob", 2],
  ]);
});

test("a new connection asks and says the own value again; who stayed is told of once", () => {
  const { server, visitors, presence, state } = here();
  presence.set("mine", visitors);
  state({ me: "mine", ann: 1 });
  server.reconnect();
  expect(server.sent.map(({ type }) => type)).toEqual(["get", "presence"]);
  state({ ann: 1, cy: 2, me: "mine" });
  expect(visitors.told).toEqual([
    ["joined", "me", "mine"],
    ["joined", "ann", 1],
    ["joined", "cy", 2],
  ]);
});

test("what was refused for now is said again", () => {
  const { server, visitors, presence, state } = here();
  state({});
  presence.set(1, visitors);
  server.tell({ type: "error", code: "rate", message: "slow down" });
  server.session.resume();
  const said = server.sent.filter(({ type }) => type === "presence");
  expect(said).toEqual([
    { type: "presence", key: "k", value: 1 },
    { type: "presence", key: "k", value: 1 },
  ]);
});

const withdrawn = { type: "presence", key: "k", value: null };
const asked = { type: "get", key: "k", seq: null, presence: true };

test("who leaves is there no more, and a state of the same key stays", () => {
  const { server, visitors, presence, state } = here();
  const listener = { changed: () => {} };
  const replica = server.session.state("k", listener);
  server.init([]);
  presence.set("mine", visitors);
  presence.listeners.delete(visitors);
  server.session.leave("k");
  expect(server.sent.slice(-2)).toEqual([withdrawn, asked]);
  state({ ann: 1 });
  replica.listeners.delete(listener);
  server.session.leave("k");
  expect(server.sent.at(-1)).toEqual({ type: "unsubscribe", key: "k" });
});

test("of several values of one client the newest counts, and the one before it when that goes", () => {
  const server = new PlayedServer();
  const [one, two, watcher] = [{}, {}, {}];
  const presence = server.session.presence("k", one);
  server.session.presence("k", two);
  server.session.presence("k", watcher);
  server.sent = [];
  const said = () => server.sent.map((message) => "value" in message && message.value);
  presence.set("A", one);
  presence.set("B", two);
  presence.listeners.delete(two);
  server.session.leave("k");
  expect(said()).toEqual(["A", "B", "A"]);
  presence.listeners.delete(one);
  server.session.leave("k");
  expect(said()).toEqual(["A", "B", "A", null]);
  server.reconnect();
  expect(server.sent).toEqual([asked, withdrawn]);
});

test("who takes a value back leaves an earlier one of another", () => {
  const server = new PlayedServer();
  const [one, two] = [{}, {}];
  const presence = server.session.presence("k", one);
  server.session.presence("k", two);
  presence.set("A", one);
  presence.set("B", two);
  presence.set("A2", one);
  presence.set(null, two);
  expect(server.sent.map((each) => "value" in each && each.value)).toEqual(
    [false, "A", "B", "A2"], // the question, and three values
  );
});

test("one message is told of once, however many it tells of", () => {
  const { presence, state } = here();
  const updated = vi.fn();
  presence.listeners.add({ updated });
  state({ ann: 1, bob: 2, cy: 3 });
  expect(updated).toHaveBeenCalledTimes(1);
});

test("what one listener throws keeps no other from hearing", () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const server = new PlayedServer();
  const broken = () => {
    throw new Error("a view's own");
  };
  const presence = server.session.presence("k", { joined: broken, updated: broken });
  const joined = vi.fn();
  presence.listeners.add({ joined });
  server.tell({ type: "presence_state", key: "k", client: "me", clients: { ann: { value: 1 } } });
  expect([joined.mock.calls.length, error.mock.calls.length]).toEqual([1, 2]);
  error.mockRestore();
});

test("a presence that was left before the room's answer is asked for no more", () => {
  const { server, visitors, presence, state } = here();
  presence.listeners.delete(visitors);
  server.session.leave("k");
  state({ ann: 1 });
  expect(server.sent).toEqual([asked, { type: "unsubscribe", key: "k" }]);
});

test("who only looked leaves without a word", () => {
  const { server, visitors, presence } = here();
  server.init([]);
  presence.listeners.delete(visitors);
  server.session.leave("k");
  expect(server.sent.filter(({ type }) => type === "presence")).toEqual([]);
});

test("the room hears that somebody left also after a lost connection", () => {
  const { server, visitors, presence, state } = here();
  presence.set("mine", visitors);
  state({ me: "mine" });
  presence.listeners.delete(visitors);
  server.session.leave("k");
  server.reconnect();
  expect(server.sent.slice(-2)).toEqual([withdrawn, asked]);
  state({});
  const before = server.sent.length;
  server.reconnect();
  expect(server.sent.slice(before)).toEqual([]);
});

test("a withdrawal that a lost connection took along is said again", () => {
  const { server, visitors, presence } = here();
  presence.set("mine", visitors);
  presence.set(null, visitors);
  server.reconnect();
  expect(server.sent.slice(-2)).toEqual([asked, withdrawn]);
});
