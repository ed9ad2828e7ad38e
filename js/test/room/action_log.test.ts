import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { Uncertain } from "../../src/client/errors";
import { Session } from "../../src/client/session";
import type { Entry, Json, Push } from "../../src/protocol/messages";
import { ActionLog } from "../../src/room/action_log";
import { CopiedReduction } from "../../src/room/copied_reduction";
import { SharedDict } from "../../src/room/dict";
import { Fold, type Model } from "../../src/room/fold";
import { ItemsModel } from "../../src/room/items";
import { SharedReducer } from "../../src/room/reducer";
import { Reduction } from "../../src/room/reduction";
import { SimulatedRoom } from "../room";
import { PlayedServer } from "../server";

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("what a room forgot is offered to it before what was written meanwhile is sent", async () => {
  const server = new PlayedServer();
  const form = new SharedDict<number>(server.session, "k");
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  server.session.disconnected();
  const set = form.set({ b: 2 });
  server.connect();
  expect(server.writes).toEqual([]);
  server.init([], { epoch: "F", recovered: false });
  expect(server.writes).toMatchObject([
    { value: { reset: { a: 1 } }, if_seq: 0, epoch: "F" },
    { value: { apply: { set: { b: 2 } } }, epoch: "F" },
  ]);
  const [offer, action] = server.writes as [Push, Push];
  server.push(offer.value, 1);
  server.ack(offer.id as number, 1);
  server.push(action.value, 2);
  server.ack(action.id as number, 2);
  await set;
  expect(form.value).toEqual({ a: 1, b: 2 });
});

test("of several keys each is offered what it held before anything is sent to it", () => {
  const server = new PlayedServer();
  const [one, two] = [
    new SharedDict<number>(server.session, "k"),
    new SharedDict<number>(server.session, "l"),
  ];
  const init = (key: string, data: object[], epoch: string) =>
    server.tell({ type: "init", key, data, epoch, recovered: false });
  for (const key of ["k", "l"]) init(key, [{ value: { reset: { a: 1 } }, seq: 3 }], "E");
  server.session.disconnected();
  for (const dict of [two, one]) void dict.set({ b: 2 });
  server.connect();
  init("k", [], "F");
  init("l", [], "F");
  const sent = server.pushes.map(({ key, value }) => [key, Object.keys(value as object)[0]]);
  for (const key of ["k", "l"])
    expect(sent.filter(([of]) => of === key)).toEqual([
      [key, "reset"],
      [key, "apply"],
    ]);
});

test("whoever knows more than where others begin, offers that over it, with what they did", async () => {
  const server = new PlayedServer();
  const form = new SharedDict<number>(server.session, "k");
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  server.reconnect();
  const begun = [
    { value: { reset: {}, initial: "A" }, seq: 1 },
    { value: { apply: { set: { b: 2 } }, i: "x" }, seq: 2 },
  ];
  server.init(begun, { epoch: "F", recovered: false });
  expect(form.value).toEqual({ a: 1, b: 2 });
  expect(server.pushes).toMatchObject([{ value: { reset: { a: 1, b: 2 } }, if_seq: 2 }]);
  server.push({ apply: { set: { c: 3 } }, i: "x" }, 3);
  server.refuse(server.pushes[0]?.id as number, "conflict");
  await settled();
  expect(server.pushes[1]).toMatchObject({ value: { reset: { a: 1, b: 2, c: 3 } }, if_seq: 3 });
  server.push(server.pushes[1]?.value, 4);
  server.ack(server.pushes[1]?.id as number, 4);
  await settled();
  expect(server.pushes).toHaveLength(2);
  expect(form.value).toEqual({ a: 1, b: 2, c: 3 });
});

test("that a room goes on from something else than was shown is told", () => {
  const server = new PlayedServer();
  const told = vi.fn();
  server.session.onUnheard = (error, key) => told(error.code, key);
  const form = new SharedDict<number>(server.session, "k");
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  server.reconnect();
  server.init([{ value: { reset: { b: 2 } }, seq: 1 }], { epoch: "F", recovered: false });
  expect(form.value).toEqual({ b: 2 });
  expect(told).toHaveBeenCalledExactlyOnceWith("lost", "k");
});

