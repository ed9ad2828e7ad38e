import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Refused, WrongKind } from "../../src/client/errors";
import { unwrap } from "../../src/client/form";
import type { LogReplica } from "../../src/client/log";
import { Session } from "../../src/client/session";
import type { StateReplica } from "../../src/client/state";
import { listen } from "../../src/driftdb/ear";
import type { Entry, Json } from "../../src/protocol/messages";
import { SimulatedRoom } from "../room";
import { PlayedServer } from "../server";

test("a key is of one kind for all of a page who say of which, and of any for others", () => {
  const { session } = new PlayedServer();
  const listener = { changed: () => {} };
  const state = session.state("k", listener, undefined, "state");
  const log = () => session.log("k", { pushed: () => {} }, true, false, undefined, "stream");
  expect(log).toThrow(new WrongKind("k", "stream", "state"));
  expect(log).toThrow('expected the key "k" for a stream, got one that is in use as a state');
  session.log("k", { pushed: () => {} }, true);
  state.listeners.delete(listener);
  session.leave("k");
  expect(log).not.toThrow();
});

test("a key is deleted, whether it is in use here or not", async () => {
  const server = new PlayedServer();
  const deleted = server.session.delete("k");
  expect(server.sent).toEqual([{ type: "push", key: "k", action: { type: "delete" }, id: 1 }]);
  server.ack(1);
  await deleted;
  const refused = server.session.delete("k");
  server.tell({ type: "error", code: "forbidden", message: "no", id: 2 });
  await expect(refused).rejects.toMatchObject({ name: "Refused", code: "forbidden" });
});

test("keys are listed, and asked for again on a new connection", async () => {
  const server = new PlayedServer();
  const listed = [server.session.keys("k"), server.session.keys("k")];
  expect(server.sent).toEqual([{ type: "keys", prefix: "k" }]);
  server.reconnect();
  expect(server.sent).toEqual([{ type: "keys", prefix: "k" }]);
  const keys = { kind: { size: 1, bytes: 2, seq: 3 } };
  server.tell({ type: "keys", prefix: "k", keys });
  expect(await Promise.all(listed)).toEqual([keys, keys]);
});

test("a key that nobody listens to is left, once nothing of it is under way", () => {
  const server = new PlayedServer();
  const listener = { pushed: () => {} };
  const log = server.session.log("k", listener, true);
  server.init([]);
  log.push(1, true);
  log.listeners.delete(listener);
  server.session.leave("k");
  expect(server.sent.at(-1)?.type).toBe("push");
  server.ack(1);
  expect(server.sent.at(-1)).toEqual({ type: "unsubscribe", key: "k" });
});

