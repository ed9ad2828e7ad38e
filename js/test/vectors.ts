import { readFileSync } from "node:fs";
import { parse } from "../src/protocol/integers";

/** The protocol as data, which Python's tests have, too. */
export function load<T>(name: string): T {
  const url = new URL(`../../tests/conformance/vectors/${name}.json`, import.meta.url);
  return parse(readFileSync(url, "utf8")) as T;
}
