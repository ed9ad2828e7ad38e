import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";

test("the client is small: under 18.6 KB, minified and compressed", async () => {
  const entry = new URL("../../src/room/index.ts", import.meta.url).pathname;
  const options = { bundle: true, minify: true, write: false, format: "esm" } as const;
  const { outputFiles } = await build({ entryPoints: [entry], ...options });
  const [file] = outputFiles;
  expect(gzipSync(file?.contents ?? "").length).toBeLessThan(18_600);
});
