import { vi } from "vitest";
import { DbConnection } from "../../src/driftdb/index";
import { FakeSocket } from "../socket";

export const ROOM = "ws://server/room/lecture/connect";

/** Connections open no socket of their own from now: `FakeSocket.last` is what they have. */
export function fakeSockets(): void {
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
}

/** A connection, made as an app makes it. */
export async function connected(db = new DbConnection()): Promise<DbConnection> {
  const connecting = db.connect(ROOM);
  FakeSocket.last.accept();
  await connecting;
  return db;
}

export const hear = (message: object) => FakeSocket.last.hear({ key: "k", ...message });

/** The room answers what was asked last. */
export const answer = (data: readonly object[] = [], more: object = {}) =>
  hear({ type: "init", data, epoch: "E", recovered: false, ...more });

/** What came over the connection that is open, of one type. */
export const sent = (type: string) =>
  FakeSocket.last.sent.map((text) => JSON.parse(text)).filter((each) => each.type === type);
