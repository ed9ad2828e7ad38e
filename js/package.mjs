// Builds what npm publishes: ES modules with types, in dist.
import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeNotices } from "./notices.mjs";
import { writeTypes } from "./public_types.mjs";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = from("dist");

await rm(dist, { recursive: true, force: true });
const built = await build({
  entryPoints: {
    index: from("src/room/index.ts"),
    cbor: from("src/cbor/index.ts"),
    driftdb: from("src/driftdb/index.ts"),
    react: from("src/react/index.ts"),
    webrtc: from("src/webrtc/index.ts"),
    server: from("src/server/index.ts"),
    share: from("src/share/index.ts"),
    written: from("src/written/index.ts"),
  },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  external: ["react"],
  sourcemap: true,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});
// For React Server Components; in a banner it would mark the chunks that others share, too.
const react = await readFile(`${dist}/react.js`, "utf8");
await writeFile(`${dist}/react.js`, `"use client";\n${react}`);
await copyFile(from("../LICENSE"), `${dist}/LICENSE`);
await writeNotices(`${dist}/THIRD_PARTY.txt`, built);
await writeTypes(dist);
// Node's own resolution wants the names of files.
for (const name of await readdir(dist, { recursive: true })) {
  if (!name.endsWith(".d.ts")) continue;
  const text = await readFile(`${dist}/${name}`, "utf8");
  await writeFile(
    `${dist}/${name}`,
    text.replace(/(from|import\()( ?)"(\.[^"]+)"/g, '$1$2"$3.js"'),
  );
}
