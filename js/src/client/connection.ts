import { Backoff } from "./backoff";
import { Session } from "./session";

/** How a connection is. */
export type Phase = "connecting" | "connected" | "reconnecting" | "refused" | "gone" | "closed";

export interface Status {
  readonly phase: Phase;
  /** A sentence for people. */
  readonly text: string;
}

const PING_MILLISECONDS = 25_000;
const CLOSE_FORBIDDEN = 4403;
const CLOSE_GONE = 4404;

const TEXTS: Record<Phase, string> = {
  connecting: "Connecting to the room.",
  connected: "Connected: what you change, everybody sees at once.",
  reconnecting: "The connection was lost; changes are kept and sent when it is back.",
  refused: "You have no permission to read this room.",
  gone: "The server doesn't have this room any more.",
  closed: "Closed.",
};

/**
 * Keeps a session connected to its room: opens the socket again after it was lost, and says how
 * it stands. `url` is the room's http(s) address, without `/connect`.
 */
export class Connection {
  readonly session = new Session();
  readonly listeners = new Set<() => void>();
  status: Status = { phase: "connecting", text: TEXTS.connecting };

  private readonly backoff = new Backoff();
  private readonly secret = newSecret();
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private pinging: ReturnType<typeof setInterval> | null = null;

  constructor(readonly url: string) {
    addEventListener("online", this.wake);
    globalThis.document?.addEventListener("visibilitychange", this.wake);
    this.open();
  }

  /** Try again at once, also after a refusal. */
  retry(): void {
    if (this.socket !== null || this.status.phase === "closed") return;
    this.stopWaiting();
    this.set(this.status.phase === "reconnecting" ? "reconnecting" : "connecting");
    this.open();
  }

  /** End for good. */
  close(): void {
    removeEventListener("online", this.wake);
    globalThis.document?.removeEventListener("visibilitychange", this.wake);
    this.stopWaiting();
    this.set("closed");
    this.drop()?.close(1000);
  }

  private readonly wake = (): void => {
    if (this.status.phase === "reconnecting" && this.timer !== null) this.retry();
  };

  private open(): void {
    const address = `${this.url.replace(/^http/, "ws")}/connect?client=${this.secret}`;
    const socket = new WebSocket(address);
    let opened = false;
    this.socket = socket;
    socket.onopen = () => {
      opened = true;
      this.session.connected((message) => socket.send(message));
      this.watch(socket);
      this.set("connected");
    };
    socket.onmessage = (event: MessageEvent) => {
      this.backoff.reset();
      if (typeof event.data === "string") this.session.received(event.data);
    };
    socket.onclose = (event: CloseEvent) => {
      this.drop();
      if (event.code === CLOSE_FORBIDDEN) this.set("refused");
      else if (event.code === CLOSE_GONE) this.set("gone");
      else if (opened) this.wait();
      else void this.findOutWhy();
    };
  }

  /** Forget the socket, and hear no more of it. */
  private drop(): WebSocket | null {
    const { socket } = this;
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null;
    this.socket = null;
    if (this.pinging !== null) clearInterval(this.pinging);
    this.pinging = null;
    this.session.disconnected();
    return socket;
  }

  /** A browser doesn't tell why a handshake failed: the room's address does. */
  private async findOutWhy(): Promise<void> {
    this.set("reconnecting", "Nothing answers at the room's address; trying again.");
    let status = 0;
    try {
      status = (await fetch(this.url, { credentials: "same-origin" })).status;
    } catch {
      // Not reached, as before.
    }
    if (this.status.phase !== "reconnecting" || this.socket !== null) return;
    if (status === 401 || status === 403) this.set("refused");
    else if (status === 404) this.set("gone");
    else this.wait(status === 0 ? "The server can't be reached; trying again." : undefined);
  }

  private wait(text?: string): void {
    this.set("reconnecting", text);
    this.stopWaiting();
    this.timer = setTimeout(() => {
      this.timer = null;
      this.open();
    }, this.backoff.next());
  }

  private stopWaiting(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /** Notice a connection that is dead without having been closed. */
  private watch(socket: WebSocket): void {
    let alive = true;
    socket.addEventListener("message", () => {
      alive = true;
    });
    this.pinging = setInterval(() => {
      if (alive) {
        alive = false;
        socket.send('{"type":"ping"}');
      } else {
        this.drop()?.close();
        this.wait();
      }
    }, PING_MILLISECONDS);
  }

  private set(phase: Phase, text: string = TEXTS[phase]): void {
    this.status = { phase, text };
    for (const listener of [...this.listeners]) listener();
  }
}

/** A secret that nobody guesses; getRandomValues is there on plain http too. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
