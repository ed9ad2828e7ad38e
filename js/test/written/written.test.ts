import { expect, test, vi } from "vitest";
import { SharedDict } from "../../src/room/dict";
import { SharedState } from "../../src/room/state";
import { Written } from "../../src/written/index";
import { PlayedServer } from "../server";

const ada = { name: "Ada" };
const form = (v: unknown) => ({ v, i: "" });

/** A state that Ada has set to 1, and who wrote it, as the room has told. */
function written() {
  const server = new PlayedServer();
  const state = new SharedState<number>(server.session, "k", 0);
  const who = new Written(state);
  const value = { value: form(1), seq: 1 };
  server.init([value]);
  server.init([{ ...value, time: 5_000, client: "a", user: ada }]);
  return { server, state, who };
}

test("one is told who wrote a state's value, and when", async () => {
  const { server, state, who } = written();
  await who.ready;
  const first = { value: 1, seq: 1, time: new Date(5_000), client: "a", user: ada, author: "Ada" };
  expect(who.message).toEqual(first);
  const told = vi.fn();
  const end = who.subscribe(told);
  server.tell({ type: "push", key: "k", value: form(2), seq: 2, time: 6_000, client: "b" });
  expect(told).toHaveBeenCalledExactlyOnceWith(who.message);
  expect(who.message).toMatchObject({ value: 2, client: "b", user: null, author: null });
  expect(state.value).toBe(2);
  server.tell({ type: "delete", key: "k", seq: 3 });
  expect([who.message, told.mock.lastCall]).toEqual([null, [null]]);
  end();
});

test("what is told again after a reconnection is no new message, and what came meanwhile is", () => {
  const { server, who } = written();
  const told = vi.fn();
  who.subscribe(told);
  const first = { value: form(1), seq: 1, time: 5_000, client: "a", user: ada };
  const answer = (entry: object | null, epoch: string) => {
    server.reconnect();
    const data = entry === null ? [] : [entry];
    for (const _ of ["the state", "who wrote it"]) server.init(data, { epoch, recovered: false });
  };
  const { message } = who;
  answer(first, "E");
  answer(first, "F");
  expect(told).not.toHaveBeenCalled();
  expect(who.message).toBe(message);
  answer({ ...first, time: 6_000, client: "b" }, "G");
  expect(told).toHaveBeenCalledExactlyOnceWith(who.message);
  expect(who.message).toMatchObject({ value: 1, client: "b" });
  answer(null, "H");
  answer(null, "I");
  expect(told.mock.calls.slice(1)).toEqual([[null]]);
});

test("an own write is there once the room has it", () => {
  const { server, state, who } = written();
  state.value = 7;
  expect([state.value, who.message?.value]).toEqual([7, 1]);
  server.tell({ type: "push", key: "k", value: form(7), seq: 2, time: 6_000, client: "me" });
  expect(who.message).toMatchObject({ value: 7, client: "me" });
});

test("who comes later knows it, and who has left hears no more, while the state does", () => {
  const { server, state, who } = written();
  const later = new Written(state);
  expect(later.message).toEqual(who.message);
  later.close();
  who.close();
  server.tell({ type: "push", key: "k", value: form(2), seq: 2 });
  expect([state.value, who.message?.value, later.message?.value]).toEqual([2, 1, 1]);
});

test("what is no state is refused", () => {
  const dict = new SharedDict(new PlayedServer().session, "k");
  expect(() => new Written(dict as never)).toThrow(/^expected a SharedState, got/);
});
