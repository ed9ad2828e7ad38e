import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { room } from "../../src/room/index";
import { FakeSocket, giveTickets } from "../socket";

beforeEach(() => {
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});

afterEach(() => vi.unstubAllGlobals());

const URL = "http://server/driftdb/room/r";

test.each([
  ["in the room's address", () => room(`${URL}?token=a%26b`)],
  ["in the address of its page", () => room(`${URL}/page?token=a%26b#top`)],
  ["beside another one in the address", () => room(`${URL}?token=old`, { token: "a&b" })],
])("a token %s lets in, by a ticket", async (_, open) => {
  const asked = giveTickets();
  const here = open();
  await vi.waitFor(() => expect(FakeSocket.opened).toHaveLength(1));
  expect(FakeSocket.last.url).toMatch(/\/driftdb\/room\/r\/connect\?&ticket=a%20ticket$/);
  expect(asked.mock.calls).toEqual([
    [`${URL}/ticket`, { method: "POST", headers: { Authorization: "token a&b" } }],
  ]);
  here.close();
});
