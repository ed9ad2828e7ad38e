import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { meant } from "../../src/client/form";
import type { StateReplica } from "../../src/client/replica";
import { Session } from "../../src/client/session";
import type { ClientMessage, Json } from "../../src/protocol/messages";
import { SimulatedRoom } from "../room";

/** A message of a client, with what the value of a push means. */
function read(text: string): ClientMessage {
  const message = JSON.parse(text) as ClientMessage;
  return message.type === "push" ? { ...message, value: meant(message.value) } : message;
}

const deaf = { changed: () => {} };

/** A session, and everything that it sent. */
function connected(): { session: Session; sent: ClientMessage[]; hear: (m: object) => void } {
  const session = new Session();
  const sent: ClientMessage[] = [];
  session.connected((text) => sent.push(read(text)));
  return { session, sent, hear: (message) => session.received(JSON.stringify(message)) };
}

const init = (...data: object[]) => ({ type: "init", key: "k", data });
const push = (value: Json, seq: number) => ({ type: "push", key: "k", value, seq });

describe("a replica", () => {
  test("shows the room's value, and follows it", () => {
    const { session, sent, hear } = connected();
    const replica = session.subscribe("k", deaf);
    expect(sent).toEqual([{ type: "get", key: "k", seq: 0 }]);
    hear(init({ value: 1, seq: 1 }));
    expect(replica.value).toBe(1);
    hear(push(2, 2));
    expect(replica.value).toBe(2);
  });

  test("shows the own value while it is under way, whatever others write", () => {
    const { session, hear } = connected();
    const replica = session.subscribe("k", deaf);
    hear(init());
    session.write(replica, "mine");
    hear(push("theirs", 1));
    expect(replica.value).toBe("mine");
    hear(push("mine", 2));
    hear(push("theirs again", 3));
    expect(replica.value).toBe("mine");
    hear({ type: "ack", id: 1, seq: 2 });
    expect(replica.value).toBe("theirs again");
  });

  test("has one write under way, and of those that wait only the last", () => {
    const { session, sent, hear } = connected();
    const replica = session.subscribe("k", deaf);
    hear(init());
    for (const value of [1, 2, 3]) session.write(replica, value);
    expect(sent.filter((m) => m.type === "push").map((m) => m.value)).toEqual([1]);
    hear({ type: "ack", id: 1, seq: 1 });
    expect(sent.filter((m) => m.type === "push").map((m) => m.value)).toEqual([1, 3]);
    expect(replica.value).toBe(3);
  });

  test("offers its initial value to an empty room only", () => {
    const { session, sent, hear } = connected();
    session.subscribe("k", deaf, 7);
    hear(init());
    expect(sent[1]).toEqual({
      type: "push",
      key: "k",
      value: 7,
      action: { type: "replace" },
      id: 1,
      if_seq: 0,
    });
  });

  test("is quiet about an offer that came too late, and tells of other refusals", () => {
    const { session, hear } = connected();
    const refused = vi.fn();
    const replica = session.subscribe("k", { changed: () => {}, refused }, 7);
    hear(init());
    hear(push(5, 1));
    hear({ type: "error", code: "conflict", message: "late", id: 1 });
    expect(refused).not.toHaveBeenCalled();
    expect(replica.value).toBe(5);
    session.write(replica, 6);
    hear({ type: "error", code: "forbidden", message: "no", id: 2 });
    expect(refused).toHaveBeenCalledWith("forbidden", "no");
    expect(replica.value).toBe(5);
  });
});

describe("after a lost connection", () => {
  test("all keys are asked for again, and what was not acknowledged is sent with its old id", () => {
    const { session, hear } = connected();
    const replica = session.subscribe("k", deaf);
    hear(init());
    session.write(replica, 1);
    session.disconnected();
    session.write(replica, 2);
    const again: ClientMessage[] = [];
    session.connected((text) => again.push(read(text)));
    expect(again).toEqual([
      { type: "get", key: "k", seq: 0 },
      { type: "push", key: "k", value: 1, action: { type: "replace" }, id: 1 },
    ]);
    expect(replica.value).toBe(2);
  });

  test("a server that forgot is offered the last value that was known", () => {
    const { session, hear } = connected();
    session.subscribe("k", deaf, 0);
    hear(init({ value: 5, seq: 9 }));
    session.disconnected();
    const again: ClientMessage[] = [];
    session.connected((text) => again.push(read(text)));
    hear(init());
    expect(again[1]).toMatchObject({ type: "push", value: 5, if_seq: 0 });
  });
});

/** A client whose messages take their time, and whose connection can be cut. */
class Client {
  readonly session = new Session();
  readonly replica: StateReplica;
  private toServer: string[] = [];
  private toClient: string[] = [];
  private tell: ((message: string) => void) | null = null;

  constructor(
    private readonly name: string,
    private readonly room: SimulatedRoom,
    offer: Json,
  ) {
    this.replica = this.session.subscribe("k", deaf, offer);
  }

  connect(): void {
    if (this.tell !== null) return;
    this.tell = (message) => this.toClient.push(message);
    this.session.connected((message) => this.toServer.push(message));
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
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant("up" as const), fc.nat(2)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant("down" as const), fc.nat(2)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("write" as const), fc.nat(2)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("connect" as const), fc.nat(2)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("cut" as const), fc.nat(2)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("restart" as const), fc.nat(2)) },
);

test("in any schedule all replicas end equal, and no write is applied twice", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const room = new SimulatedRoom();
      const clients = ["a", "b", "c"].map((name) => new Client(name, room, `${name} initial`));
      let written = 0;
      let restarts = 0;
      for (const [action, index] of steps) {
        const client = clients[index] as Client;
        if (action === "write") client.session.write(client.replica, ++written);
        else if (action === "restart") {
          for (const other of clients) other.cut();
          room.forget();
          restarts += 1;
        } else client[action]();
      }
      for (const client of clients) client.connect();
      for (let moved = true; moved; ) {
        moved = false;
        for (const client of clients) while (client.up() || client.down()) moved = true;
      }
      const value = room.value("k");
      expect(value).not.toBeUndefined();
      for (const client of clients) {
        expect(client.replica.value).toEqual(value);
        expect(client.replica.pending).toBe(false);
      }
      if (restarts === 0) {
        const pushes = room.applied.map(({ client, id }) => `${client} ${id}`);
        expect(new Set(pushes).size).toBe(pushes.length);
      }
    }),
    { numRuns: 500 },
  );
});
