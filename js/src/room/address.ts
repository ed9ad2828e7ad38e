/** A server answered with something else than a room, or not at all (`status` 0). */
export class NoRoom extends Error {
  override readonly name = "NoRoom";

  constructor(
    url: string,
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

/** A URL, in a page also one relative to it. Throws a `TypeError` that says what was expected. */
export function parsed(url: string, expected: string): URL {
  try {
    return new URL(url, globalThis.location?.href);
  } catch {
    throw new TypeError(`expected ${expected}, got ${url}`);
  }
}

/** A server's root, with a slash at its end. */
export function rootUrl(url: string): string {
  const { href, protocol } = parsed(url, "a server's URL like http://HOST:8080/");
  if (!/^https?:$/.test(protocol))
    throw new TypeError(`expected a server's URL like http://HOST:8080/, got ${url}`);
  return href.replace(/\/?$/, "/");
}