test("two who listen to one key miss nothing, also where a question is answered twice", () => {
  const server = new PlayedServer();
  const heard: Json[][] = [[], []];
  for (const values of heard)
    listen(server.session, "k", {
      startedOver: (held) => void values.splice(0, values.length, ...held.map((e) => e.value)),
      pushed: ({ value }) => values.push(value),
    });
  const held: Entry[] = [];
  let answered = 0;
  const answer = () => {
    const get = server.sent.filter((each) => each.type === "get")[answered++];
    const recovered = get?.epoch === "E";
    const above = held.filter(({ seq }) => !recovered || seq > (get.seq ?? 0));
    server.init(above, { epoch: "E", recovered });
  };
  const reconnect = () => {
    answered = 0;
    held.push({ value: held.length + 1, seq: held.length + 1 });
    server.reconnect();
  };
  answer();
  answer();
  reconnect();
  answer();
  reconnect(); // only one of them heard of the first value
  server.tell({ type: "error", code: "rate", message: "slowly" });
  server.session.resume();
  for (let n = 0; n < 4; n += 1) answer();
  expect(heard).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

test("two who hear one key get each what they asked for: what it holds, and who wrote it", () => {
  const server = new PlayedServer();
  const heard: Entry[] = [];
  server.session.log("k", { pushed: () => {} }, false);
  const kept = server.session.log("k", { pushed: () => {} }, true);
  const stamped = server.session.log("k", { pushed: (entry) => heard.push(entry) }, false, true);
  const held = [{ value: 1, seq: 1 }];
  server.init(held);
  server.init(held);
  server.init([{ ...held[0], time: 5, client: "ann" }]);
  expect(server.sent.map((message) => "stamps" in message && message.stamps)).toEqual([
    ...[false, false, true],
  ]);
  server.tell({ type: "push", key: "k", value: 2, seq: 2, time: 6, client: "ann" });
  expect(kept.entries.map(({ value }) => value)).toEqual([1, 2]);
  expect(heard).toMatchObject([{ value: 2, seq: 2, time: 6, client: "ann" }]);
  expect(server.session.log("k", { pushed: () => {} }, false, true)).toBe(stamped);
  expect(server.session.log("k", { pushed: () => {} }, true)).toBe(kept);
});

test("a key that was left before the room's answer is asked for no more, and gets no first value", () => {
  const server = new PlayedServer();
  const listener = { changed: vi.fn() };
  const state = server.session.state("k", listener, 0);
  state.listeners.delete(listener);
  server.session.leave("k");
  server.init([]);
  expect(server.sent.slice(1)).toEqual([{ type: "unsubscribe", key: "k" }]);
  expect(listener.changed).not.toHaveBeenCalled();
});

test("a key that was left and is used again before the answer is asked for again", () => {
  const server = new PlayedServer();
  const first = { changed: () => {} };
  server.session.state("k", first).listeners.delete(first);
  server.session.leave("k");
  const again = server.session.state("k", { changed: () => {} });
  server.init([{ value: 1, seq: 1 }]);
  server.init([{ value: 2, seq: 2 }]);
  expect(server.sent.map(({ type }) => type)).toEqual(["get", "get"]);
  expect(again.value).toBe(2);
});

test("whoever waits until all is confirmed is told where there will be no connection", async () => {
  const server = new PlayedServer();
  server.session.log("k", { pushed: () => {} }, true).push(1, true);
  server.session.disconnected(4403);
  server.session.interrupt(new Refused("forbidden", "no permission"));
  await expect(server.session.drained()).rejects.toMatchObject({ code: "forbidden" });
});

test("what one listener throws keeps no other from hearing", () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const server = new PlayedServer();
  const broken = () => {
    throw new Error("a view's own");
  };
  const every = { changed: broken, refused: broken, answered: broken, closed: broken };
  const state = server.session.state("k", every);
  const heard = { changed: vi.fn(), refused: vi.fn(), answered: vi.fn(), closed: vi.fn() };
  state.listeners.add(heard);
  server.init([{ value: 1, seq: 1 }]);
  state.write(2);
  server.refuse(1, "forbidden");
  server.session.stop();
  for (const told of Object.values(heard)) expect(told).toHaveBeenCalled();
  error.mockRestore();
});

test("an error that belongs to no push is reported", () => {
  const server = new PlayedServer();
  server.session.onError = vi.fn();
  server.tell({ type: "error", code: "bad_message", message: "what?" });
  expect(server.session.onError).toHaveBeenCalledWith("bad_message", "what?");
});

/** A client whose messages take their time, and whose connection can be cut. */
class Client {
  readonly session = new Session();
  readonly state: StateReplica;
  readonly log: LogReplica;
  readonly list: StateReplica;
  /** What was appended to the list, as far as the room has said so. */
  readonly listed: string[] = [];
  readonly acknowledged: Json[] = [];
  relayed: number[] = [];
  /** What somebody heard who listens without knowing what the keys are. */
  overheard: { relays: number[]; log: Entry[] } | null = null;
  private readonly relays: LogReplica;
  private readonly pushed = new Map<number, Json>();
  private ears: LogReplica[] = [];
  private toServer: string[] = [];
  private toClient: string[] = [];
  private tell: ((message: string) => void) | null = null;
  private count = 0;

  constructor(
    readonly name: string,
    private readonly room: SimulatedRoom,
  ) {
    const { queue } = this.session;
    const acknowledged = queue.acknowledged.bind(queue);
    queue.acknowledged = (id, seq) => {
      const value = this.pushed.get(id);
      if (value !== undefined) this.acknowledged.push(value);
      acknowledged(id, seq);
    };
    this.state = this.session.state("state", { changed: () => {} }, `${name} initial`);
    this.list = this.session.state("list", { changed: () => {} });
    this.log = this.session.log("log", { pushed: () => {} }, true);
    this.relays = this.session.log(
      "relays",
      { pushed: ({ seq }) => this.relayed.push(seq) },
      false,
    );
  }

  write(): void {
    this.state.write(`${this.name} state ${++this.count}`);
  }

  update(): void {
    const item = `${this.name} ${++this.count}`;
    const add = (list: Json | undefined) => [...((list ?? []) as Json[]), item];
    this.list.update(add).then(
      () => this.listed.push(item),
      () => {},
    );
  }

  append(): void {
    const value = `${this.name} ${++this.count}`;
    this.pushed.set(this.log.push(value, true), value);
  }

  relay(): void {
    const value = `${this.name} relay ${++this.count}`;
    this.pushed.set(this.relays.push(value, false), value);
  }

  eavesdrop(): void {
    if (this.overheard !== null) return;
    const overheard: { relays: number[]; log: Entry[] } = { relays: [], log: [] };
    this.overheard = overheard;
    this.ears = [
      listen(this.session, "relays", { pushed: ({ seq }) => overheard.relays.push(seq) }),
      listen(this.session, "log", {
        startedOver: (held) => {
          overheard.log = [...held];
        },
        pushed: (entry) => overheard.log.push(entry),
      }),
    ];
  }

  stopEavesdropping(): void {
    this.overheard = null;
    for (const ear of this.ears.splice(0)) {
      ear.listeners.clear();
      this.session.leave(ear.key);
    }
  }

  connect(): void {
    if (this.tell !== null) return;
    this.tell = (message) => this.toClient.push(message);
    this.session.connected((message) => this.toServer.push(message as string));
  }

  cut(): void {
    if (this.tell === null) return;
    this.room.leave(this.tell);
    this.tell = null;
    this.toServer = [];
    this.toClient = [];
    this.session.disconnected();
  }

  up(): boolean {
    const message = this.toServer.shift();
    if (message === undefined || this.tell === null) return false;
    this.room.take(this.name, message, this.tell);
    return true;
  }

  down(): boolean {
    const message = this.toClient.shift();
    if (message === undefined) return false;
    this.session.received(message);
    return true;
  }

  resume(): void {
    this.session.resume();
  }
}

type Step = "restart" | "busy" | "forget" | Exclude<keyof Client & string, "name">;
const often = {
  up: 5,
  down: 5,
  write: 2,
  update: 2,
  append: 3,
  relay: 2,
  connect: 3,
  cut: 1,
  resume: 1,
  eavesdrop: 1,
  stopEavesdropping: 1,
};

function schedules(rare: Record<string, number>) {
  const steps = Object.entries({ ...often, ...rare }).map(([name, weight]) => ({
    weight,
    arbitrary: fc.tuple(fc.constant(name as Step), fc.nat(1)),
  }));
  return fc.array(fc.oneof(...steps), { maxLength: 120, size: "max" });
}

/** Carry a schedule out, and then let everything arrive. */
function run(room: SimulatedRoom, schedule: [Step, number][]): Client[] {
  const clients = ["a", "b"].map((name) => new Client(name, room));
  const cutAll = () => {
    for (const client of clients) client.cut();
  };
  for (const [step, index] of schedule) {
    if (step === "busy") room.busy = !room.busy;
    else if (step === "restart" || step === "forget") {
      cutAll();
      room[step]();
    } else (clients[index] as unknown as Record<Step, () => void>)[step]();
  }
  room.busy = false;
  for (const client of clients) client.connect();
  for (let moved = true; moved; ) {
    moved = false;
    for (const client of clients) {
      client.resume();
      while (client.up() || client.down()) moved = true;
    }
  }
  for (const { state, log, list, overheard } of clients) {
    const held = room.stream("list").at(-1)?.value;
    expect(list.value).toEqual(held === undefined ? undefined : unwrap(held));
    expect(list.pending).toBe(false);
    expect(state.value).toEqual(unwrap(room.stream("state").at(-1)?.value as Json));
    expect(state.pending).toBe(false);
    expect(log.entries.map(({ value, seq }) => ({ value, seq }))).toEqual(room.stream("log"));
    expect([state.ready, log.ready]).toEqual([true, true]);
    const entries = overheard?.log.map(({ value, seq }) => ({ value, seq }));
    if (overheard !== null) expect(entries).toEqual(room.stream("log"));
  }
  for (const { session } of clients) expect(session.queue.waiting).toBe(0);
  return clients;
}

const ascends = (numbers: readonly number[]) =>
  numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number));

