// @vitest-environment happy-dom
import { act, cleanup, render, renderHook, screen } from "@testing-library/react";
import {
  createElement,
  type FunctionComponent,
  type ReactNode,
  StrictMode,
  useEffect,
} from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { uniqueClientId } from "../../src/driftdb/identity";
import {
  DriftDBProvider,
  RoomQRCode,
  StatusIndicator,
  useConnectionStatus,
  useDatabase,
  usePresence,
  useRoom,
  useSharedReducer,
  useSharedState,
  useUniqueClientId,
} from "../../src/react/index";
import { FakeSocket, giveTickets } from "../socket";

const API = "http://server/";

function inRoom({ children }: { children: ReactNode }): ReactNode {
  return createElement(DriftDBProvider, { api: API, room: "lecture", children });
}

function inStrictRoom({ children }: { children: ReactNode }): ReactNode {
  return createElement(StrictMode, null, inRoom({ children }));
}

const wrappers = [
  ["a room", inRoom],
  ["a room in strict mode", inStrictRoom],
] as const;

beforeEach(() => {
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  history.replaceState(null, "", "/");
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

/** Let the connection be opened, and the room answer. */
async function open(data: readonly object[] = []): Promise<void> {
  await act(async () => {
    FakeSocket.last.accept();
    FakeSocket.last.hear({ type: "init", key: "k", data, epoch: "E", recovered: false });
  });
}

const hear = (message: object) => act(async () => FakeSocket.last.hear({ key: "k", ...message }));
const pushed = () =>
  FakeSocket.last.sent.map((text) => JSON.parse(text)).filter(({ type }) => type === "push");

test.each([
  [{ aip: API }, "expected one of api, room, token, useBinary, onError, got aip"],
  [{ api: API, token: 5 }, "token: expected a string, got 5"],
])("a provider with %o says in words what is wrong", (props, words) => {
  const quiet = vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => render(createElement(DriftDBProvider, props as never))).toThrow(words);
  quiet.mockRestore();
});

test("a provider takes null for what is left out, as npm's does", async () => {
  history.replaceState(null, "", "/?_driftdb_room=old");
  const props = { api: API, room: null, useBinary: null, token: undefined };
  render(createElement(DriftDBProvider, props as never));
  await vi.waitFor(() => expect(FakeSocket.last.url).toContain("/room/old/connect"));
});

test("a server that is not there yet is asked again for a new room", async () => {
  const fetch = vi
    .fn()
    .mockRejectedValueOnce(new TypeError("fetch failed"))
    .mockResolvedValueOnce({ ok: false, status: 502 })
    .mockResolvedValue({ ok: true, json: async () => ({ room: "late" }) });
  vi.stubGlobal("fetch", fetch);
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  render(createElement(DriftDBProvider, { api: API }));
  await vi.waitFor(() => expect(FakeSocket.opened).toHaveLength(1), 50_000);
  expect(warn).toHaveBeenCalledTimes(1);
  expect(String(warn.mock.calls[0]?.[1])).toContain("http://server/new: expected a room, got no");
  warn.mockRestore();
  expect(FakeSocket.last.url).toContain("/room/late/connect");
});

test("a server that refuses a new room is not asked again", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const fetch = vi.fn(async () => ({ ok: false, status: 403 }));
  vi.stubGlobal("fetch", fetch);
  render(createElement(DriftDBProvider, { api: API }));
  await vi.waitFor(() => expect(warn).toHaveBeenCalledWith("driftdb:", expect.any(Error)), 50_000);
  expect(fetch).toHaveBeenCalledTimes(1);
  warn.mockRestore();
});

