// @vitest-environment happy-dom
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { join, leave } from "../../src/client/rooms";
import { readMeta } from "../../src/pages/meta";
import { Tree } from "../../src/pages/tree";
import type { Json } from "../../src/protocol/messages";
import type { Home } from "../../src/widgets/home";
import { PresenceView } from "../../src/widgets/presence";
import { isRecord } from "../../src/widgets/record";
import { StateView } from "../../src/widgets/state";
import { StreamView } from "../../src/widgets/stream";
import { FakeSocket } from "../socket";

const NAMES = [
  ...["__proto__", "constructor", "toString", "kind", "control", "options", "label", "colour"],
  ...["progress", "id", "total", "postfix", "message", "level", "time", "$dataframe", "columns"],
  ...["data", "$date", "$compacted", "name", "v", "i"],
];
const KINDS = ["__proto__", "button", "dropdown", "date", "file", "range", "slider", "table"];

/** JSON that has what the pages read in odd places; as it comes, with names that objects inherit. */
const anything = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Json>(null, true, 0, -1.5, 1e300, "", "\u001b[38;5m"),
    fc.string(),
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.constantFrom(...NAMES), tie("value")), { maxLength: 5 })
      .map((fields) => Object.fromEntries(fields)),
  ),
})).value;

let rooms = 0;
let home: Home;

/** Go to another room, of which the socket is `FakeSocket.last`. */
function enter(): HTMLElement {
  rooms += 1;
  const connection = join(`http://localhost/room/${rooms}`);
  home = { room: String(rooms), connection, leave: () => leave(connection) };
  FakeSocket.last.accept();
  return document.createElement("div");
}

function hear(message: object): void {
  FakeSocket.last.hear({ key: "k", ...message });
}

function hold(values: readonly Json[]): void {
  hear({ type: "init", data: values.map((value, n) => ({ value, seq: n + 1 })), epoch: "E" });
}

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draw());
});

afterEach(() => {
  FakeSocket.opened = [];
  vi.unstubAllGlobals();
});

test("any value is shown by any control, and where none is known by that name", () => {
  fc.assert(
    fc.property(anything, fc.constantFrom(...KINDS), anything, (value, kind, more) => {
      const el = enter();
      const control = isRecord(more) ? { ...more, kind } : { kind };
      const asked = readMeta({ kind: "state", control })?.control ?? {};
      const view = new StateView(home, "k", asked, {}, el);
      hold([value]);
      expect(el.querySelector(".driftdb-set")?.childElementCount).toBe(1);
      view.destroy();
    }),
  );
});

test("any values are lines, and so is the next one", () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 5 }), (values) => {
      const el = enter();
      const view = new StreamView(home, "k", {}, el);
      hold([...values, "last"]);
      const lines = [...el.querySelectorAll(".driftdb-line")];
      expect(lines.at(-1)?.textContent).toBe("last");
      view.destroy();
    }),
  );
});

test("anybody is shown, whatever they say of themselves", () => {
  fc.assert(
    fc.property(anything, anything, (value, user) => {
      const el = enter();
      const view = new PresenceView(home, "k", {}, el);
      hear({ type: "presence_state", client: "me", clients: { a: { value, user } } });
      expect(el.querySelectorAll(".driftdb-person")).toHaveLength(1);
      view.destroy();
    }),
  );
});

test("any value is a tree, also after any other", () => {
  fc.assert(
    fc.property(fc.array(anything), (values) => {
      const tree = new Tree();
      for (const value of values) tree.show(value);
    }),
  );
});
