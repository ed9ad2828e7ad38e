import { brotliCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { bundleChart } from "../../chart_bundle.mjs";

test("what draws charts is a small file, whose style sheet has no comments and few spaces", async () => {
  const { contents } = await bundleChart();
  const text = new TextDecoder().decode(contents);
  expect(text).toContain(".driftdb-amounts");
  expect(text).not.toMatch(/\{\s+[\w-]+: /);
  expect(brotliCompressSync(contents).length).toBeLessThan(37_000);
});
