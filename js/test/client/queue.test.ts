import { expect, test, vi } from "vitest";
import { QueueFull } from "../../src/client/queue";
import { PlayedServer } from "../server";

const deaf = { pushed: () => {} };

test("while offline as many pushes are kept as fit in; the next one is an error", () => {
  const server = new PlayedServer({ count: 2, bytes: 1000 });
  const log = server.session.log("k", deaf);
  server.session.disconnected();
  log.push(1);
  log.push(2);
  expect(() => log.push(3)).toThrow(
    new QueueFull(
      "expected at most 2 writes to wait for the server, got one more; it was not kept",
    ),
  );
  server.connect();
  expect(server.pushes.map((push) => push.value)).toEqual([1, 2]);
  server.ack(1);
  log.push(3);
  expect(server.pushes).toHaveLength(3);
});

test("no more bytes are kept than fit in, as they are sent", () => {
  const server = new PlayedServer({ count: 10, bytes: 500 });
  const log = server.session.log("k", deaf);
  const push = () => log.push("é".repeat(100));
  push();
  expect(push).toThrow(
    /^expected at most 500 bytes to wait for the server, got \d+; the write was not kept$/,
  );
});

test("no push is under way whose id the server could have forgotten", () => {
  const server = new PlayedServer();
  const log = server.session.log("k", deaf);
  for (let i = 1; i <= 3000; i += 1) log.push(i);
  expect(server.pushes.length).toBeLessThan(1024);
  for (let id = 2; id <= server.pushes.length; id += 1) server.ack(id);
  expect(server.pushes.length).toBeLessThan(1024);
  for (let id = 1; id <= server.pushes.length; id += 1) server.ack(id);
  expect(server.pushes.map((push) => push.value)).toEqual(
    Array.from({ length: 3000 }, (_, i) => i + 1),
  );
});

test.each(["rate", "unavailable"])("a push refused with %s is kept, and sent later", (code) => {
  const server = new PlayedServer();
  const busy = vi.fn();
  server.session.onBusy = busy;
  const log = server.session.log("k", deaf);
  log.push("a");
  log.push("b");
  server.refuse(1, code);
  log.push("c");
  server.refuse(2, code);
  expect(server.pushes).toHaveLength(2);
  expect(busy).toHaveBeenCalled();
  server.session.queue.resume();
  const again = server.pushes.slice(2).map(({ id, value }) => [id, value]);
  expect(again).toEqual([
    [1, "a"],
    [2, "b"],
    [3, "c"],
  ]);
});

test("after a close for a message far too long, the longest is given up", () => {
  const server = new PlayedServer();
  const refused = vi.fn();
  const log = server.session.log("k", { ...deaf, refused });
  log.push("short");
  log.push("long".repeat(50));
  log.push("short, too");
  server.reconnect(1009);
  expect(refused).toHaveBeenCalledExactlyOnceWith(2, "too_large", expect.stringContaining("bytes"));
  expect(server.pushes.map((push) => push.value)).toEqual(["short", "short, too"]);
});