test.each(wrappers)("a state in %s is shared both ways", async (_, wrapper) => {
  const { result } = renderHook(() => useSharedState("k", 0), { wrapper });
  expect(result.current[0]).toBe(0);
  await act(async () => {});
  await open([{ value: 5, seq: 1 }]);
  expect(result.current[0]).toBe(5);
  await hear({ type: "push", value: 6, seq: 2 });
  expect(result.current[0]).toBe(6);
  await act(async () => result.current[1](7));
  expect(result.current[0]).toBe(7);
  expect(pushed().at(-1).value.v).toBe(7);
  const still = FakeSocket.opened.filter(({ closedWith }) => closedWith === undefined);
  expect(still).toHaveLength(1);
});

test("a function is applied to the room's newest value, also where somebody was faster", async () => {
  const { result } = renderHook(() => useSharedState("k", 0), { wrapper: inRoom });
  await act(async () => {});
  await open([{ value: 5, seq: 1 }]);
  const [, set] = result.current; // an old one does as well
  await hear({ type: "push", value: 10, seq: 2 });
  await act(async () => set((n) => n + 1));
  expect(result.current[0]).toBe(11);
  await hear({ type: "push", value: 20, seq: 3 });
  const { id } = pushed().at(-1);
  await hear({ type: "error", code: "conflict", message: "no", id, seq: 3 });
  expect(pushed().at(-1).value.v).toBe(21);
});

test("null is a value like any other", async () => {
  const { result } = renderHook(() => useSharedState<number | null>("k", 7), { wrapper: inRoom });
  await act(async () => {});
  await open([{ value: 5, seq: 1 }]);
  await act(async () => result.current[1](null));
  expect(result.current[0]).toBeNull();
  await act(async () => result.current[1]((value) => (value === null ? 8 : 9)));
  expect(result.current[0]).toBe(8);
});

test("what is set before there is a connection arrives", async () => {
  const { result } = renderHook(() => useSharedState("k", 0), { wrapper: inRoom });
  act(() => result.current[1](3));
  await act(async () => {});
  await open();
  expect(pushed().at(-1).value.v).toBe(3);
});

test("a component that is gone hears nothing, and another key is another value", async () => {
  const { result, rerender, unmount } = renderHook(({ key }) => useSharedState(key, 0), {
    wrapper: inRoom,
    initialProps: { key: "k" },
  });
  await act(async () => {});
  await open([{ value: 5, seq: 1 }]);
  rerender({ key: "other" });
  await hear({ type: "push", value: 6, seq: 2 });
  expect(result.current[0]).toBe(0);
  // Another component of the same key often comes soon.
  const left = { type: "unsubscribe", key: "k" };
  const sent = () => FakeSocket.last.sent.map((text) => JSON.parse(text));
  await vi.waitFor(() => expect(sent()).toContainEqual(left), 50_000);
  await act(async () => unmount());
  expect(FakeSocket.last.closedWith).toBe(1000);
}, 20_000);

test("a component that comes later, or comes back, begins with what the room is known to hold", async () => {
  const rendered: unknown[] = [];
  const Late: FunctionComponent = () => {
    rendered.push(useSharedState("k", 0)[0]);
    return null;
  };
  const page = (late: boolean) => inRoom({ children: late ? createElement(Late) : null }) as never;
  const { rerender } = render(page(true));
  await act(async () => {});
  await open([{ value: 42, seq: 1 }]);
  rendered.length = 0;
  rerender(page(false));
  rerender(page(true));
  await act(async () => {});
  expect(new Set(rendered)).toEqual(new Set([42]));
});

test.each([
  ["comes back", false],
  ["comes beside another one", true],
])(
  "a reducer in a component that %s begins with what the room is known to hold",
  async (_, both) => {
    const rendered: unknown[] = [];
    const add = (sum: number, n: number) => sum + n;
    const One: FunctionComponent = () => {
      useSharedReducer("k", add, 0);
      return null;
    };
    const Late: FunctionComponent = () => {
      rendered.push(useSharedReducer("k", add, 0)[0]);
      return null;
    };
    const page = (...shown: FunctionComponent[]) =>
      inRoom({ children: shown.map((each) => createElement(each, { key: each.name })) }) as never;
    const { rerender } = render(page(One));
    await act(async () => {});
    await open([{ value: { reset: 40 }, seq: 1 }]);
    await hear({ type: "push", value: { apply: 2, i: "other" }, seq: 2 });
    if (!both) rerender(page());
    rerender(page(...(both ? [One, Late] : [Late])));
    await act(async () => {});
    expect(new Set(rendered)).toEqual(new Set([42]));
    await hear({ type: "push", value: { apply: 1, i: "other" }, seq: 3 });
    expect(rendered.at(-1)).toBe(43);
  },
);

