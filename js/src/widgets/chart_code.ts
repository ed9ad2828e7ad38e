import type { Chart } from "../chart/index";
import type { Home } from "./home";
import { importModule } from "./module";
import { settleWithin } from "./settle_within";

/** The file of the charts' code, with its content's hash in its name (js/build.mjs). */
declare const DRIFTDB_CHART: string;

export type { Chart };

interface Code {
  readonly Chart: typeof Chart;
}

/** What the bundles of a page share: the folder of the extension's files, as `filesBeside` says. */
const page = globalThis as { driftdbFiles?: unknown };

const IMPORT_MILLISECONDS = 20_000;

let loaded: Code | null = null;

/** Have the code come from the folder of a script that is part of the page itself. */
export function filesBeside(script: string): void {
  page.driftdbFiles = new URL(".", script).href;
}

/**
 * Load what draws charts, once for a page: from the page's own extension, from the room's server
 * where that is the page's own, or from the kernel. From no other server, for who serves a room is
 * not to run scripts in the pages of those who look at it. Raises an error where none of them has
 * it in time; whoever asks again tries again.
 */
export async function chartCode(home: Home): Promise<Code> {
  if (loaded === null) {
    const code = await load(home);
    loaded ??= code;
  }
  return loaded;
}

async function load({ connection, code }: Home): Promise<Code> {
  for (const url of ownFiles(connection.url)) {
    try {
      return await take(url);
    } catch (error) {
      console.warn("driftdb: charts come from elsewhere:", error);
    }
  }
  if (code === undefined)
    throw new Error("expected the room's server to be the page's own, or a kernel, for charts");
  const source = new Blob([await code(DRIFTDB_CHART)], { type: "text/javascript" });
  const local = URL.createObjectURL(source);
  try {
    return await take(local);
  } finally {
    URL.revokeObjectURL(local);
  }
}

/** Where the file is on the page's own server; `room`: the room's URL, on any server. */
function ownFiles(room: string): string[] {
  const served = new URL(`../pages/${DRIFTDB_CHART}`, room);
  const { driftdbFiles } = page; // an element of the page, if it has this id, is none
  return [
    ...(typeof driftdbFiles === "string" ? [new URL(DRIFTDB_CHART, driftdbFiles).href] : []),
    ...(served.origin === location.origin ? [served.href] : []),
  ];
}

function take(url: string): Promise<Code> {
  return settleWithin(
    IMPORT_MILLISECONDS,
    importModule(url),
    `${url} did not come`,
  ) as Promise<Code>;
}
