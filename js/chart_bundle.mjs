// What draws charts, with its style sheet inside: one file, loaded where a chart is shown.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Takes a style sheet into a module as a text, without what browsers don't need. */
const styleSheets = {
  name: "style sheets",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path), { loader: "css", minify: true });
      return { contents: code, loader: "text" };
    }),
};

/** Build the file; returns it, with its content's hash in its path, and esbuild's account of it. */
export async function bundleChart() {
  const { outputFiles, metafile } = await build({
    entryPoints: { chart: from("src/chart/index.ts") },
    entryNames: "[name]-[hash]",
    outdir: from("."),
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    plugins: [styleSheets],
    write: false,
  });
  const [{ path, contents }] = outputFiles;
  return { path, contents, metafile };
}
