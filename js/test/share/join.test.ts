import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { join, NotLetIn, type Room } from "../../src/share/index";
import { FakeSocket } from "../socket";

const LINK = "http://h/driftdb/room/r/shared?key=k#link_s-1_x";

let asked: { url: string; body: unknown; headers: unknown }[];
let answers: [number, object][];

beforeEach(() => {
  FakeSocket.opened = [];
  asked = [];
  answers = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", async (url: string, { body, headers }: RequestInit) => {
    asked.push({ url, body: JSON.parse(String(body)), headers });
    const [status, content] = answers.shift() ?? [200, { ticket: `t${asked.length}` }];
    return new Response(JSON.stringify(content), { status });
  });
});

afterEach(() => vi.unstubAllGlobals());

const opened = (count: number) =>
  vi.waitFor(() => expect(FakeSocket.opened).toHaveLength(count), 10_000);

test("a link opens its room by a ticket, which no URL outlives", async () => {
  const room = await join(LINK, { name: "Ada", browser: "mine" });
  await opened(1);
  expect(room.url).toBe("http://h/driftdb/room/r");
  expect(FakeSocket.last.url).toMatch(/^ws:\/\/h\/driftdb\/room\/r\/connect\?&ticket=t1$/);
  expect(asked).toEqual([
    {
      url: "http://h/driftdb/room/r/ticket",
      body: { browser: "mine", name: "Ada" },
      headers: { Authorization: "Bearer link_s-1_x" },
    },
  ]);
  FakeSocket.last.accept();
  expect(room.status.phase).toBe("connected");
  FakeSocket.last.lose();
  room.retry();
  await opened(2);
  expect(FakeSocket.last.url).toContain("&ticket=t2");
  room.close();
});

test("without a name for itself a program counts as one person as long as it runs", async () => {
  const rooms = [await join(LINK), await join(LINK)];
  const [one, two] = asked.map(({ body }) => (body as { browser: string }).browser);
  expect(one).toMatch(/^[0-9a-f]{32}$/);
  expect(two).toBe(one);
  for (const room of rooms) room.close();
});

test.each([
  [403, { action: "name" }, "This link asks for a name."],
  [403, { action: "read" }, "This link has expired, or was taken back. Ask for another one."],
  [429, { code: "quota" }, "As many people came in by this link as may."],
])("whoever isn't let in is told why: %i %o", async (status, content, message) => {
  answers = [[status, content]];
  const error = await join(LINK).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(NotLetIn);
  expect((error as Error).message).toBe(message);
  expect(FakeSocket.opened).toEqual([]);
});

const ended = (room: Room) => vi.waitFor(() => expect(room.status.phase).toBe("refused"), 10_000);

test("who is in is told when the link is taken back, or ends", async () => {
  for (const [code, text] of [
    [4403, "This link was taken back. Ask for another one."],
    [4401, "This link has expired, or was taken back. Ask for another one."],
  ] as const) {
    answers = [];
    FakeSocket.opened = [];
    const room = await join(LINK);
    await opened(1);
    FakeSocket.last.accept();
    answers = [[403, { action: "read" }]];
    FakeSocket.last.lose(code);
    await ended(room);
    expect(room.status.text).toBe(text);
    room.close();
  }
});

test.each(["http://h/room/r", "http://h/room/r/shared#link_", "http://h/#link_x", "link_x"])(
  "what is no link is refused: %s",
  async (url) => {
    await expect(join(url)).rejects.toThrow(TypeError);
    expect(asked).toEqual([]);
  },
);
