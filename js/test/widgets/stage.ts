import { afterEach, beforeEach, vi } from "vitest";
import type { Json } from "../../src/protocol/messages";
import widget from "../../src/widgets/index";
import { FakeSocket } from "../socket";

let ends: (() => void)[] = [];

beforeEach(() => {
  FakeSocket.opened = [];
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("requestAnimationFrame", (draw: () => void) => draw());
});

/** Take all views out of the page. */
export function endViews(): void {
  for (const end of ends) end();
  ends = [];
}

afterEach(() => {
  endViews();
  document.body.replaceChildren();
  sessionStorage.clear();
  vi.unstubAllGlobals();
});

/** Show a view of the key `k` in the page. */
export function show(
  kind: string,
  options: Record<string, Json> = {},
  more: Record<string, unknown> = {},
): HTMLElement {
  const traits: Record<string, unknown> = {
    _server: "/driftdb/",
    _room: "lecture",
    _key: "k",
    _kind: kind,
    _options: options,
    ...more,
  };
  const model = { get: (name: string) => traits[name] } as Parameters<
    typeof widget.render
  >[0]["model"];
  const el = document.createElement("div");
  document.body.append(el);
  ends.push(widget.render({ model, el }));
  return el;
}

/** Let the room say something about the key `k`. */
export function hear(message: object): void {
  FakeSocket.last.hear({ key: "k", ...message });
}
