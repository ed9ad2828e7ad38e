// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";
import { linksPanel } from "../../src/pages/links";

afterEach(() => vi.unstubAllGlobals());

const SHELL = { root: "/", room: "r", reach: "", advice: "driftdb serve", owned: true };

test.each([
  '<img src=x onerror="window.xss=1">',
  '"><svg onload=window.xss=1>',
  "</strong></li><script>window.xss=1</script>",
  "javascript:window.xss=1",
  "__proto__",
])("the name, id and keys of a link are text, whatever they are: %s", async (hostile) => {
  const link = {
    ...{ id: hostile, name: hostile, expires_at: null, people: 0, people_limit: 9 },
    grants: [hostile, { can: [hostile], keys: [hostile], prefixes: [hostile] }],
  };
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify([link])));
  const panel = linksPanel(SHELL, null);
  document.body.replaceChildren(panel);
  await vi.waitFor(() => expect(panel.querySelector("li")).not.toBeNull());
  const row = panel.querySelector("li") as HTMLElement;
  expect(row.querySelector("strong")?.textContent).toBe(hostile);
  expect(row.querySelector("button")?.getAttribute("aria-label")).toBe(`Revoke ${hostile}`);
  expect(row.textContent).toContain(`${hostile}: ${hostile}, ${hostile}…`);
  expect([...row.querySelectorAll("*")].map(({ localName }) => localName).sort()).toEqual([
    "button",
    "div",
    "div",
    "div",
    "strong",
  ]);
  panel.remove();
});

test.each([
  [["read"], "They may look, never ends"],
  [["write"], "They may change things, never ends"],
  [[{ can: ["read"], keys: ["slider"] }], "They may look: slider, never ends"],
  [[{ can: ["read", "append"], prefixes: ["log/"] }], "They may read, append: log/…, never ends"],
])("what a link gives stands there in the words of the form: %j", async (grants, about) => {
  const link = { id: "i", name: "", grants, expires_at: null, people: 0, people_limit: 9 };
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify([link])));
  const panel = linksPanel(SHELL, null);
  document.body.replaceChildren(panel);
  await vi.waitFor(() => expect(panel.querySelector("li")).not.toBeNull());
  expect(panel.querySelector(".quiet")?.textContent).toBe(about);
  panel.remove();
});
