import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Door, NotLetIn } from "../../src/share/door";
import { ticketSockets } from "../../src/share/ticket_socket";

class FakeWebSocket {
  static readonly opened: FakeWebSocket[] = [];
  onopen: ((event: object) => void) | null = null;
  onmessage: ((event: object) => void) | null = null;
  onclose: ((event: object) => void) | null = null;
  binaryType = "blob";
  readonly sent: unknown[] = [];
  closed: number | undefined | null = null;

  constructor(
    readonly url: string,
    readonly offered: string[],
  ) {
    FakeWebSocket.opened.push(this);
  }

  send(frame: unknown): void {
    this.sent.push(frame);
  }

  close(code?: number): void {
    this.closed = code;
  }
}

let tickets: (string | Error)[] = [];
const door = {
  ticket: async () => {
    const ticket = tickets.shift() ?? new Error("away");
    if (ticket instanceof Error) throw ticket;
    return ticket;
  },
} as unknown as Door;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeWebSocket);
  FakeWebSocket.opened.length = 0;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const open = () => new (ticketSockets(door))("ws://h/connect?", ["driftdb", "c"]);
const turns = () => vi.advanceTimersByTimeAsync(10_000);

test("a socket opens by a ticket, and hands on what it hears", async () => {
  tickets = ["a b"];
  const socket = open();
  const heard: unknown[] = [];
  socket.onopen = () => heard.push("open");
  socket.onmessage = ({ data }) => heard.push(data);
  socket.onclose = ({ code, reason }) => heard.push(code, reason);
  await turns();
  const [real] = FakeWebSocket.opened;
  expect(real?.url).toBe("ws://h/connect?&ticket=a%20b");
  expect(real?.offered).toEqual(["driftdb", "c"]);
  real?.onopen?.({});
  socket.send("hello");
  real?.onmessage?.({ data: "hi" });
  real?.onclose?.({ code: 4403 });
  expect(real?.sent).toEqual(["hello"]);
  expect(heard).toEqual(["open", "hi", 4403, "This link was taken back. Ask for another one."]);
});

test("it tries again by another ticket while the server is away", async () => {
  tickets = [new Error("away"), "first", "second"];
  open();
  await turns();
  FakeWebSocket.opened[0]?.onclose?.({ code: 1006 });
  await turns();
  expect(FakeWebSocket.opened.map(({ url }) => url.split("ticket=")[1])).toEqual([
    "first",
    "second",
  ]);
});

test("whom the door refuses it tells so, and tries no more", async () => {
  tickets = [new NotLetIn("no"), "never used"];
  const heard: unknown[] = [];
  open().onclose = (event) => heard.push(event);
  await turns();
  expect(heard).toEqual([{ code: 4403, reason: "no" }]);
  expect(tickets).toEqual(["never used"]);
  expect(FakeWebSocket.opened).toEqual([]);
});

test("one that is given up asks for no further ticket", async () => {
  tickets = [new Error("away"), "never used"];
  const socket = open();
  await vi.advanceTimersByTimeAsync(0);
  socket.close();
  await turns();
  expect(tickets).toEqual(["never used"]);
});
