// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { join, leave } from "../../src/client/rooms";
import { people } from "../../src/pages/people";
import { FakeSocket } from "../socket";

beforeEach(() => {
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  localStorage.clear();
  sessionStorage.clear();
});

afterEach(() => vi.unstubAllGlobals());

/** Open the page of a room; what its people are told of whoever opened it. */
function open(room: string) {
  const connection = join(`http://localhost/room/${room}`);
  const box = people({ room, connection, leave() {} });
  document.body.replaceChildren(box);
  FakeSocket.last.accept();
  const [field, button] = [box.querySelector("input"), box.querySelector(".composer button")];
  const said = () =>
    FakeSocket.last.sent
      .map((frame) => JSON.parse(String(frame)))
      .filter(({ type, key }) => type === "presence" && key === "presence")
      .map(({ value }) => value);
  const close = () => leave(connection);
  return { field: field as HTMLInputElement, button: button as HTMLButtonElement, said, close };
}

test("the name of another room is offered, and told to nobody before somebody joins", () => {
  const first = open("first");
  first.field.value = " Ada ";
  first.button.click();
  expect(first.said()).toEqual([{ name: "Ada" }]);
  first.close();
  const second = open("second");
  expect([second.field.value, second.button.textContent]).toEqual(["Ada", "Join"]);
  expect(second.said()).toEqual([]);
  second.button.click();
  expect(second.said()).toEqual([{ name: "Ada" }]);
  second.close();
});

test("who has joined is there again after a reload, and who has left is not", () => {
  const first = open("r");
  first.field.value = "Ada";
  first.button.click();
  first.close();
  const again = open("r");
  expect([again.said(), again.button.textContent]).toEqual([[{ name: "Ada" }], "Leave"]);
  again.button.click();
  again.close();
  const after = open("r");
  expect([after.said(), after.field.value, after.button.textContent]).toEqual([[], "", "Join"]);
  after.close();
});