test("in any schedule with a room that lasts, all replicas end equal, and each write is there once", async () => {
  await fc.assert(
    fc.asyncProperty(schedules({ restart: 1, busy: 1 }), async (schedule) => {
      const room = new SimulatedRoom();
      const clients = run(room, schedule);
      await Promise.resolve();
      const list = (clients[0]?.list.value ?? []) as string[];
      expect([...list].sort()).toEqual(clients.flatMap(({ listed }) => listed).sort());
      const applied = room.applied.map(({ value }) => JSON.stringify(value));
      expect(new Set(applied).size).toBe(applied.length);
      for (const { acknowledged, relayed } of clients) {
        for (const value of acknowledged) expect(applied).toContain(JSON.stringify(value));
        expect(ascends(relayed)).toBe(true);
      }
    }),
    { numRuns: 400 },
  );
});

test("where no push is refused, a client's pushes are in the room in the order of their making", () => {
  fc.assert(
    fc.property(schedules({ restart: 1 }), (schedule) => {
      const room = new SimulatedRoom();
      run(room, schedule);
      for (const name of ["a", "b"]) {
        const ids = room.applied.filter(({ client }) => client === name).map(({ id }) => id);
        expect(ascends(ids)).toBe(true);
      }
    }),
    { numRuns: 200 },
  );
});

