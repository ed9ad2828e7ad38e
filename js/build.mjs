// Builds the widgets' front end (one ES module, and its style sheet), JupyterLab's extension, and
// the pages and the client that the server serves.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";
import { bundleChart } from "./chart_bundle.mjs";
import { bundleClient } from "./client_bundle.mjs";
import { writeNotices } from "./notices.mjs";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));
const common = {
  bundle: true,
  target: "es2022",
  minify: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
};
const folder = from("../driftdb_jupyter/widgets/static");

// What draws charts is loaded where one is shown: by the hash in its name, which those know who
// load it, from the page's own server, if that has the same build, or from the kernel.
const chart = await bundleChart();
common.define = { DRIFTDB_CHART: JSON.stringify(chart.name) };

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
await writeFile(`${folder}/${chart.name}`, chart.contents);
const widget = await build({
  entryPoints: { widget: from("src/widgets/index.ts") },
  outdir: folder,
  ...common,
  format: "esm",
});
await build({
  entryPoints: { widget: from("src/widgets/widget.css") },
  outdir: folder,
  ...common,
});

// JupyterLab finds an extension by its package.json, and loads what that names.
const lab = from("../driftdb_jupyter/widgets/static/labextension");
const built = await build({
  entryPoints: [from("src/lab/index.ts")],
  ...common,
  format: "iife",
  loader: { ".css": "text" },
  write: false,
});
const [{ contents }] = built.outputFiles;
const hash = createHash("sha256").update(contents).digest("hex").slice(0, 20);
await mkdir(`${lab}/static`, { recursive: true });
await writeFile(`${lab}/static/remoteEntry.${hash}.js`, contents);
await writeFile(`${lab}/static/${chart.name}`, chart.contents);
const { name, version, description, license } = JSON.parse(
  await readFile(from("package.json"), "utf8"),
);
const _build = { load: `static/remoteEntry.${hash}.js`, extension: "./extension" };
await writeFile(
  `${lab}/package.json`,
  JSON.stringify({ name, version, description, license, jupyterlab: { extension: true, _build } }),
);

await writeNotices(`${folder}/THIRD_PARTY.txt`, widget, chart);
await writeNotices(`${lab}/THIRD_PARTY.txt`, built, chart);

const { size } = await stat(`${folder}/widget.js`);
console.log(`widget.js: ${size} bytes`);

// Each file of the pages has the hash of its content in its name: browsers may keep it for ever.
const pages = from("../driftdb_jupyter/server/static");
await rm(pages, { recursive: true, force: true });
const shown = await build({
  entryPoints: ["room.ts", "shared.ts", "inspector.ts", "front.ts", "pages.css"].map((name) =>
    from(`src/pages/${name}`),
  ),
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  outdir: pages,
  ...common,
  splitting: true,
  format: "esm",
});

// The client for pages that have no bundler, and CBOR for it: files under names that stay.
const client = await bundleClient();
await writeFile(`${pages}/driftdb.js`, client.text);
const cbor = await build({
  entryPoints: { "driftdb-cbor": from("src/cbor/index.ts") },
  outdir: pages,
  ...common,
  format: "esm",
});
// Share links take what a room is from the client beside them: a page has it once.
const CLIENT = /\/(room\/room|client\/errors)$/;
const share = await build({
  entryPoints: { "driftdb-share": from("src/share/index.ts") },
  outdir: pages,
  ...common,
  format: "esm",
  plugins: [
    {
      name: "client",
      setup: ({ onResolve }) =>
        onResolve({ filter: CLIENT }, () => ({ path: "./driftdb.js", external: true })),
    },
  ],
});

await writeFile(`${pages}/${chart.name}`, chart.contents);
await writeNotices(`${pages}/THIRD_PARTY.txt`, shown, client, cbor, share, chart);

// Python has no Brotli, which is a tenth smaller than what it has.
for (const name of await readdir(pages))
  if (/\.(js|css)$/.test(name))
    await writeFile(`${pages}/${name}.br`, brotliCompressSync(await readFile(`${pages}/${name}`)));
