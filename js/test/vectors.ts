import { readFileSync } from "node:fs";

/** The protocol as data, which Python's tests have, too. */
export function load<T>(name: string): T {
  const url = new URL(`../../tests/conformance/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8")) as T;
}
