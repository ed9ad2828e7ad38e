// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import { invitation, shareButton } from "../../src/pages/share";
import { pathOf } from "../../src/pages/shell";

const shell = {
  ...{ root: "/", room: "r", reach: "http://10.0.0.1:80/", advice: "driftdb serve" },
  owned: false,
};

test("a link has a QR code, but where it is too long for one", () => {
  document.location.href = "http://localhost/";
  expect(invitation(shell, pathOf("r", "page", "k")).querySelector("svg")).not.toBeNull();
  const long = invitation(shell, pathOf("r", "page", "é".repeat(500)));
  expect(long.querySelector("svg")).toBeNull();
  expect(long.textContent).toContain("too long for a QR code");
  expect(long.querySelector("a")?.href).toContain("%C3%A9");
  expect(long.querySelector("button")?.textContent).toBe("Copy the link");
});

test.each([true, false])("share links are asked for by the owner alone: %s", async (owned) => {
  const fetched = vi.fn(async () => new Response("[]"));
  vi.stubGlobal("fetch", fetched);
  HTMLDialogElement.prototype.showModal ??= () => {};
  shareButton({ ...shell, owned }, "room/r/page").click();
  await Promise.resolve();
  expect(fetched).toHaveBeenCalledTimes(owned ? 1 : 0);
  expect(document.querySelector(".links") !== null).toBe(owned);
  document.body.replaceChildren();
  vi.unstubAllGlobals();
});
