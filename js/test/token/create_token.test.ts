import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { createToken, type TokenOptions } from "../../src/server/index";
import { load } from "../vectors";

const KEY = "a secret of thirty-two letters or more";

const cases = load<{ rule: string; options: TokenOptions; token: string }[]>("tokens");

test.each(cases)("$rule", async ({ options, token }) => {
  expect(await createToken(options)).toBe(token);
});

test("what no server would take is refused, without the key in the words", async () => {
  for (const wrong of [
    { key: KEY },
    { key: KEY, room: "" },
    { key: KEY, room: "r", roomPrefix: "r" },
    { key: KEY, room: "r", expiresSeconds: Number.NaN },
    { key: KEY, room: "r", expires: "2h" },
    { key: KEY, room: "r", role: "owner" },
    { key: KEY, room: "r", groups: "staff" },
    { key: Buffer.from(KEY), room: "r" },
    { room: "r" },
    { key: "too short", room: "r" },
    { key: '{"keys":[]}', room: "r" },
    { key: '{"too short', room: "r" },
  ]) {
    const signed = createToken(wrong as TokenOptions);
    await expect(signed).rejects.toThrow(TypeError);
    await expect(signed).rejects.toThrow(/expected/);
    await expect(signed).rejects.not.toThrow(/thirty|too short/);
  }
});

test("no bundle for pages has it", async () => {
  for (const name of ["driftdb.js", "driftdb-cbor.js"]) {
    const built = new URL(`../../../driftdb_jupyter/server/static/${name}`, import.meta.url);
    const text = await readFile(built, "utf8").catch(() => "");
    expect(text).not.toContain("HS256");
  }
});
