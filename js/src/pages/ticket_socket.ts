import type { Socket } from "../client/connection";
import { type Door, NotLetIn } from "./door";

const PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 4_000;

/**
 * What opens sockets by tickets, in place of `WebSocket`. It tries until it is open or given up: a
 * browser doesn't say why a handshake failed, but the door does. `refused` hears why nobody is let
 * in; then it tries no more.
 */
export function ticketSockets(door: Door, refused: (why: NotLetIn) => void) {
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

    constructor(private readonly address: string) {
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
        if (error instanceof NotLetIn) refused(error);
        else this.#later();
        return;
      }
      if (this.#ended) return;
      const socket = new WebSocket(`${this.address}&ticket=${encodeURIComponent(ticket)}`);
      socket.binaryType = this.binaryType as BinaryType;
      let opened = false;
      socket.onopen = (event) => {
        opened = true;
        this.#socket = socket;
        if (this.#ended) socket.close();
        else this.onopen?.(event);
      };
      socket.onmessage = (event) => this.onmessage?.(event);
      socket.onclose = (event) => {
        if (opened) this.onclose?.(event);
        else this.#later();
      };
    }

    #later(): void {
      if (this.#ended) return;
      this.#timer = setTimeout(() => void this.#open(), this.#pause * (0.5 + Math.random()));
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MILLISECONDS);
    }
  };
}