test("a component that comes later knows who is there", async () => {
  const seen: string[][] = [];
  const Late: FunctionComponent = () => {
    seen.push(Object.keys(usePresence("k", "blue")));
    return null;
  };
  const First: FunctionComponent = () => {
    usePresence("k", "red");
    return null;
  };
  const page = (late: boolean) =>
    inRoom({
      children: [createElement(First, { key: 1 }), late && createElement(Late, { key: 2 })],
    });
  const { rerender } = render(page(false) as never);
  await act(async () => {});
  await open();
  const clients = { me: { value: "red" }, a: { value: "blue", user: { name: "Ann" } } };
  await hear({ type: "presence_state", client: "me", clients });
  rerender(page(true) as never);
  await act(async () => {});
  expect(seen.at(-1)).toEqual(["a"]);
});

test("two kinds under one key are told to the app, and take no page down", async () => {
  const told: unknown[] = [];
  const Two: FunctionComponent = () => {
    useSharedState("k", 0);
    useSharedReducer("k", (value: number) => value, 5);
    return createElement("p", {}, "still there");
  };
  const onError = (error: unknown, key: string) => told.push([String(error), key]);
  const props = { api: API, room: "lecture", onError };
  render(createElement(DriftDBProvider, props, createElement(Two)));
  await act(async () => {});
  expect(screen.getByText("still there")).toBeTruthy();
  const error = 'WrongKind: expected the key "k" for a reducer, got one that is in use as a state';
  expect(told).toEqual([[error, "k"]]);
});

test("in strict mode one socket is opened, and one new room is made", async () => {
  const fetch = vi.fn(async () => ({ ok: true, json: async () => ({ room: "new" }) }));
  vi.stubGlobal("fetch", fetch);
  render(createElement(StrictMode, null, createElement(DriftDBProvider, { api: API })));
  await act(async () => {});
  await act(async () => {});
  expect([fetch.mock.calls.length, FakeSocket.opened.length]).toEqual([1, 1]);
  cleanup();
  FakeSocket.opened = [];
  renderHook(() => useSharedState("k", 0), { wrapper: inStrictRoom });
  await act(async () => {});
  expect(FakeSocket.opened.map(({ closedWith }) => closedWith)).toEqual([undefined]);
});

test("what is written for one room goes to no other, whenever the room changes", async () => {
  let room = "private";
  const wrapper = ({ children }: { children: ReactNode }) =>
    createElement(DriftDBProvider, { api: API, room, children });
  const { result, rerender } = renderHook(
    () => {
      const [value, set] = useSharedState("notes", "");
      // biome-ignore lint/correctness/useExhaustiveDependencies: once in each room.
      useEffect(() => set(`for ${room}`), [room]);
      return [value, set] as const;
    },
    { wrapper },
  );
  await act(async () => {});
  act(() => result.current[1]("meant for the private room"));
  room = "public";
  rerender();
  await act(async () => {});
  const answer = { type: "init", key: "notes", data: [], epoch: "E", recovered: false };
  await act(async () => FakeSocket.last.accept());
  await hear(answer);
  expect(FakeSocket.last.url).toContain("/room/public/");
  expect(pushed().map(({ value }) => value.v)).toEqual(["for public"]);
  const [first] = FakeSocket.opened as [FakeSocket];
  await act(async () => first.accept());
  first.hear(answer);
  expect(first.sent.join("")).toContain("meant for the private room");
});

