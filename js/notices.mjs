// What others wrote of what esbuild bundled, and the notices that their licenses ask for.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";

const FOLDER = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const LICENSE = /^(licen[cs]e|notice|copying)/i;

/** The folders of the packages that are in what was built (with `metafile: true`). */
export function packagesIn(...results) {
  const folders = new Set();
  for (const { metafile } of results)
    for (const { inputs } of Object.values(metafile.outputs))
      for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
        const [folder] = FOLDER.exec(resolve(path).replaceAll("\\", "/")) ?? [];
        if (folder !== undefined && bytesInOutput > 0) folders.add(folder);
      }
  return [...folders].sort();
}

/** Write the notices of what was built to a file; none where nothing is of others. */
export async function writeNotices(file, ...results) {
  const notices = [];
  for (const folder of packagesIn(...results)) {
    const { name, version, license } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    const texts = (await readdir(folder)).filter((each) => LICENSE.test(each)).sort();
    if (texts.length === 0) throw new Error(`expected a license in ${folder}, got none`);
    const said = await Promise.all(texts.map((each) => readFile(`${folder}/${each}`, "utf8")));
    notices.push(`${name} ${version} (${license})\n\n${said.join("\n").trim()}\n`);
  }
  if (notices.length === 0) return;
  const head = "Parts of these files are the work of others:\n";
  await writeFile(file, [head, ...notices].join(`\n${"-".repeat(72)}\n\n`));
}
