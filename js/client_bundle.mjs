// The client for pages that have no bundler: one small file. Names of properties are shortened where
// nobody outside can know them.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";
import { closureOf, writeTypes } from "./public_types.mjs";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));
const NAME = /[A-Za-z_$][\w$]*/g;
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
const STRING = /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
/** What stands in a template is code. */
const INSERTED = /\$\{[^`}]*\}/g;
/** A member that a declaration file of the platform has: on a line of its own, or in braces. */
const MEMBER = /(?:^\s*|[{;]\s*)(?:readonly |static |get |set )*([A-Za-z_$][\w$]*)\??(?=[(:<])/gm;

/** A member that one of our files declares: in a class, an interface or a constructor. */
const DECLARED =
  /^(?: {2}(?:readonly |async |get |set |protected |override |abstract )*\*?| {4}(?:readonly |public |protected )+)([A-Za-z_$][\w$]*)[?!]?(?=[(:<;]| =)/gm;

const read = async (path) => (await readFile(path, "utf8")).replace(COMMENT, "");
const filesIn = async (folder) =>
  (await readdir(from(folder))).map((name) => from(`${folder}/${name}`));
const found = (pattern, texts) =>
  texts.flatMap((text) => [...text.matchAll(pattern)].map(([all, name = all]) => name));

/** The names of members that the client alone knows, and nobody whom it meets. */
async function ownNames(bundle) {
  const folder = await mkdtemp(join(tmpdir(), "driftdb-types-"));
  try {
    const files = await writeTypes(folder);
    const platform = files.filter((path) => /[\\/]lib\.[\w.]+\.d\.ts$/.test(path));
    const members = found(MEMBER, await Promise.all(platform.map(read)));
    if (!members.includes("addEventListener"))
      throw new Error("expected the platform's types from tsc, got none");
    const travels = await filesIn("src/protocol");
    const isPublic = [...(await closureOf(join(folder, "room", "index.d.ts"))).keys()];
    const words = found(NAME, [
      ...(await Promise.all([...travels, ...isPublic].map(read))),
      ...found(STRING, [bundle.replace(COMMENT, "").replace(INSERTED, "")]),
    ]);
    const sources = [...(await filesIn("src/client")), ...(await filesIn("src/room"))];
    const declared = new Set(found(DECLARED, await Promise.all(sources.map(read))));
    for (const foreign of [...members, ...words]) declared.delete(foreign);
    return [...declared].sort();
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Build the client; returns its text, and esbuild's account of what went in. */
export async function bundleClient() {
  const options = {
    entryPoints: [from("src/room/index.ts")],
    bundle: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    logLevel: "warning",
    write: false,
  };
  const [plain] = (await build(options)).outputFiles;
  const own = await ownNames(plain.text);
  const { metafile, outputFiles } = await build({
    ...options,
    minify: true,
    metafile: true,
    mangleProps: new RegExp(`^(?:${own.join("|")})$`),
  });
  const { code } = await minify(outputFiles[0].text, {
    module: true,
    ecma: 2020,
    compress: {
      passes: 3,
      unsafe: true,
      unsafe_arrows: true,
      unsafe_methods: true,
      pure_getters: true,
      hoist_funs: true,
      inline: 1,
    },
    format: { comments: false },
  });
  return { text: code, metafile };
}
