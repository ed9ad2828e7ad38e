import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const SOURCES = new URL("../../src/", import.meta.url);

/** All source files, by their place below `src`. */
async function sources(): Promise<Map<string, string>> {
  const names = await readdir(SOURCES, { recursive: true });
  const found = new Map<string, string>();
  for (const name of names)
    if (name.endsWith(".ts")) found.set(name, await readFile(new URL(name, SOURCES), "utf8"));
  return found;
}

test("no two classes have one name", async () => {
  const classes = [...(await sources()).values()].flatMap((text) =>
    [...text.matchAll(/^(?:export )?(?:abstract )?class (\w+)/gm)].map(([, name]) => name),
  );
  expect(classes.length).toBeGreaterThan(60);
  expect(classes.filter((name, place) => classes.indexOf(name) !== place)).toEqual([]);
});

test("no method has a name that says nothing of what is done", async () => {
  const vague =
    /^ {2}(?:(?:private|protected|override|async|get|readonly) )*#?(?:take|look|tell|hear|heard|say|told)\b[(:<]/m;
  const found = [...(await sources())].filter(([, text]) => vague.test(text));
  expect(found.map(([name, text]) => [name, vague.exec(text)?.[0]])).toEqual([]);
});
