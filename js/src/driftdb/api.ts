import { askForRoom } from "../room/address";

/** The addresses of a room. */
export interface RoomResult {
  /** The room's name, or id. */
  room: string;
  /** What a `DbConnection` connects to. */
  socket_url: string;
  /** What an `HttpConnection` sends to. */
  http_url: string;
}

/** Makes and finds rooms on a server. */
export class Api {
  /** The server's root, with a slash at its end. */
  apiUrl: string;

  /** `apiUrl`: the server's root. */
  constructor(apiUrl: string) {
    this.apiUrl = apiUrl.replace(/\/?$/, "/");
  }

  /** Make a new room. Rejects with `NoRoom` where the server makes none. */
  newRoom(): Promise<RoomResult> {
    return askForRoom(`${this.apiUrl}new`, { method: "POST" });
  }

  /** Find a room. Rejects with `NoRoom` where there is none. */
  getRoom(roomId: string): Promise<RoomResult> {
    return askForRoom(`${this.apiUrl}room/${encodeURIComponent(roomId)}`);
  }
}
