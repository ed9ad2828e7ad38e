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

test("to a channel that may not be written to nobody writes, until they may again", async () => {
  const connection = join("http://localhost/room/writes");
  const item = { key: "k", meta: readMeta({ kind: "channel" }), size: 0, seq: 0 };
  const card = new Card({ room: "writes", connection, leave() {} }, item, "/");
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  const set = card.element.querySelector<HTMLFieldSetElement>(".composer fieldset");
  expect(set?.disabled).toBe(false);
  FakeSocket.last.hear({ type: "can", key: "k", actions: ["read", "append"] });
  await vi.waitFor(() => expect(set?.disabled).toBe(true));
  FakeSocket.last.hear({ type: "can", key: "k", actions: ["read", "relay"] });
  await vi.waitFor(() => expect(set?.disabled).toBe(false));
  card.destroy();
});