test("what a component writes as it goes is under its own key, and arrives", async () => {
  const Parting: FunctionComponent<{ name: string }> = ({ name }) => {
    const [, set] = useSharedState(name, "");
    const [, dispatch] = useSharedReducer(`${name}-log`, (all: string) => all, "");
    useEffect(
      () => () => {
        set(`draft of ${name}`);
        dispatch("bye");
      },
      [name, set, dispatch],
    );
    return null;
  };
  const page = (name: string | null) =>
    inRoom({ children: name === null ? null : createElement(Parting, { name }) }) as never;
  const { rerender } = render(page("a"));
  await act(async () => {});
  await open();
  const answers = async (...keys: string[]) => {
    for (const key of keys)
      await hear({ type: "init", key, data: [], epoch: "E", recovered: false });
  };
  await answers("a", "a-log");
  for (const { key, value, id } of pushed()) {
    await hear({ type: "push", key, value, seq: id });
    await hear({ type: "ack", id, seq: id });
  }
  rerender(page("b"));
  rerender(page(null));
  await act(async () => {});
  await answers("a", "a-log", "b", "b-log"); // of those who wrote as they went
  const writes = pushed().filter(({ key, value }) => !key.startsWith("$meta/") && !value.reset);
  const written = writes.map(({ key, value }) => [key, value.v ?? value.apply]);
  expect(written.filter(([, value]) => value).sort()).toEqual([
    ["a", "draft of a"],
    ["a-log", "bye"],
    ["b", "draft of b"],
    ["b-log", "bye"],
  ]);
});

test("with another key a hook never has the old one's value, nor its beginning", async () => {
  const had: unknown[][] = [];
  const { rerender } = renderHook(
    ({ key }) => {
      const [state] = useSharedState(key, 0);
      const [text] = useSharedReducer(`${key}-log`, (all: string) => all, `begin ${key}`);
      had.push([key, state, text]);
    },
    { wrapper: inRoom, initialProps: { key: "k" } },
  );
  await act(async () => {});
  await open([{ value: 5, seq: 1 }]);
  rerender({ key: "other" });
  await hear({ type: "init", key: "other-log", data: [], epoch: "E", recovered: false });
  expect(had.filter(([key]) => key === "other")).not.toContainEqual(expect.arrayContaining([5]));
  expect(had.at(-1)).toEqual(["other", 0, "begin other"]);
  expect(pushed().at(-1)).toMatchObject({ key: "other-log", value: { reset: "begin other" } });
});

test("another token goes on with what waits", async () => {
  let write = (_: number) => {};
  const Slider: FunctionComponent = () => {
    const [value, set] = useSharedState("k", 0);
    write = set;
    return createElement("p", null, value);
  };
  const page = (token: string) =>
    createElement(DriftDBProvider, { api: API, room: "lecture", token }, createElement(Slider));
  giveTickets();
  const { rerender } = render(page("one"));
  await act(async () => {});
  await open([{ value: 5, seq: 1 }]);
  await act(async () => FakeSocket.last.lose());
  await act(async () => write(42));
  rerender(page("two"));
  await act(async () => {});
  const { calls } = vi.mocked(fetch).mock;
  expect(calls.at(-1)?.[1]?.headers).toEqual({ Authorization: "token two" });
  await open([{ value: 5, seq: 1 }]);
  expect(pushed().at(-1).value.v).toBe(42);
  expect(screen.getByText("42")).toBeTruthy();
});

test("an app hears what the room doesn't take, with the key", async () => {
  const onError = vi.fn();
  const wrapper = ({ children }: { children: ReactNode }) =>
    createElement(DriftDBProvider, { api: API, room: "lecture", onError, children });
  const { result } = renderHook(() => useSharedState<unknown>("k", 0), { wrapper });
  await act(async () => {});
  await open([{ value: 5, seq: 1 }]);
  await act(async () => result.current[1](6));
  await hear({ type: "error", code: "forbidden", message: "no", id: pushed().at(-1).id });
  await act(async () => result.current[1](new Map()));
  expect(onError.mock.calls).toEqual([
    [expect.objectContaining({ code: "forbidden" }), "k"],
    [expect.any(TypeError), "k"],
  ]);
  expect(result.current[0]).toBe(5);
});