test("a function that changes what it is given corrupts nothing", async () => {
  const server = new PlayedServer();
  const mutating = (list: number[], n: number) => {
    list.push(n);
    return list;
  };
  const list = new SharedReducer<number[], number>(server.session, "k", mutating, []);
  server.init([]);
  await expect(list.dispatch(1)).rejects.toBeInstanceOf(TypeError);
  expect([list.value, server.pushes.length]).toEqual([[], 1]); // its initial value
});

test("who only watches keeps none of the actions", () => {
  const server = new PlayedServer();
  const form = new SharedDict<number>(server.session, "k");
  server.init([]);
  for (let seq = 1; seq <= 500; seq += 1) server.push({ apply: { set: { a: seq } }, i: "x" }, seq);
  expect(form.value).toEqual({ a: 500 });
  expect(server.session.log("k", { pushed() {} }, false).entries).toEqual([]);
});

test("who comes later to a key of this page has its value at once, and asks for nothing", () => {
  const server = new PlayedServer();
  const sum = (total: number, n: number) => total + n;
  const one = new SharedReducer<number, number>(server.session, "k", sum, 0);
  server.init([{ value: { reset: 5 }, seq: 3 }]);
  server.push({ apply: 2, i: "x" }, 4);
  const asked = server.sent.length;
  const two = new SharedReducer<number, number>(server.session, "k", sum, 0);
  expect([one.value, two.value, server.sent.length]).toEqual([7, 7, asked]);
  server.push({ apply: 3, i: "x" }, 5);
  expect([one.value, two.value]).toEqual([10, 10]);
});

test("who comes later than a channel of the same key reads the stream", () => {
  const server = new PlayedServer();
  server.session.log("k", { pushed() {} }, false);
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  const form = new SharedDict<number>(server.session, "k");
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  expect(form.value).toEqual({ a: 1 });
});

test("who comes while there is no connection, or no answer yet, reads the stream, too", () => {
  const server = new PlayedServer();
  server.session.log("k", { pushed() {} }, false, false, undefined, "dict");
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  server.session.disconnected();
  const one = new SharedDict<number>(server.session, "k");
  server.connect();
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  expect(one.value).toEqual({ a: 1 });
  one.close();
  server.reconnect();
  const two = new SharedDict<number>(server.session, "k");
  server.init([], { epoch: "E", recovered: true });
  server.init([{ value: { reset: { a: 1 } }, seq: 3 }]);
  expect(two.value).toEqual({ a: 1 });
});

test("a snapshot takes the place of actions only where these cost half as much", async () => {
  const server = new PlayedServer();
  const long = "x".repeat(100_000);
  const form = new SharedDict<string | number>(server.session, "k");
  server.init([{ value: { reset: { long } }, seq: 1 }]);
  let seq = 1;
  const set = async (value: number) => {
    const done = form.set({ value });
    const { id, value: form_ } = server.pushes.at(-1) as Push;
    server.push(form_, ++seq);
    server.ack(id as number, seq);
    await done;
  };
  const compacts = () => server.pushes.filter(({ action }) => action.type === "compact");
  for (let n = 0; n < 150; n += 1) await set(n);
  expect(compacts()).toEqual([]);
  for (let n = 0; n < 150; n += 1) await set(n);
  expect(compacts()).toHaveLength(1);
  expect(compacts()[0]).toMatchObject({ epoch: "E", value: { reset: { long } } });
});

/** A reducer whose snapshots go in small parts, in a room that takes only small messages. */
function grown(server: PlayedServer) {
  const model = new ItemsModel<number>({});
  const log = new ActionLog(server.session, "k", model, () => {}, {
    ...{ compactAt: 3, wholeBytes: 1_000, partLength: 10 },
  });
  return { model, log };
}

