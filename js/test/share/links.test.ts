import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type LinkOptions, Refused, ShareLinks } from "../../src/share/index";

const TOLD = {
  ...{ id: "i", name: "students", grants: [{ can: ["read"] }], expires_at: 5, expired: false },
  ...{ people_limit: 9, people: 2, people_here: 1, connections: 3, ask_name: true },
};
let asked: [string, RequestInit][];
let answers: [number, unknown][];

beforeEach(() => {
  asked = [];
  answers = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push([`${init.method} ${url}`, init]);
    const [status, content] = answers.shift() ?? [500, null];
    return new Response(JSON.stringify(content), { status });
  });
});

afterEach(() => vi.unstubAllGlobals());

const URL = "http://h/room/r";
const links = () => new ShareLinks(URL, { token: "secret" });

test("links are listed, with the owner's secret in a header", async () => {
  for (const token of ["secret", () => "secret", async () => "secret"]) {
    answers = [[200, [TOLD]]];
    const [link] = await new ShareLinks(`${URL}/page`, { token }).list();
    expect(link).toEqual({
      ...{ id: "i", name: "students", grants: [{ can: ["read"] }], expired: false },
      ...{ expiresAt: 5, people: 2, peopleLimit: 9, peopleHere: 1, connections: 3, askName: true },
    });
    const [what, init] = asked.pop() ?? [];
    expect([what, init?.headers]).toEqual([`GET ${URL}/links`, { Authorization: "token secret" }]);
  }
});

test("the secret may stand in the address, and without one nothing is shown", async () => {
  answers = [
    [200, []],
    [200, []],
  ];
  await new ShareLinks(`${URL}?token=s`).list();
  await new ShareLinks(URL).list();
  const shown = asked.map(([what, { headers }]) => [what, headers]);
  expect(shown).toEqual([
    [`GET ${URL}/links`, { Authorization: "token s" }],
    [`GET ${URL}/links`, {}],
  ]);
});

test.each<[LinkOptions, object, string]>([
  [{ role: "read" }, { grants: "read" }, ""],
  [{ role: "write", key: "a b" }, { grants: { can: "write", keys: ["a b"] } }, "?key=a%20b"],
  [
    { role: "read", key: "a", keys: ["a", "b"] },
    { grants: { can: "read", keys: ["a", "b"] } },
    "?key=a",
  ],
  [
    { role: { can: ["append"], prefixes: ["poll/"] } },
    { grants: { can: ["append"], prefixes: ["poll/"] } },
    "",
  ],
  [
    { role: "read", expiresSeconds: 60, name: "n", people: 3, askName: true },
    { grants: "read", lifetime_seconds: 60, name: "n", people_limit: 3, ask_name: true },
    "",
  ],
  [{ role: "read", expiresSeconds: null }, { grants: "read", lifetime_seconds: null }, ""],
])("a link is made as the server has it: %o", async (options, sent, query) => {
  answers = [[200, { ...TOLD, url: `${URL}/shared#link_s`, advice: null }]];
  const made = await links().make(options);
  expect(JSON.parse(String(asked[0]?.[1].body))).toEqual(sent);
  expect([made.url, made.advice, made.people]).toEqual([`${URL}/shared${query}#link_s`, null, 2]);
});

test("a link is taken back by its id or name", async () => {
  answers = [[200, 2]];
  expect(await links().revoke("all students/x")).toBe(2);
  expect(asked[0]?.[0]).toBe(`DELETE ${URL}/links/all%20students%2Fx`);
});

test.each([
  [403, { code: "forbidden", message: "only its owner" }, "forbidden", "only its owner"],
  [401, null, "forbidden", "the server answered 401"],
  [502, "<html>", "unavailable", "the server answered 502"],
])("what the server refuses is told: %i", async (status, content, code, message) => {
  answers = [[status, content]];
  const error = await links()
    .list()
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(Refused);
  expect(error).toMatchObject({ code, message });
});

test.each([
  [{}, 'expected a role ("read" or "write"), got undefined'],
  [{ role: ["read"], keys: ["a"] }, "expected a role beside keys, got object"],
  [{ role: "read", expires: "2h" }, "got expires"],
  [{ role: "read", people: 0 }, "people: expected a whole number, 1 or more, got 0"],
])("what makes no link is refused here: %o", async (options, message) => {
  await expect(links().make(options as LinkOptions)).rejects.toThrow(message);
  expect(asked).toEqual([]);
});
