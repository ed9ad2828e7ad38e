// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import { FakeSocket } from "../socket";
import { hear, show } from "./stage";

const names = (el: HTMLElement) =>
  [...el.querySelectorAll(".driftdb-person")].map((person) => [
    person.querySelector(".driftdb-face")?.textContent,
    person.querySelector(".driftdb-name")?.textContent,
  ]);

function start(clients: object): HTMLElement {
  const el = show("presence");
  FakeSocket.last.accept();
  hear({ type: "presence_state", client: "me", clients });
  return el;
}

test("everybody who is here has an avatar", () => {
  const el = start({ a: { value: { name: "Ann Lee Smith" } }, b: { value: 3 } });
  expect(names(el)).toEqual([
    ["AS", "Ann Lee Smith (guest)"],
    ["G", "Guest"],
  ]);
  hear({ type: "presence", client: "a", value: null });
  expect(names(el)).toEqual([["G", "Guest"]]);
  hear({ type: "presence", client: "b", value: null });
  expect(el.textContent).toContain("nobody yet");
});

test("what the server knows stands beside what somebody calls themselves", () => {
  const user = { display_name: "Eve" };
  const el = start({
    a: { value: { name: "Ann" }, user },
    b: { value: {}, user },
    c: { value: { name: "Bob" }, user: { display_name: "Bob (guest)" } },
  });
  expect(names(el).map(([, name]) => name)).toEqual(["Ann (Eve)", "Eve", "Bob (guest)"]);
});

test("a colour is one that was chosen and can be measured, and nothing else", () => {
  const chosen = ["#008080", "#ffeb3b80", "red;background:url(//x)", "transparent", "blurple"];
  const el = start(
    Object.fromEntries(chosen.map((colour) => [colour, { value: { color: "#123", colour } }])),
  );
  const faces = [...el.querySelectorAll<HTMLElement>(".driftdb-face")];
  const colours = faces.map(({ style }) => style.backgroundColor);
  expect(colours).toEqual(["#008080", "#123", "#123", "#123", "#123"]);
});

test.each([
  ["#ffeb3b", "black"],
  ["#fe3", "black"],
  ["#c62828", "white"],
  ["#000080", "white"],
])("on %s the initials are %s", (colour, ink) => {
  const el = start({ a: { value: { name: "Ada", colour } } });
  expect(el.querySelector<HTMLElement>(".driftdb-face")?.style.color).toBe(ink);
});

test("what is not seen in a name is written out, so that nobody is taken for another", () => {
  const el = start({ a: { value: { name: "\u202eevil" } } });
  expect(names(el)[0]?.[1]).toBe("\\u202eevil (guest)");
});

test("whoever stays keeps their avatar, and all who come at once are drawn once", () => {
  const draws: (() => void)[] = [];
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draws.push(draw));
  const clients = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`c${n}`, { value: { name: `Person ${n}` } }]),
  );
  const el = start(clients);
  const made = vi.spyOn(document, "createElement");
  for (const draw of draws.splice(0)) draw();
  expect(made.mock.calls.length).toBe(50 * 3);
  const before = [...el.querySelectorAll(".driftdb-person")];
  made.mockClear();
  for (let n = 0; n < 20; n += 1)
    hear({ type: "presence", client: "c7", value: { name: "Ann", x: n } });
  hear({ type: "presence", client: "c9", value: null });
  expect(draws).toHaveLength(1);
  draws[0]?.();
  expect(made.mock.calls.length).toBe(3);
  const after = [...el.querySelectorAll(".driftdb-person")];
  expect(after.length).toBe(49);
  expect(after[6]).toBe(before[6]);
  expect(after[7]?.textContent).toBe("AAnn (guest)");
  expect(after[8]).toBe(before[8]);
  expect(after[9]).toBe(before[10]);
  made.mockRestore();
});

test("a room that tells of all of its people again draws nobody anew", () => {
  const clients = Object.fromEntries(
    Array.from({ length: 50 }, (_, n) => [`c${n}`, { value: { name: `Person ${n}` } }]),
  );
  start(clients);
  const made = vi.spyOn(document, "createElement").mockClear();
  hear({ type: "presence_state", client: "me", clients: structuredClone(clients) });
  expect(made).not.toHaveBeenCalled();
});

test("of very many people the first fifty have an avatar, and the others are counted", () => {
  const clients = Object.fromEntries(
    Array.from({ length: 200 }, (_, n) => [`c${n}`, { value: n }]),
  );
  const el = start(clients);
  const more = () => el.querySelector<HTMLButtonElement>(".driftdb-more");
  const shown = () => el.querySelectorAll(".driftdb-person").length;
  expect([shown(), more()?.textContent]).toEqual([50, "+150"]);
  expect(more()?.getAttribute("aria-label")).toBe("Show more of 200 people");
  hear({ type: "presence", client: "c0", value: null });
  expect(el.querySelector<HTMLElement>(".driftdb-person")?.title).toBe("Guest: 1");
  expect([shown(), more()?.textContent]).toEqual([50, "+149"]);
  more()?.click();
  expect([shown(), more()?.textContent]).toEqual([100, "+99"]);
  for (let n = 1; n < 100; n += 1) hear({ type: "presence", client: `c${n}`, value: null });
  expect([shown(), more()]).toEqual([100, null]);
});

test("whoever shows people says how many at first", () => {
  const el = show("presence", { most: 1 });
  FakeSocket.last.accept();
  const clients = { a: { value: { name: "Ann" } }, b: { value: { name: "Bob" } } };
  hear({ type: "presence_state", client: "me", clients });
  expect(names(el)).toEqual([["A", "Ann (guest)"]]);
  expect(el.querySelector(".driftdb-more")?.textContent).toBe("+1");
});
