// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { roomUrl } from "../../src/client/address";

const config = (text: string): void => {
  const script = document.createElement("script");
  script.id = "jupyter-config-data";
  script.type = "application/json";
  script.textContent = text;
  document.head.append(script);
};

afterEach(() => {
  document.head.replaceChildren();
});

test("a room on the page's own server has the page's origin", () => {
  location.href = "https://hub.example/user/a/lab";
  expect(roomUrl("/user/a/driftdb/", "x")).toBe("https://hub.example/user/a/driftdb/room/x");
});

test("the page knows best below which prefix it reaches the server", () => {
  location.href = "https://hub.example/proxied/lab";
  config('{"baseUrl":"/proxied/"}');
  expect(roomUrl("/driftdb/", "x")).toBe("https://hub.example/proxied/driftdb/room/x");
});

test("a hub's service is where its path says, whatever page shows it", () => {
  location.href = "https://hub.example/user/a/lab";
  config('{"baseUrl":"/user/a/"}');
  const room = "https://hub.example/services/driftdb/room/class";
  expect(roomUrl("/services/driftdb/", "class")).toBe(room);
});

test.each(["", "{", '{"baseUrl":7}'])("a page's configuration of %j is no help", (text) => {
  location.href = "http://localhost:8888/lab";
  config(text);
  expect(roomUrl("/driftdb/", "x")).toBe("http://localhost:8888/driftdb/room/x");
});

test("a room on another server has that one's address, and its name is encoded", () => {
  expect(roomUrl("http://other:8080/", "a b%2F")).toBe("http://other:8080/room/a%20b%252F");
});