test.each([
  ["with epochs", true],
  ["without epochs", false],
])("in any schedule with a room %s that forgets, all replicas end equal", (_, epochs) => {
  fc.assert(
    fc.property(schedules({ forget: 1, busy: 1 }), (schedule) => {
      run(new SimulatedRoom(epochs), schedule);
    }),
    { numRuns: 200 },
  );
});

test("whoever is cut off hears every relay when it is back", () => {
  fc.assert(
    fc.property(schedules({}), (schedule) => {
      const room = new SimulatedRoom();
      const all = new Client("all", room);
      all.connect();
      while (all.up() || all.down());
      const clients = run(room, schedule);
      while (all.up() || all.down());
      for (const { relayed, overheard } of clients)
        for (const heard of [relayed, overheard?.relays ?? []]) {
          const [first = Number.POSITIVE_INFINITY] = heard;
          expect(heard).toEqual(all.relayed.filter((seq) => seq >= first));
        }
    }),
    { numRuns: 200 },
  );
});

test("a key that may be read again is read anew, whatever was known of it", () => {
  const server = new PlayedServer();
  const log = server.session.log("k", { pushed: () => {} }, true);
  const answer = { type: "init", key: "k", epoch: "e", recovered: false } as const;
  server.tell({ ...answer, data: [{ value: 1, seq: 1 }], seq: 1 });
  server.tell({ ...answer, data: [], seq: 1 }); // nobody asked for that
  expect(log.entries.length).toBe(1);
  const sent = server.sent.length;
  server.tell({ type: "error", code: "forbidden", message: "no", key: "k", action: "read" });
  expect(log.entries.length).toBe(1);
  server.tell({ ...answer, data: [{ value: 2, seq: 2 }], seq: 2 });
  expect(server.sent.length).toBe(sent + 1);
  expect(server.sent.at(-1)).toMatchObject({ type: "get", key: "k", epoch: null });
  server.tell({ ...answer, data: [{ value: 2, seq: 2 }], seq: 2 });
  expect(log.entries.map(({ value }) => value)).toEqual([2]);
});

