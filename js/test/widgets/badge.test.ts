// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { join, leave } from "../../src/client/rooms";
import { Badge } from "../../src/widgets/badge";
import { FakeSocket } from "../socket";

const HERE = "$here";
let badges: Badge[];
const connection = () => join("http://server/room/lecture");
const last = (badge: Badge, selector: string) =>
  (badge.element.querySelector(selector) as HTMLElement).textContent;
const sent = () =>
  FakeSocket.last.sent
    .map((text) => JSON.parse(text))
    .filter(({ type, key }) => type === "presence" && key === HERE)
    .map(({ value }) => value);

function badge(): Badge {
  const joined = connection();
  const made = new Badge({ room: "lecture", connection: joined, leave: () => leave(joined) });
  badges.push(made);
  return made;
}

beforeEach(() => {
  badges = [];
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});

afterEach(() => {
  for (const each of badges) each.destroy();
  const joined = connection();
  for (let users = 0; users <= badges.length; users += 1) leave(joined);
  vi.unstubAllGlobals();
});

const REPEATS = "driftdb-repeats";
const person = (name: string) => ({ value: true, user: { name } });

test("it counts who is here, and names them", () => {
  const one = badge();
  FakeSocket.last.accept();
  expect(sent()).toEqual([true]);
  const clients = { me: person("Ada") };
  FakeSocket.last.hear({ type: "presence_state", key: HERE, client: "me", clients });
  expect(last(one, ".driftdb-others")).toBe("");
  FakeSocket.last.hear({ type: "presence", key: HERE, client: "b", ...person("<b>Bob</b>") });
  expect(last(one, ".driftdb-others")).toBe("2 here");
  expect(one.element.title).toContain("Here: Ada, <b>Bob</b>.");
  FakeSocket.last.hear({ type: "presence", key: HERE, client: "c", ...person("Ada") });
  expect(one.element.title).toContain("Here: Ada (2 windows), <b>Bob</b>.");
  FakeSocket.last.hear({ type: "presence", key: HERE, client: "c", value: null });
  FakeSocket.last.hear({ type: "presence", key: HERE, client: "b", value: null });
  expect(last(one, ".driftdb-others")).toBe("");
  FakeSocket.last.lose();
  expect(last(one, ".driftdb-others")).toBe("");
});

test("a page is here once, and until its last badge is gone", () => {
  const [one, two] = [badge(), badge()];
  FakeSocket.last.accept();
  expect(sent()).toEqual([true]);
  one.destroy();
  expect(sent()).toEqual([true]);
  two.destroy();
  expect(sent()).toEqual([true, null]);
});

test("in a box the first badge says for all of a room how it stands", () => {
  const [one, two, apart] = [badge(), badge(), badge()];
  const box = document.createElement("div");
  box.className = "widget-box";
  box.append(one.element, two.element);
  const repeats = () => [one, two, apart].map(({ element }) => element.classList.contains(REPEATS));
  FakeSocket.last.accept();
  expect(repeats()).toEqual([false, true, false]);
  two.refuse("no such value");
  expect(repeats()).toEqual([false, false, false]);
  two.refuse(null);
  FakeSocket.last.lose();
  expect(repeats()).toEqual([false, false, false]);
});

test("who may not write a value sees so before trying, and nothing of it at others", () => {
  const [one, two] = [badge(), badge()];
  FakeSocket.last.accept();
  one.allow(false);
  expect(last(one, ".driftdb-badge-text")).toBe("read only");
  expect(one.element.title).toContain("no permission to change it");
  expect(one.element.dataset.phase).toBe("refused");
  expect(last(two, ".driftdb-badge-text")).toBe("lecture");
  one.allow(true);
  expect(last(one, ".driftdb-badge-text")).toBe("lecture");
});
