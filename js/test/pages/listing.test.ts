// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Refused } from "../../src/client/errors";
import { Listing } from "../../src/pages/listing";
import { PlayedServer } from "../server";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("after a room was gone, and is back, it is asked again which keys there are", async () => {
  const server = new PlayedServer();
  const changed = vi.fn();
  const listing = new Listing(server.session, [""], changed);
  server.session.stop(new Refused("gone", "no such room"));
  await vi.advanceTimersByTimeAsync(2_000);
  server.session.disconnected();
  server.connect();
  await vi.advanceTimersByTimeAsync(2_000);
  const info = { size: 1, bytes: 1, seq: 1 };
  server.tell({ type: "keys", prefix: "", keys: { tea: info } });
  await vi.advanceTimersByTimeAsync(0);
  expect([...listing.keys]).toEqual([["tea", info]]);
  expect(changed).toHaveBeenCalledTimes(1);
});
