import { afterEach, expect, test, vi } from "vitest";
import { xsrf } from "../../src/client/xsrf";

afterEach(() => vi.unstubAllGlobals());

const at = (cookie: string) => {
  vi.stubGlobal("document", { cookie });
  vi.stubGlobal("location", new URL("https://hub.example/user/ada/driftdb/room/r/page"));
};

test("a page says the token of its cookie to its own server, and to no other", () => {
  at("a=b; _xsrf=2|x; c=d");
  expect(xsrf("https://hub.example/user/ada/driftdb/room/r")).toEqual({ "X-XSRFToken": "2|x" });
  expect(xsrf("https://rooms.example/room/r")).toEqual({});
  expect(xsrf("https://hub.example.evil.example/")).toEqual({});
});

test("without that cookie it says nothing", () => {
  at("x_xsrf=1; a=b");
  expect(xsrf("https://hub.example/")).toEqual({});
});

test("a frame that may have no cookies goes without", () => {
  vi.stubGlobal("document", {
    get cookie(): string {
      throw new DOMException("forbidden", "SecurityError");
    },
  });
  expect(xsrf("https://hub.example/")).toEqual({});
});

test("a worker has none", () => {
  vi.stubGlobal("document", undefined);
  expect(xsrf("https://hub.example/")).toEqual({});
});