test("a snapshot that the room finds too large goes in parts, the last of all what names them", async () => {
  const server = new PlayedServer();
  const { log } = grown(server);
  server.init([{ value: { reset: { alpha: 1 } }, seq: 1 }]);
  for (const seq of [2, 3]) {
    const done = log.dispatch({ set: { [`name ${seq}`]: seq } });
    const { id, value } = server.pushes.at(-1) as Push;
    server.push(value, seq);
    server.ack(id as number, seq);
    await done;
  }
  server.refuse(server.pushes.at(-1)?.id as number, "too_large");
  let seq = 3;
  for (;;) {
    await settled();
    const { id, value, action, epoch } = server.pushes.at(-1) as Push;
    expect(epoch).toBe("E");
    if (action.type === "compact") break;
    seq += 1;
    server.push(value, seq);
    server.ack(id as number, seq);
  }
  const { value: head, action } = server.pushes.at(-1) as Push;
  expect(action).toEqual({ type: "compact", seq: 3 });
  const parts = server.pushes.slice(3, -1).map(({ value }, n) => ({ value, seq: n + 4 }));
  const model = new ItemsModel<number>({});
  new Fold(model).startOver([{ value: head, seq: 3 }, ...parts] as Entry[], true);
  expect(model.value).toEqual({ alpha: 1, "name 2": 2, "name 3": 3 });
});

test("what a room refuses for good is offered to it once on each connection", async () => {
  const server = new PlayedServer();
  new SharedDict<number>(server.session, "k", { a: 1 });
  server.init([{ value: { reset: { b: 2 } }, seq: 3 }]);
  const forgets = (epoch: string) => {
    server.reconnect();
    server.init([], { epoch, recovered: false });
  };
  for (const epoch of ["F", "G"]) {
    forgets(epoch);
    const [offer] = server.pushes;
    expect(offer).toMatchObject({ value: { reset: { b: 2 } }, if_seq: 0 });
    server.refuse(offer?.id as number, "forbidden");
    await settled();
    // Others begin anew, which leaves what is known here to be offered.
    server.push({ reset: {}, initial: "x" }, 1);
    for (let seq = 2; seq < 6; seq += 1) {
      server.push({ apply: { set: { c: seq } }, i: "x" }, seq);
      await settled();
    }
    expect(server.pushes).toHaveLength(1);
  }
});

test("a snapshot that is refused for good is tried again only when there are twice as many actions", async () => {
  const server = new PlayedServer();
  server.session.onUnheard = () => {};
  const sum = new SharedReducer<number, number>(server.session, "k", (a, b) => a + b, 0, 4);
  server.init([{ value: { reset: 0 }, seq: 1 }]);
  const compacts: number[] = [];
  let handled = 0;
  for (let n = 1; n <= 64; n += 1) {
    void sum.dispatch(1);
    for (const { id = 0, action, value } of server.pushes.slice(handled)) {
      if (action.type === "append") server.push(value, n + 1);
      if (action.type === "append") server.ack(id, n + 1);
    }
    server.tell({ type: "stream_size", key: "k", size: n + 1 });
    handled = server.pushes.length;
    await settled();
    for (const { id = 0, action } of server.pushes.slice(handled)) {
      if (action.type !== "compact") continue;
      compacts.push(n + 1);
      server.refuse(id, "quota");
    }
    await settled();
    handled = server.pushes.length;
  }
  expect(compacts).toEqual([4, 8, 16, 32, 64]);
});

test("where a part is refused the stream stays as it is, and that is told once", async () => {
  const server = new PlayedServer();
  const told = vi.fn();
  server.session.onUnheard = (error, key) => told(error.code, key);
  const { log } = grown(server);
  server.init([{ value: { reset: { alpha: 1 } }, seq: 1 }]);
  for (let seq = 2; seq <= 6; seq += 1) {
    const done = log.dispatch({ set: { [`name ${seq}`]: seq } });
    const { id, value } = server.pushes.at(-1) as Push;
    server.push(value, seq);
    server.ack(id as number, seq);
    await done;
    const last = server.pushes.at(-1) as Push;
    if (last.id === id) continue;
    server.refuse(last.id as number, last.action.type === "compact" ? "too_large" : "quota");
    await settled();
    const part = server.pushes.at(-1) as Push;
    if (part.id !== last.id) server.refuse(part.id as number, "quota");
    await settled();
  }
  expect(told).toHaveBeenCalledExactlyOnceWith("quota", "k");
});

