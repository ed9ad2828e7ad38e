import type { Socket, SocketClass } from "../client/connection";
import { type Door, NotLetIn } from "./door";

const CLOSE_FORBIDDEN = 4403;
const TAKEN_BACK = "This link was taken back. Ask for another one.";
const PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 4_000;

/**
 * What opens sockets by tickets, in place of `WebSocket`. It tries until it is open or given up: a
 * browser doesn't say why a handshake failed, but the door does. Where nobody is let in any more it
 * is closed with 4403 and the reason, and tries no more.
 */
export function ticketSockets(
  door: Door,
  Open: new (url: string, offered: string[]) => WebSocket = globalThis.WebSocket,
): SocketClass {
  return class TicketSocket implements Socket {
    onopen: Socket["onopen"] = null;
    onmessage: Socket["onmessage"] = null;
    onclose: Socket["onclose"] = null;
    onerror: ((event: object) => unknown) | null = null;
    binaryType = "blob";
    #socket: WebSocket | null = null;
    #pause = PAUSE_MILLISECONDS;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #ended = false;

    constructor(
      private readonly address: string,
      private readonly offered: string[],
    ) {
      void this.#open();
    }

    send(frame: Parameters<Socket["send"]>[0]): void {
      this.#socket?.send(frame as string);
    }

    close(code?: number): void {
      this.#ended = true;
      clearTimeout(this.#timer);
      this.#socket?.close(code);
    }

    async #open(): Promise<void> {
      let ticket: string;
      try {
        ticket = await door.ticket();
      } catch (error) {
        if (error instanceof NotLetIn) this.#refuse(error.message);
        else this.#later();
        return;
      }
      if (this.#ended) return;
      const address = `${this.address}&ticket=${encodeURIComponent(ticket)}`;
      const socket = new Open(address, this.offered);
      socket.binaryType = this.binaryType as BinaryType;
      // A close follows; but an error that nobody hears ends a process of Node's.
      socket.onerror = () => {};
      let opened = false;
      socket.onopen = (event) => {
        opened = true;
        this.#socket = socket;
        if (this.#ended) socket.close();
        else this.onopen?.(event);
      };
      socket.onmessage = (event) => this.onmessage?.(event);
      socket.onclose = (event) => {
        if (!opened) this.#later();
        else if (event.code === CLOSE_FORBIDDEN) this.#refuse(TAKEN_BACK);
        else this.onclose?.(event);
      };
    }

    #refuse(reason: string): void {
      this.onclose?.({ code: CLOSE_FORBIDDEN, reason });
    }

    #later(): void {
      if (this.#ended) return;
      this.#timer = setTimeout(() => void this.#open(), this.#pause * (0.5 + Math.random()));
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MILLISECONDS);
    }
  };
}
