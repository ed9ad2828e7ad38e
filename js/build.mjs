// Builds the front end: the widgets' (one ES module, and its style sheet), and the pages'.
import { mkdir, rm, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = from("../driftdb_jupyter/widgets/static");
const pages = from("../driftdb_jupyter/server/static");
const common = {
  bundle: true,
  format: "esm",
  target: "es2020",
  minify: true,
  legalComments: "none",
  logLevel: "warning",
};

await mkdir(folder, { recursive: true });
await build({
  ...common,
  entryPoints: { widget: from("src/widgets/index.ts") },
  outdir: folder,
});
await build({
  ...common,
  entryPoints: { widget: from("src/widgets/widget.css") },
  outdir: folder,
});
const { size } = await stat(`${folder}/widget.js`);
console.log(`widget.js: ${size} bytes`);

// Each file's name has the hash of its content, so that browsers may keep it for ever.
await rm(pages, { recursive: true, force: true });
await build({
  ...common,
  entryPoints: ["room.ts", "inspector.ts", "front.ts", "pages.css"].map((name) =>
    from(`src/pages/${name}`),
  ),
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  splitting: true,
  outdir: pages,
});
