import { expect, test } from "vitest";
import { pathOf, type Shell, shareable } from "../../src/pages/shell";

const shell = (reach: string): Shell => ({ root: "/a/", room: "r", reach, advice: "" });
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
