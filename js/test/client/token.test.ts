import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connection } from "../../src/client/connection";
import { FakeSocket } from "../socket";

const URL = "http://h:8080/room/r";

let connection: Connection;
let asked: string[];
let answers: { status: number; body?: object }[];

beforeEach(() => {
  FakeSocket.opened = [];
  asked = [];
  answers = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", async (url: string, { headers }: { headers: Record<string, string> }) => {
    asked.push(`${url.slice(URL.length)} ${headers.Authorization}`);
    const { status, body } = answers.shift() ?? {
      status: 200,
      body: { ticket: `t${asked.length}` },
    };
    return new Response(JSON.stringify(body ?? {}), { status });
  });
});

afterEach(() => {
  connection.close();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** A function that returns one token after the other. */
const several = () => {
  let count = 0;
  return vi.fn(async () => {
    count += 1;
    return `token-${count}`;
  });
};

const opened = (count = 1) => vi.waitFor(() => expect(FakeSocket.opened).toHaveLength(count));

test.each(["a.signed.token", "plain", "link_secret"])(
  "a token is traded for a ticket, and stands in no URL: %s",
  async (text) => {
    for (const token of [text, () => text]) {
      FakeSocket.opened = [];
      connection = new Connection(URL, { token });
      await opened();
      expect(FakeSocket.last.url).toMatch(/\?&ticket=t\d$/);
      expect(asked.pop()).toBe(`/ticket token ${text}`);
      connection.close();
    }
  },
);

test("who is refused for the token is told to get another, and a retry asks again", async () => {
  answers = [{ status: 401 }, { status: 401 }];
  const token = several();
  for (const given of ["old", token]) {
    connection = new Connection(URL, { token: given });
    await vi.waitFor(() => expect(connection.status.phase).toBe("refused"));
    expect(connection.status.text).toContain("get another one");
    if (given === "old") connection.close();
  }
  connection.retry();
  await opened();
  expect(asked.at(-1)).toBe("/ticket token token-2");
});

test("a function is asked once, and again after 4401", async () => {
  const token = several();
  connection = new Connection(URL, { token });
  await opened();
  FakeSocket.last.accept();
  expect(FakeSocket.last.sent).toContain('{"type":"renew"}');
  FakeSocket.last.lose(1006);
  connection.retry();
  await opened(2);
  FakeSocket.last.accept();
  expect(token).toHaveBeenCalledTimes(1);
  FakeSocket.last.lose(4401);
  connection.retry();
  await opened(3);
  expect(asked).toEqual([
    "/ticket token token-1",
    "/ticket token token-1",
    "/ticket token token-2",
  ]);
});

test("where the token that it knows has ended a function is asked for another, once", async () => {
  const token = several();
  connection = new Connection(URL, { token });
  await opened();
  FakeSocket.last.accept();
  FakeSocket.last.lose(1006);
  answers = [{ status: 401 }];
  connection.retry();
  await opened(2);
  FakeSocket.last.accept();
  FakeSocket.last.lose(1006);
  answers = [{ status: 401 }, { status: 401 }];
  connection.retry();
  await vi.waitFor(() => expect(connection.status.phase).toBe("refused"));
  expect(token).toHaveBeenCalledTimes(3);
});

test("it goes on with another before its own ends, over the same connection", async () => {
  connection = new Connection(URL, { token: several() });
  await opened();
  FakeSocket.last.accept();
  FakeSocket.last.hear({ type: "expires", in_seconds: 30 });
  const renewed = '{"type":"renew","token":"token-2"}';
  await vi.waitFor(() => expect(FakeSocket.last.sent).toContain(renewed));
  FakeSocket.last.hear({ type: "renewed", in_seconds: 600 });
  expect(FakeSocket.opened).toHaveLength(1);
  expect(connection.status.phase).toBe("connected");
});

test("where the function has no token it is tried again", async () => {
  vi.spyOn(console, "warn").mockReturnValue();
  const token = vi.fn(async (): Promise<string> => {
    if (token.mock.calls.length === 1) throw new Error("the login has ended");
    return "token";
  });
  connection = new Connection(URL, { token });
  await vi.waitFor(() => expect(connection.status.phase).toBe("reconnecting"));
  connection.retry();
  await opened();
});

test("where a room refuses who has no token a function that has none is asked again", async () => {
  const warned = vi.spyOn(console, "warn").mockReturnValue();
  answers = Array.from({ length: 9 }, () => ({ status: 401 }));
  const gone = new Error("the application is being restarted");
  for (const token of [
    () => Promise.reject(gone),
    () => {
      throw gone;
    },
    () => undefined as unknown as string,
    () => null as unknown as string,
  ]) {
    connection = new Connection(URL, { token });
    await vi.waitFor(() => expect(connection.status.phase).not.toBe("connecting"));
    expect(connection.status.phase).toBe("reconnecting");
    connection.close();
  }
  expect(asked).toEqual([]);
  const errors = warned.mock.calls.map(([, error]) => error);
  expect(errors).toContain(gone);
  expect(errors.map(String)).toContain("TypeError: expected a token, got undefined");
});

test("so it is where the token that it knows has ended", async () => {
  vi.spyOn(console, "warn").mockReturnValue();
  const token = vi.fn(async () => {
    if (token.mock.calls.length === 2) throw new Error("the application is being restarted");
    return `token-${token.mock.calls.length}`;
  });
  connection = new Connection(URL, { token });
  await opened();
  FakeSocket.last.accept();
  FakeSocket.last.lose(1006);
  answers = [{ status: 401 }];
  connection.retry();
  await vi.waitFor(() => expect(FakeSocket.opened).toHaveLength(2), 10_000);
  expect(asked.pop()).toBe("/ticket token token-3");
});

test("a connection that was closed meanwhile opens nothing", async () => {
  let give = (_: string) => {};
  const token = () => new Promise<string>((resolve) => (give = resolve));
  connection = new Connection(URL, { token });
  connection.close();
  give("late");
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  await Promise.resolve();
  expect(FakeSocket.opened).toHaveLength(0);
});
