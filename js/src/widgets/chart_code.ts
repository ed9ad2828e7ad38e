import type { Chart } from "../chart/index";
import type { Home } from "./home";

/** The file of the charts' code, with its content's hash in its name (js/build.mjs). */
declare const DRIFTDB_CHART: string;

export type { Chart };

interface Code {
  readonly Chart: typeof Chart;
}

let loading: Promise<Code> | null = null;

/**
 * Load what draws charts, once for a page: from the room's server or, where the page can't reach
 * that or it is of another version, from the kernel.
 */
export function chartCode({ connection, code }: Home): Promise<Code> {
  loading ??= load(new URL(`../pages/${DRIFTDB_CHART}`, connection.url).href, code);
  loading.catch(() => {
    loading = null; // the next one tries again
  });
  return loading;
}

async function load(url: string, code: Home["code"]): Promise<Code> {
  try {
    return await import(url);
  } catch (error) {
    if (code === undefined) throw error;
    const source = new Blob([await code(DRIFTDB_CHART)], { type: "text/javascript" });
    const local = URL.createObjectURL(source);
    try {
      return await import(local);
    } finally {
      URL.revokeObjectURL(local);
    }
  }
}