/** A session that uses two keys, and all that was asked of what is allowed on them. */
function asksRights() {
  const server = new PlayedServer();
  const { session } = server;
  for (const key of ["a", "b"]) session.state(key, { changed: () => {} });
  const heard = vi.fn();
  session.onAllowed = heard;
  session.later = (_, then) => queueMicrotask(then);
  const asked = () =>
    server.sent
      .filter(({ type }) => type === "can")
      .map((message) => "key" in message && message.key);
  return { server, session, heard, asked };
}

test("what is allowed on a key is asked once, when somebody wants to know, and told", async () => {
  const { server, session, heard, asked } = asksRights();
  server.init([], { key: "a", epoch: "E" });
  expect(asked()).toEqual([]);
  for (const action of ["replace", "append"]) expect(session.allows("a", action)).toBe(true);
  expect(asked()).toEqual(["a"]);
  server.tell({ type: "can", key: "a", actions: ["read", "append"] });
  server.tell({ type: "can", key: "b", actions: [] }); // nobody wants to know
  await Promise.resolve();
  expect(heard).toHaveBeenCalledTimes(1);
  expect(session.allows("a", "replace")).toBe(false);
  expect(session.allows("a", "append")).toBe(true);
  expect(session.allows("b", "replace")).toBe(true);
  server.tell({ type: "can", key: "a", actions: ["read", "replace"] });
  await Promise.resolve();
  expect(heard).toHaveBeenCalledTimes(2);
  expect(session.allows("a", "replace")).toBe(true);
});

test("what is allowed is asked again on a new connection, of a server that knows grants", () => {
  const { server, session, asked } = asksRights();
  session.allows("a", "replace");
  expect(asked()).toEqual([]);
  server.init([], { key: "a", epoch: "E" });
  expect(asked()).toEqual(["a"]);
  server.reconnect();
  expect(asked()).toEqual([]);
  server.init([], { key: "a", epoch: "E" });
  expect(asked()).toEqual(["a"]);
});

test("a key that nobody uses any more is not asked about", () => {
  const { server, session, asked } = asksRights();
  const listener = { changed: () => {} };
  session.state("c", listener);
  server.init([], { key: "a", epoch: "E" });
  session.leave("c", listener);
  expect(session.allows("c", "replace")).toBe(true);
  expect(asked()).toEqual([]);
});

test("what may not be read any more stays in view over a reconnect", () => {
  const server = new PlayedServer();
  const state = server.session.state("k", { changed: () => {} }, 0, "state");
  server.init([{ value: { v: 5, i: "" }, seq: 3 }]);
  server.reconnect();
  server.tell({ type: "error", code: "forbidden", message: "no", key: "k", action: "read" });
  server.init([], { epoch: "F", recovered: false, seq: 0 });
  expect(state.value).toBe(5);
  expect(server.writes).toEqual([]);
  server.init([{ value: { v: 6, i: "" }, seq: 9 }], { epoch: "F", recovered: false, seq: 9 });
  expect(server.sent.at(-1)).toMatchObject({ type: "get", key: "k", epoch: null });
  server.init([{ value: { v: 6, i: "" }, seq: 9 }], { epoch: "F", recovered: false, seq: 9 });
  expect(state.value).toBe(6);
});

test("a write after one that went in a request of its own has an id of its own", async () => {
  const server = new PlayedServer();
  const { session } = server;
  const state = session.state("k", { changed: () => {} }, 0, "state");
  server.init([{ value: { v: 0, i: "" }, seq: 1 }]);
  session.disconnected();
  state.write("A");
  expect(session.queue.unconfirmed().length).toBe(1);
  const written = state.set("B");
  server.connect();
  server.init([{ value: { v: "A", i: "" }, seq: 2 }], { epoch: "E", recovered: true, seq: 2 });
  server.ack(1, 2);
  expect(server.writes.map(({ id, value }) => [id, value])).toEqual([
    [1, "A"],
    [2, "B"],
  ]);
  server.push({ v: "B", i: "" }, 3);
  server.ack(2, 3);
  await written;
  expect(state.value).toBe("B");
});
