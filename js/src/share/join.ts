import { check } from "../client/check";
import type { ConnectionOptions } from "../client/options";
import { roomOf } from "../room/address";
import { Room } from "../room/room";
import { Door } from "./door";
import { ticketSockets } from "./ticket_socket";

/** As who one comes in by a link, and how the room is connected to. */
export interface JoinOptions extends Omit<ConnectionOptions, "token"> {
  /** The name that others see, with "(guest)" behind it, and that the link may demand. */
  readonly name?: string;
  /**
   * A text by which whoever comes counts as one person; a random one by default, which a browser
   * keeps, and a program as long as it runs.
   */
  readonly browser?: string;
}

/**
 * Open a room by a share link's URL, to do what that gives. Rejects with a `NotLetIn`, or what
 * `fetch` rejects with where the server can't be reached; a link that ends later is told by the
 * room's status, `refused`.
 */
export async function join(url: string, options: JoinOptions = {}): Promise<Room> {
  const { name = "", browser = "", ...others } = options;
  check(typeof name === "string", "a string", name, "name");
  check(typeof browser === "string", "a string", browser, "browser");
  const [, path = "", secret = ""] =
    /^([^?#]*?)(?:\/shared)?(?:\?[^#]*)?#(link_[\w-]+)$/.exec(String(url)) ?? [];
  check(secret, "a share link like https://HOST/room/ID/shared#link_…", String(url).split("#")[0]);
  const room = roomOf(path);
  const door = new Door(room, secret);
  Object.assign(door, { name, browser });
  await door.knock();
  const { WebSocket: Open = globalThis.WebSocket } = others;
  check(Open, "{ WebSocket } of package ws", Open);
  const WebSocket = ticketSockets(
    door,
    Open as unknown as new (
      url: string,
      offered: string[],
    ) => WebSocket,
  );
  return new Room(room, { ...others, WebSocket });
}
