/** What the server told its page (driftdb_jupyter/server/page.html). */
export interface Shell {
  /** The path of the room server, with a slash at both ends. */
  readonly root: string;
  /** The room's name; empty on the front page. */
  readonly room: string;
  /** The URL of the root as other machines have it; empty where they have none. */
  readonly reach: string;
  /** How to start the server such that they do. */
  readonly advice: string;
  /** Whether whoever opened the page may administer the room. */
  readonly owned: boolean;
}

export function readShell(): Shell {
  const {
    root = "./",
    room = "",
    reach = "",
    advice = "",
    owned,
  } = document.documentElement.dataset;
  forgetSecrets();
  return {
    ...{ root: new URL(root, location.href).pathname, room, reach, advice },
    owned: owned !== undefined,
  };
}

/**
 * Take out of the address what let the page in: the server has traded a token for a cookie, and a
 * ticket is used up. So nobody passes it on, and it is in no history; a reload goes by the cookie.
 */
function forgetSecrets(): void {
  const url = new URL(location.href);
  const names = ["token", "ticket"].filter((name) => url.searchParams.has(name));
  if (names.length === 0) return;
  for (const name of names) url.searchParams.delete(name);
  history.replaceState(history.state, "", url);
}

/** The path of a room's page, or of another thing that a room has. */
export function pathOf(room: string, what = ownPage(), key: string | null = null): string {
  const query = key === null ? "" : `?key=${encodeURIComponent(key)}`;
  return `room/${encodeURIComponent(room)}/${what}${query}`;
}

/** The page of a room that whoever looks may see: by a share link it is another one. */
function ownPage(): string {
  return location.pathname.endsWith("/shared") ? "shared" : "page";
}

/**
 * The URL of a path below the root as others can open it, also on other machines; `null` where
 * only this machine can.
 */
export function shareable(shell: Shell, path: string, page: Location = location): string | null {
  if (!isLoopback(page.hostname)) return page.origin + shell.root + path;
  return shell.reach === "" ? null : shell.reach + path;
}

function isLoopback(host: string): boolean {
  // Where a server listens on all addresses, browsers take the one that is none for this machine.
  return /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|\[::1?\])$/.test(host);
}
