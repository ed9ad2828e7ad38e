// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import type { Connection } from "../../src/client/connection";
import { loginLine } from "../../src/pages/login";

const SHELL = {
  root: "/",
  room: "r",
  reach: "",
  advice: "driftdb serve --host 0.0.0.0",
  owned: false,
};

/** A connection of which a test says how it stands. */
function standing() {
  const listeners = new Set<() => void>();
  const connection = { listeners, status: { phase: "connected", text: "" } };
  return {
    connection: connection as unknown as Connection,
    be(phase: string, text = "") {
      connection.status = { phase, text };
      for (const listener of listeners) listener();
    },
  };
}

test.each([
  [SHELL, "Load this page again"],
  [{ ...SHELL, advice: "jupyter lab --ip 0.0.0.0" }, "Log in again"],
  [{ ...SHELL, root: "/services/driftdb/" }, "Log in again"],
])("whom the room lets in no more is told, and led on: %o", (shell, label) => {
  const { connection, be } = standing();
  const line = loginLine(shell, connection);
  expect(line.hidden).toBe(true);
  be("refused", "<b>No permission.</b>");
  expect(line.hidden).toBe(false);
  const more = label === "Log in again" ? " Your login may have ended." : "";
  expect(line.querySelector("span")?.textContent).toBe(`<b>No permission.</b>${more}`);
  const button = line.querySelector("button");
  expect(button?.textContent).toBe(label);
  const reload = vi.spyOn(location, "reload").mockReturnValue();
  button?.click();
  expect(reload).toHaveBeenCalledOnce();
  reload.mockRestore();
  be("connected");
  expect(line.hidden).toBe(true);
});
