// The types that the package publishes, and what can be read off them.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Write the declarations of all entry points; returns the files that they were made of. */
export async function writeTypes(folder) {
  const tsc = ["--project", from("tsconfig.package.json"), "--outDir", folder, "--listFiles"];
  const { stdout } = await promisify(execFile)(from("node_modules/.bin/tsc"), tsc, {
    maxBuffer: 1 << 24,
    shell: process.platform === "win32",
  }).catch((error) => {
    throw new Error(`tsc: ${error.stdout || error.message}`);
  });
  return stdout.split(/\r?\n/).filter((line) => line !== "");
}

/** A declaration and all that it imports, by path. */
export async function closureOf(declaration, found = new Map()) {
  if (found.has(declaration)) return found;
  const text = await readFile(declaration, "utf8");
  found.set(declaration, text);
  for (const [, name] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g))
    await closureOf(join(dirname(declaration), `${name}.d.ts`), found);
  return found;
}
