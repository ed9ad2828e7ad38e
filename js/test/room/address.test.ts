import { expect, test } from "vitest";
import { roomOf, rootOf } from "../../src/room/address";

test.each([
  "http://h:8080/room/r",
  "ws://h:8080/room/r/connect?token=t",
  "http://h:8080/room/r/page?key=k",
  "http://h:8080/room/r/inspect",
])("%s is a room's address", (url) => {
  expect(roomOf(url)).toBe("http://h:8080/room/r");
});

test("a room may have any name", () => {
  expect(roomOf("http://h/base/room/page")).toBe("http://h/base/room/page");
  expect(() => roomOf("http://h/base/page")).toThrow("expected a room's URL");
  expect(rootOf("http://h:8080?token=abc")).toBe("http://h:8080/");
});
