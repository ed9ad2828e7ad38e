// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Home } from "../../src/widgets/home";

/** What was imported, and what each of these URLs has; what has nothing is not there. */
const imported: string[] = [];
let served: (url: string) => Promise<object>;

vi.mock("../../src/widgets/module", () => ({
  importModule: (url: string) => {
    imported.push(url);
    return served(url);
  },
}));

const CODE = { Chart: class {} };
const FILE = "chart-ABC.js";
const HERE = "https://hub.example/user/ada";

let chartCode: typeof import("../../src/widgets/chart_code").chartCode;
let filesBeside: typeof import("../../src/widgets/chart_code").filesBeside;

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("DRIFTDB_CHART", FILE);
  vi.stubGlobal("location", new URL(`${HERE}/lab`));
  vi.stubGlobal("driftdbFiles", undefined);
  vi.spyOn(console, "warn").mockImplementation(() => {});
  imported.length = 0;
  served = async () => CODE;
  vi.resetModules(); // what was loaded stays so as long as the page
  ({ chartCode, filesBeside } = await import("../../src/widgets/chart_code"));
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const home = (url: string, code?: Home["code"]) => ({ connection: { url }, code }) as Home;
const gone = () => Promise.reject(new Error("404"));
const never = () => new Promise<never>(() => {});

test("the page's own server gives the code, once", async () => {
  const here = home(`${HERE}/driftdb/room/a`);
  expect(await chartCode(here)).toBe(CODE);
  expect(await chartCode(here)).toBe(CODE);
  expect(imported).toEqual([`${HERE}/driftdb/pages/${FILE}`]);
});

test.each([
  "https://evil.example/driftdb/room/a",
  "http://hub.example/driftdb/room/a",
  "https://hub.example:8443/driftdb/room/a",
  "https://hub.example.evil.example/driftdb/room/a",
])("nothing is imported from the server of a room that is elsewhere: %s", async (room) => {
  await expect(chartCode(home(room))).rejects.toThrow("the page's own");
  expect(imported).toEqual([]);
  const code = vi.fn(async () => "the kernel's");
  expect(await chartCode(home(room, code))).toBe(CODE);
  expect(code).toHaveBeenCalledWith(FILE);
  expect(imported.map((url) => new URL(url).protocol)).toEqual(["blob:"]);
});

test("an extension's own file is taken before all others, for all rooms", async () => {
  filesBeside(`${HERE}/lab/extensions/driftdb-jupyter/static/remoteEntry.1.js?v=2`);
  await chartCode(home("https://evil.example/driftdb/room/a"));
  expect(imported).toEqual([`${HERE}/lab/extensions/driftdb-jupyter/static/${FILE}`]);
});

test("an element of the page is not where the files are", async () => {
  const link = document.createElement("a");
  link.href = "https://evil.example/";
  vi.stubGlobal("driftdbFiles", link); // as a page's `<a id="driftdbFiles">` is
  await expect(chartCode(home("https://evil.example/driftdb/room/a"))).rejects.toThrow();
  expect(imported).toEqual([]);
});

test("where the page's server has another version, the kernel is asked", async () => {
  served = (url) => (url.startsWith("blob:") ? Promise.resolve(CODE) : gone());
  expect(await chartCode(home(`${HERE}/driftdb/room/a`, async () => "the kernel's"))).toBe(CODE);
});

test("a server that doesn't answer holds up neither its own charts nor those of other rooms", async () => {
  served = (url) => (url.includes("slow") ? never() : Promise.resolve(CODE));
  const waiting = chartCode(home(`${HERE}/slow/room/a`));
  expect(await chartCode(home(`${HERE}/driftdb/room/b`))).toBe(CODE);
  const failed = expect(waiting).rejects.toThrow("or a kernel");
  await vi.runAllTimersAsync();
  await failed;
});
