// What draws charts, with its style sheet inside: one file, loaded where a chart is shown.
import { createHash } from "node:crypto";
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

/**
 * Build the file; returns its name, with a hash of its content, and esbuild's account of it.
 *
 * esbuild's own hash would be another one wherever the modules lie elsewhere.
 */
export async function bundleChart() {
  const { outputFiles, metafile } = await build({
    entryPoints: [from("src/chart/index.ts")],
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
  const [{ contents }] = outputFiles;
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 8).toUpperCase();
  return { name: `chart-${hash}.js`, contents, metafile };
}
