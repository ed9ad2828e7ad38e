/** Where a room is. */
export interface RoomResult {
  /** The room's name, or id. */
  room: string;
  /** What a `DbConnection` connects to. */
  socket_url: string;
  /** What an `HttpConnection` sends to. */
  http_url: string;
}

/** A server answered with something else than a room. */
export class NoRoom extends Error {
  constructor(
    url: string,
    readonly status: number,
  ) {
    super(`${url}: expected a room, got HTTP ${status}`);
  }
}

/** Makes and finds rooms on a server. */
export class Api {
  /** The server's root, with a slash at its end. */
  apiUrl: string;

  constructor(apiUrl: string) {
    this.apiUrl = apiUrl.replace(/\/?$/, "/");
  }

  /** A new room. Throws an `Error` where the server makes none. */
  newRoom(): Promise<RoomResult> {
    return ask(`${this.apiUrl}new`, { method: "POST" });
  }

  /** A room that is there. Throws an `Error` where there is none. */
  getRoom(roomId: string): Promise<RoomResult> {
    return ask(`${this.apiUrl}room/${encodeURIComponent(roomId)}`);
  }
}

async function ask(url: string, options: RequestInit = {}): Promise<RoomResult> {
  const answer = await fetch(url, options);
  if (!answer.ok) throw new NoRoom(url, answer.status);
  return (await answer.json()) as RoomResult;
}