const words = (value: readonly Json[], action: Json) => [...value, action];
const pushing = (value: readonly Json[], action: Json) => {
  (value as Json[]).push(action);
  return value;
};
const MODELS: [string, () => Model<unknown>][] = [
  ["a function", () => new Reduction("k", words, [])],
  ["a function that changes what it is given", () => new CopiedReduction("k", pushing, [])],
  ["a dictionary", () => new ItemsModel({})],
];

/** A client of a simulated room, whose messages wait until they are let through. */
class Client {
  readonly session = new Session();
  readonly model: Model<unknown>;
  readonly log: ActionLog<unknown>;
  readonly written: string[] = [];
  readonly refused: string[] = [];
  private toServer: string[] = [];
  private toClient: string[] = [];
  private tell: ((message: string) => void) | null = null;

  constructor(
    readonly name: string,
    private readonly room: SimulatedRoom,
    make: () => Model<unknown>,
  ) {
    this.model = make();
    const lengths = { compactAt: 4, wholeBytes: 60, partLength: 20 };
    this.log = new ActionLog(this.session, "k", this.model, () => this.model.value, lengths);
    this.session.onUnheard = () => {};
  }

  write(): void {
    const name = `${this.name}${this.written.length}`;
    this.written.push(name);
    this.log.dispatch({ set: { [name]: 1 } }).catch((error) => {
      if (!(error instanceof Uncertain)) throw error;
      this.refused.push(name);
    });
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
    if (message !== undefined) this.session.received(message);
    return message !== undefined;
  }
}

const steps = (rare: "restart" | "forget") =>
  fc.array(
    fc.tuple(
      fc.oneof(
        { weight: 6, arbitrary: fc.constant("up" as const) },
        { weight: 6, arbitrary: fc.constant("down" as const) },
        { weight: 5, arbitrary: fc.constant("write" as const) },
        { weight: 3, arbitrary: fc.constant("connect" as const) },
        { weight: 1, arbitrary: fc.constant("cut" as const) },
        { weight: 1, arbitrary: fc.constant(rare) },
      ),
      fc.nat(2),
    ),
    { maxLength: 150, size: "max" },
  );

async function run(
  make: () => Model<unknown>,
  schedule: [Exclude<keyof Client, "name"> | "restart" | "forget", number][],
) {
  const room = new SimulatedRoom();
  room.mostBytes = 220;
  const clients = ["a", "b", "c"].map((name) => new Client(name, room, make));
  for (const [step, who] of schedule) {
    if (step === "restart" || step === "forget") {
      for (const client of clients) client.cut();
      room[step]();
    } else (clients[who] as unknown as Record<string, () => void>)[step]?.();
    await Promise.resolve();
  }
  for (const client of clients) client.connect();
  for (let moved = true; moved; ) {
    moved = false;
    for (const client of clients) while (client.up() || client.down()) moved = true;
    await settled();
  }
  const model = make();
  new Fold(model).startOver(room.stream("k"), true);
  for (const client of clients) {
    expect(client.session.queue.waiting).toBe(0);
    expect(client.model.value).toEqual(model.value);
  }
  return { clients, names: JSON.stringify(model.value) };
}

test.each(MODELS)(
  "of %s all end equal, and nothing is lost, in a room that lasts",
  async (_, make) => {
    await fc.assert(
      fc.asyncProperty(steps("restart"), async (schedule) => {
        const { clients, names } = await run(make, schedule as never);
        for (const { written, refused } of clients) {
          expect(refused).toEqual([]);
          for (const name of written) expect(names.split(`"${name}"`)).toHaveLength(2);
        }
      }),
      { numRuns: 150 },
    );
  },
);

test.each(MODELS)("of %s all end equal in a room that forgets", async (_, make) => {
  await fc.assert(
    fc.asyncProperty(steps("forget"), async (schedule) => {
      await run(make, schedule as never);
    }),
    { numRuns: 150 },
  );
});
