import type { Socket, SocketClass } from "./connection";

/** The rooms of a JupyterHub's service, whose login a page elsewhere on the hub may not have yet. */
const ROOM = /^(.*\/services\/[^/]+\/)room\//;

/**
 * The root of the hub's service that a room is at, if the page that asks is of the same hub and not
 * the service's own, which the person was logged in for.
 */
export function foreignService(room: string, page: Location = location): string | null {
  const [, root] = ROOM.exec(room) ?? [];
  if (root === undefined || !root.startsWith(`${page.origin}/`)) return null;
  return page.href.startsWith(root) ? null : root;
}

/**
 * The class of sockets to the rooms of a hub's service: each logs in first, by what the browser has
 * of the hub, which takes one request where that was done before.
 */
export function serviceSocket(root: string): SocketClass {
  return class implements Socket {
    onopen: Socket["onopen"] = null;
    onmessage: Socket["onmessage"] = null;
    onclose: Socket["onclose"] = null;
    binaryType: "arraybuffer" | "blob" = "arraybuffer";
    #socket: WebSocket | null = null;
    #closed = false;

    constructor(url: string, offered: string[]) {
      void this.#open(url, offered);
    }

    async #open(url: string, offered: string[]): Promise<void> {
      // Where that fails the handshake does, too, and it is found out why.
      await fetch(`${root}login`, { credentials: "same-origin" }).catch(() => null);
      if (this.#closed) return;
      const socket = new WebSocket(url, offered);
      this.#socket = socket;
      socket.binaryType = this.binaryType;
      socket.onopen = (event) => this.onopen?.(event);
      socket.onmessage = (event) => this.onmessage?.(event);
      socket.onclose = (event) => this.onclose?.(event);
    }

    send(frame: string | Uint8Array<ArrayBuffer>): void {
      this.#socket?.send(frame);
    }

    close(code?: number): void {
      this.#closed = true;
      this.#socket?.close(code);
    }
  };
}
