// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { pathOf, readShell, type Shell, shareable } from "../../src/pages/shell";

const shell = (reach: string): Shell => ({
  ...{ root: "/a/", room: "r", reach, advice: "" },
  owned: false,
});
const at = (url: string) => new URL(url) as unknown as Location;

test("a page that came from the network is shared as it is", () => {
  const url = shareable(
    shell("http://10.0.0.1:80/a/"),
    "room/r/page",
    at("https://lab.example/a/"),
  );
  expect(url).toBe("https://lab.example/a/room/r/page");
});

test.each(["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "rooms.localhost", "0.0.0.0", "[::]"])(
  "from %s it is shared at the machine's own address",
  (host) => {
    const page = at(`http://${host}:8080/a/`);
    expect(shareable(shell("http://10.0.0.1:8080/a/"), "x", page)).toBe("http://10.0.0.1:8080/a/x");
    expect(shareable(shell(""), "x", page)).toBeNull();
  },
);

test("names and keys are quoted", () => {
  expect(pathOf("a/b c", "page", "k&l")).toBe("room/a%2Fb%20c/page?key=k%26l");
});

test("a token or ticket leaves the address, and nothing else does", () => {
  history.replaceState({ own: 1 }, "", "/room/r/page?key=a%20b&token=s3cret&ticket=t#part");
  readShell();
  expect(location.pathname + location.search + location.hash).toBe("/room/r/page?key=a+b#part");
  expect(new URLSearchParams(location.search).get("key")).toBe("a b");
  expect(history.state).toEqual({ own: 1 });
  history.replaceState(null, "", "/room/r/page?key=a%20b");
  readShell();
  expect(location.search).toBe("?key=a%20b"); // not even written anew
});

test.each([
  ["yes", true],
  [undefined, false],
])("the server tells who owns the room: %s", (mark, owned) => {
  if (mark !== undefined) document.documentElement.dataset.owned = mark;
  expect(readShell().owned).toBe(owned);
  delete document.documentElement.dataset.owned;
});
