/**
 * Where a room is. `server` is the root of a room server: an http(s) URL, or the path of one on
 * the page's own server, which knows better under which prefix the page reaches it. The path of a
 * JupyterHub's service is the same for all pages.
 */
export function roomUrl(server: string, room: string, page: Document = document): string {
  const root = server.startsWith("/") ? ownRoot(server, page) : server;
  return new URL(`room/${encodeURIComponent(room)}`, new URL(root, page.baseURI)).href;
}

function ownRoot(path: string, page: Document): string {
  if (/\/services\/[^/]+\/$/.test(path)) return path;
  const config = page.getElementById("jupyter-config-data")?.textContent;
  if (!config) return path;
  try {
    const { baseUrl } = JSON.parse(config) as { baseUrl?: unknown };
    return typeof baseUrl === "string" ? `${baseUrl.replace(/\/$/, "")}/driftdb/` : path;
  } catch {
    return path;
  }
}