test("a tab's id is there from the first rendering on", () => {
  const ids: string[] = [];
  renderHook(() => ids.push(useUniqueClientId()));
  expect(ids[0]).toMatch(/^[0-9a-f]{32}$/);
});

test("a server renders the initial value, and opens nothing", () => {
  const Slider: FunctionComponent = () => {
    const [value] = useSharedState("k", 7);
    return createElement("p", null, value, useUniqueClientId());
  };
  vi.stubGlobal("location", undefined);
  const html = renderToString(inRoom({ children: createElement(Slider) }));
  expect(html).toBe("<p>7</p>");
  expect(FakeSocket.opened).toHaveLength(0);
});

test.each(wrappers)("in %s a reducer's actions are in the room's order", async (_, wrapper) => {
  const add = (sum: number, n: number) => sum * 2 + n;
  const { result } = renderHook(() => useSharedReducer("k", add, 1, (n) => n + 0), {
    wrapper,
  });
  await act(async () => {});
  await open([{ value: { reset: 1 }, seq: 1 }]);
  await act(async () => result.current[1](5));
  expect(result.current[0]).toBe(7);
  await hear({ type: "push", value: { apply: 100, i: "theirs" }, seq: 2 });
  await act(() => new Promise((resolve) => setTimeout(resolve)));
  expect(result.current[0]).toBe((1 * 2 + 100) * 2 + 5);
});

test.each(wrappers)(
  "in %s presence has the others, and tells the own value",
  async (_, wrapper) => {
    const { result, rerender } = renderHook(({ value }) => usePresence("k", value), {
      wrapper,
      initialProps: { value: "red" },
    });
    await act(async () => {});
    await open();
    const clients = { me: { value: "red" }, a: { value: "blue", user: { name: "Ann" } } };
    await hear({ type: "presence_state", client: "me", clients });
    expect(result.current).toMatchObject({ a: { value: "blue", name: "Ann" } });
    expect(Object.keys(result.current)).toEqual(["a"]);
    rerender({ value: "green" });
    const client = uniqueClientId();
    await vi.waitFor(() => {
      const told = FakeSocket.last.sent.map((text) => JSON.parse(text));
      expect(told.filter(({ type }) => type === "presence").map(({ value }) => value)).toEqual([
        { value: "red", client },
        { value: "green", client },
      ]);
    }, 50_000);
  },
);

test("a reducer may change its state in place, and the component is drawn anew", async () => {
  const push = (list: number[], n: number) => {
    list.push(n);
    return list;
  };
  const { result } = renderHook(() => useSharedReducer("k", push, [] as number[]), {
    wrapper: inRoom,
  });
  await act(async () => {});
  await open();
  await hear({ type: "init", key: "k", data: [], epoch: "E", recovered: false });
  act(() => result.current[1](1));
  expect(result.current[0]).toEqual([1]);
  const own = pushed().at(-1) as { value: object };
  await hear({ type: "push", key: "k", value: own.value, seq: 2 });
  await hear({ type: "push", key: "k", value: { apply: 2, i: "other" }, seq: 3 });
  expect(result.current[0]).toEqual([1, 2]);
});

test("a component without a provider says what it needs", () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  expect(() => renderHook(() => useDatabase())).toThrow("expected a DriftDBProvider");
  vi.restoreAllMocks();
});

test("the connection and the room are there for what has no hook", async () => {
  const { result } = renderHook(() => ({ db: useDatabase(), room: useRoom() }), {
    wrapper: inRoom,
  });
  await act(async () => {});
  const heard: unknown[] = [];
  result.current.db.subscribe("k", ({ value }) => heard.push(value));
  await open([{ value: 5, seq: 1 }]);
  expect(heard).toEqual([5]);
  expect(result.current.room?.name).toBe("lecture");
});

