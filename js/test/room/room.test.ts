import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { room } from "../../src/room/index";
import { FakeSocket } from "../socket";

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
])("a token %s lets in", (_, open) => {
  const here = open();
  expect(FakeSocket.last.url).toContain("/driftdb/room/r/connect?");
  expect(FakeSocket.last.url).toContain("&token=a%26b");
  here.close();
});
