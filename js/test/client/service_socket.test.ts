// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { foreignService, serviceSocket } from "../../src/client/service_socket";

const ROOT = "https://hub.example/services/driftdb/";

class FakeSocket {
  static made: FakeSocket[] = [];
  onclose: ((event: { code: number }) => void) | null = null;
  onopen: ((event: object) => void) | null = null;
  closed = false;

  constructor(
    readonly url: string,
    readonly offered: string[],
  ) {
    FakeSocket.made.push(this);
  }

  close(): void {
    this.closed = true;
  }
}

beforeEach(() => {
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([
  ["https://hub.example/user/a/lab", `${ROOT}room/class`, ROOT],
  ["https://hub.example/user/a/lab", "https://hub.example/user/a/driftdb/room/x", null],
  [`${ROOT}room/class/page`, `${ROOT}room/class`, null],
  ["https://hub.example.evil/user/a/lab", `${ROOT}room/class`, null],
])("a page at %s asks for %s: the login is that of %s", (page, room, root) => {
  const { origin, href } = new URL(page);
  expect(foreignService(room, { origin, href } as Location)).toBe(root);
});

test.each([() => Promise.resolve({}), () => Promise.reject(new Error("away"))])(
  "a socket is opened when the login has ended, however it did",
  async (answer) => {
    const asked = vi.fn(answer);
    vi.stubGlobal("fetch", asked);
    const socket = new (serviceSocket(ROOT))("wss://hub.example/x", ["driftdb", "c"]);
    expect(FakeSocket.made).toEqual([]);
    await vi.waitFor(() => expect(FakeSocket.made).toHaveLength(1));
    expect(FakeSocket.made[0]?.offered).toEqual(["driftdb", "c"]);
    expect(asked).toHaveBeenCalledWith(`${ROOT}login`, { credentials: "same-origin" });
    const heard = vi.fn();
    socket.onclose = heard;
    FakeSocket.made[0]?.onclose?.({ code: 1006 });
    expect(heard).toHaveBeenCalledWith({ code: 1006 });
  },
);

test("a socket that is closed during the login is never opened", async () => {
  let answer = (_: object): void => {};
  vi.stubGlobal(
    "fetch",
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const socket = new (serviceSocket(ROOT))("wss://hub.example/x", ["driftdb", "c"]);
  socket.close();
  answer({});
  await new Promise((resolve) => setTimeout(resolve));
  expect(FakeSocket.made).toEqual([]);
});
