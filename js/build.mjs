// Builds the widgets' front end: one ES module, and its style sheet.
import { mkdir, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = from("../driftdb_jupyter/widgets/static");

await mkdir(folder, { recursive: true });
await build({
  entryPoints: { widget: from("src/widgets/index.ts") },
  outdir: folder,
  bundle: true,
  format: "esm",
  target: "es2020",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
});
await build({
  entryPoints: { widget: from("src/widgets/widget.css") },
  outdir: folder,
  bundle: true,
  minify: true,
  logLevel: "warning",
});
const { size } = await stat(`${folder}/widget.js`);
console.log(`widget.js: ${size} bytes`);