test("the status tells whether there is a connection", async () => {
  const { result } = renderHook(() => useConnectionStatus(), { wrapper: inRoom });
  expect(result.current.connected).toBe(false);
  await act(async () => {});
  await act(async () => FakeSocket.last.accept());
  expect(result.current).toMatchObject({
    connected: true,
    debugUrl: "http://server/room/lecture/inspect",
  });
  await act(async () => FakeSocket.last.lose());
  expect(result.current.connected).toBe(false);
});

test("the status can be taken apart, and says in a word how it is", async () => {
  const missing = { status: 404, headers: new Headers({ "DriftDB-Missing": "room" }) };
  vi.stubGlobal("fetch", async () => missing);
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const Shown: FunctionComponent = () => {
    const { connected, text, phase, debugUrl } = useConnectionStatus();
    return createElement("p", {}, [connected, text, phase, debugUrl].join(", "));
  };
  const shown = [Shown, StatusIndicator].map((kind) => createElement(kind, { key: kind.name }));
  render(inRoom({ children: shown }) as never);
  await act(async () => {});
  await act(async () => FakeSocket.last.lose());
  const gone = "The server has no such room, or not any more.";
  expect(screen.getByRole("paragraph").textContent).toBe(`false, ${gone}, gone, `);
  expect(screen.getByRole("status").textContent).toBe("no such room");
  expect(warn).toHaveBeenCalledExactlyOnceWith("driftdb:", new Error(gone));
  warn.mockRestore();
});

test("the indicator shows the latency", async () => {
  render(inRoom({ children: createElement(StatusIndicator) }) as never);
  await act(async () => {});
  expect(screen.getByRole("status").textContent).toBe("not connected");
  await act(async () => FakeSocket.last.accept());
  await act(async () => FakeSocket.last.hear({ type: "pong", nonce: 1 }));
  expect(screen.getByRole("status").textContent).toMatch(/^connected \(\d+ ms\)inspect$/);
});

test("a room's id stands in the page's address, and in its QR code", async () => {
  const fetch = vi.fn(async () => ({ ok: true, json: async () => ({ room: "new-one" }) }));
  vi.stubGlobal("fetch", fetch);
  const page = () => createElement(DriftDBProvider, { api: API }, createElement(RoomQRCode));
  const { unmount } = render(page());
  await act(async () => {});
  expect(fetch.mock.calls).toEqual([["http://server/new", { method: "POST" }]]);
  expect(location.search).toBe("?_driftdb_room=new-one");
  expect(screen.getByRole("img").getAttribute("aria-label")).toContain("_driftdb_room=new-one");
  unmount();
  render(page());
  await act(async () => {});
  expect(fetch).toHaveBeenCalledTimes(1);
  expect(FakeSocket.last.url).toContain("/room/new-one/connect");
});

test("an address that is too long for a QR code has none", async () => {
  history.replaceState(null, "", `/?_driftdb_room=${"x".repeat(5_000)}`);
  render(createElement(DriftDBProvider, { api: API }, createElement(RoomQRCode)));
  await act(async () => {});
  expect(screen.queryByRole("img")).toBeNull();
});

test("an id of this tab is the same each time", () => {
  expect(uniqueClientId()).toMatch(/^[0-9a-f]{32}$/);
  expect(uniqueClientId()).toBe(uniqueClientId());
  // A duplicated tab gets a copy of what is stored; a tab that is loaded anew gets it back.
  expect(sessionStorage.getItem("_driftdb_client_id")).toBeNull();
  dispatchEvent(new Event("pagehide"));
  expect(sessionStorage.getItem("_driftdb_client_id")).toBe(uniqueClientId());
  dispatchEvent(new Event("pageshow"));
  expect(sessionStorage.getItem("_driftdb_client_id")).toBeNull();
});
