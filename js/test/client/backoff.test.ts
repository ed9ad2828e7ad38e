import { expect, test } from "vitest";
import { Backoff } from "../../src/client/backoff";

test("the longest wait doubles up to 15 seconds, and begins anew after a reset", () => {
  const backoff = new Backoff(() => 1);
  const waits = Array.from({ length: 8 }, () => backoff.next());
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15000, 15000]);
  backoff.reset();
  expect(backoff.next()).toBe(250);
});

test("a wait is anything between nothing and the longest", () => {
  const backoff = new Backoff(() => 0);
  expect(backoff.next()).toBe(0);
});
