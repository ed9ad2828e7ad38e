// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Door, NotLetIn } from "../../src/share/door";

const answers: [number, object][] = [];
const asked: { url: string; init: RequestInit }[] = [];

beforeEach(() => {
  answers.length = asked.length = 0;
  localStorage.clear();
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push({ url, init });
    const [status, content] = answers.shift() ?? [500, {}];
    return new Response(JSON.stringify(content), { status });
  });
});

afterEach(() => vi.unstubAllGlobals());

const door = () => new Door("http://h/room/r", "link_secret");
const sent = (number: number) => JSON.parse(String(asked[number]?.init.body));

test("a link is shown in a header, without cookies, for a ticket", async () => {
  answers.push([200, { ticket: "t" }]);
  expect(await door().ticket()).toBe("t");
  const [{ url, init } = { url: "", init: {} }] = asked;
  expect(url).toBe("http://h/room/r/ticket");
  expect(init.credentials).toBe("omit");
  expect(init.headers).toEqual({ Authorization: "Bearer link_secret" });
});

test("the ticket of the knock opens the first socket", async () => {
  answers.push([200, { ticket: "first" }], [200, { ticket: "second" }]);
  const one = door();
  await one.knock();
  expect(await one.ticket()).toBe("first");
  expect(await one.ticket()).toBe("second");
  expect(asked.length).toBe(2);
});

test("a browser says the same text of itself each time, and the name that was given", async () => {
  answers.push([200, { ticket: "t" }], [200, { ticket: "t" }]);
  await door().ticket();
  const named = door();
  named.name = "Ada";
  await named.ticket();
  expect(sent(0).browser).toMatch(/^[0-9a-f]{32}$/);
  expect(sent(1)).toEqual({ browser: sent(0).browser, name: "Ada" });
});

test.each([
  [403, { action: "name" }, "This link asks for a name."],
  [403, { action: "read" }, "This link has expired"],
  [404, {}, "This link has expired"],
  [429, { code: "quota" }, "As many people came in by this link as may."],
])("whoever isn't let in is told why: %i %o", async (status, content, message) => {
  answers.push([status, content]);
  const error = await door()
    .ticket()
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(NotLetIn);
  expect((error as NotLetIn).message).toContain(message);
  expect((error as NotLetIn).asksName).toBe(message.includes("name"));
});

test("a server that is busy or away is no refusal", async () => {
  for (const status of [429, 500, 503]) {
    answers.push([status, {}]);
    await expect(door().ticket()).rejects.not.toBeInstanceOf(NotLetIn);
  }
});
