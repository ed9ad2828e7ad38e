import { check } from "../client/check";

/** A server answered without a room, or not at all. */
export class NoRoom extends Error {
  override readonly name = "NoRoom";

  constructor(
    url: string,
    /** The status of the HTTP response; 0: there was none. */
    readonly status: number,
  ) {
    super(`${url}: expected a room, got ${status === 0 ? "no answer" : `HTTP ${status}`}`);
  }
}

/** Ask a server for a room, a new one or one that there is. Throws `NoRoom`. */
export async function askForRoom<R extends { room: string }>(
  url: string,
  options: RequestInit = {},
): Promise<R> {
  let answer: Response;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new NoRoom(url, 0);
  }
  if (!answer.ok) throw new NoRoom(url, answer.status);
  return (await answer.json()) as R;
}

/** A server's root, with a slash at its end. Throws a `TypeError` for what is none. */
export function rootOf(url: string): string {
  const { protocol, origin, pathname } = parsed(url);
  check(/^https?:$/.test(protocol), "a server's URL like http://HOST:8080/", url);
  return origin + pathname.replace(/\/?$/, "/");
}

/** A room's http(s) address, without what follows its name. Throws a `TypeError` for another. */
export function roomOf(url: string): string {
  const { protocol, origin, pathname } = parsed(url);
  const [, path] = /^(.*\/room\/[^/]+)(\/(connect|send|page|inspect)?)?$/.exec(pathname) ?? [];
  const fits = /^(http|ws)s?:$/.test(protocol) && path !== undefined;
  check(fits, "a room's URL like http://HOST:8080/room/ID", url);
  return origin.replace(/^ws/, "http") + path;
}

/** The token in a room's URL, as a page's address may have it. */
export function tokenOf(url: string): string | null {
  return parsed(url).searchParams?.get("token") ?? null;
}

/** In a page a URL may be relative to it. What is none has no parts: they match nothing. */
function parsed(url: string): URL {
  try {
    return new URL(url, globalThis.location?.href);
  } catch {
    return {} as URL;
  }
}
