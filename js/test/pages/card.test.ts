// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { join } from "../../src/client/rooms";
import { Card } from "../../src/pages/card";
import { readMeta } from "../../src/pages/meta";
import { FakeSocket } from "../socket";

beforeEach(() => {
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("a card whose key can't be shown says so, once, and shows what is described anew", () => {
  const connection = join("http://localhost/room/r");
  const told = vi.spyOn(console, "error").mockImplementation(() => {});
  vi.spyOn(connection.session, "state").mockImplementationOnce(() => {
    throw new RangeError("a defect");
  });
  const item = { key: "k", meta: readMeta({ kind: "state" }), size: 1, seq: 1 };
  const card = new Card({ room: "r", connection, leave() {} }, item, "/");
  card.update(item);
  expect(card.element.textContent).toContain("k can't be shown.");
  expect(told).toHaveBeenCalledTimes(1);
  card.update({ ...item, meta: readMeta({ kind: "state", label: "K" }) });
  expect(card.element.querySelector(".driftdb-label")?.textContent).toBe("K");
  card.destroy();
});
