import { Backoff } from "./backoff";
import { Session } from "./session";

/** How a connection is. */
export type Phase = "connecting" | "connected" | "reconnecting" | "refused" | "gone" | "closed";

export interface Status {
  readonly phase: Phase;
  /** A sentence for people. */
  readonly text: string;
}

const SILENCE_MILLISECONDS = 20_000;
const PATIENCE_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 2_000;
/** A hidden page's timers may come once a minute only. */
const SLEEP_MILLISECONDS = 90_000;

const CLOSE_NOT_UTF8 = 1007;
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

/** What is under way, and must be answered in time: a handshake, or a ping. */
type Expected = { readonly since: number } | null;

/**
 * Keeps a session connected to its room: opens the socket again after it was lost, notices one
 * that is dead, and says how it stands. `url` is the room's http(s) address, without `/connect`.
 */
export class Connection {
  readonly session = new Session();
  /** Hear when `status`, `offlineSince` or `waiting` may be another. */
  readonly listeners = new Set<() => void>();
  status: Status = { phase: "connecting", text: TEXTS.connecting };
  /** When the connection was lost, in milliseconds since 1970; `null` while there is one. */
  offlineSince: number | null = null;

  private readonly backoff = new Backoff();
  private readonly secret = newSecret();
  private readonly looking = setInterval(() => this.look(), LOOK_MILLISECONDS);
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private expected: Expected = null;
  private heard = 0;
  private looked = Date.now();

  constructor(readonly url: string) {
    addEventListener("online", this.wake);
    addEventListener("offline", this.wake);
    globalThis.document?.addEventListener("visibilitychange", this.wake);
    this.session.queue.onChange = () => {
      if (this.status.phase !== "connected") this.tell();
    };
    this.session.onError = (code, message) => console.warn(`driftdb: ${code}: ${message}`);
    this.session.onBusy = (milliseconds) => {
      setTimeout(() => this.session.resume(), milliseconds);
    };
    this.open();
  }

  /** How many writes the server has not acknowledged yet. */
  get waiting(): number {
    return this.session.queue.waiting;
  }

  /** Try again at once, also after a refusal. */
  retry(): void {
    if (this.socket !== null || this.status.phase === "closed") return;
    this.set(this.status.phase === "reconnecting" ? "reconnecting" : "connecting");
    this.open();
  }

  /** End for good. */
  close(): void {
    removeEventListener("online", this.wake);
    removeEventListener("offline", this.wake);
    globalThis.document?.removeEventListener("visibilitychange", this.wake);
    clearInterval(this.looking);
    this.stopWaiting();
    this.set("closed");
    this.drop()?.close(1000);
  }

  /** The machine, its network or the page is back, or went: is the connection still good? */
  private readonly wake = (): void => {
    if (this.timer !== null) this.retry();
    else if (this.status.phase === "connected") this.probe();
  };

  /** Look whether time has passed, also while the machine slept and no timer ran. */
  private look(): void {
    const now = Date.now();
    const slept = now - this.looked > SLEEP_MILLISECONDS;
    this.looked = now;
    if (slept && this.status.phase === "connected")
      this.lost("This page was asleep; reconnecting.");
    else if (slept) this.wake();
    else if (this.expected !== null) {
      if (now - this.expected.since >= PATIENCE_MILLISECONDS) this.lost();
    } else if (this.status.phase === "connected" && now - this.heard >= SILENCE_MILLISECONDS) {
      this.probe();
    }
  }

  private probe(): void {
    if (this.expected !== null) return;
    this.expected = { since: Date.now() };
    this.socket?.send('{"type":"ping"}');
  }

  private open(): void {
    this.stopWaiting();
    const address = `${this.url.replace(/^http/, "ws")}/connect?client=${this.secret}`;
    const socket = new WebSocket(address);
    let opened = false;
    this.socket = socket;
    this.expected = { since: Date.now() };
    socket.onopen = () => {
      opened = true;
      this.alive();
      this.offlineSince = null;
      this.set("connected");
      this.session.connected((message) => socket.send(message));
    };
    socket.onmessage = (event: MessageEvent) => {
      this.backoff.reset();
      this.alive();
      if (typeof event.data === "string") this.session.received(event.data);
    };
    socket.onclose = ({ code }: CloseEvent) => {
      this.drop(code);
      if (code === CLOSE_FORBIDDEN) this.set("refused");
      else if (code === CLOSE_GONE) this.set("gone");
      else if (code === CLOSE_NOT_UTF8)
        this.wait("The server could not read a message; trying again.");
      else if (opened) this.wait();
      else void this.findOutWhy();
    };
  }

  private alive(): void {
    this.heard = Date.now();
    this.expected = null;
  }

  /** Forget the socket, and hear no more of it. */
  private drop(code?: number): WebSocket | null {
    const { socket } = this;
    if (socket !== null) socket.onopen = socket.onmessage = socket.onclose = null;
    this.socket = this.expected = null;
    this.offlineSince ??= Date.now();
    this.session.disconnected(code);
    return socket;
  }

  /** Give up a socket that nothing comes from. */
  private lost(text?: string): void {
    this.drop()?.close();
    this.wait(text);
  }

  /** A browser doesn't tell why a handshake failed: the room's address does. */
  private async findOutWhy(): Promise<void> {
    this.set("reconnecting", "Nothing answers at the room's address; trying again.");
    const impatience = new AbortController();
    const timer = setTimeout(() => impatience.abort(), PATIENCE_MILLISECONDS);
    let status = 0;
    try {
      const { signal } = impatience;
      status = (await fetch(this.url, { credentials: "same-origin", signal })).status;
    } catch {
      // Not reached, as before.
    }
    clearTimeout(timer);
    if (this.status.phase !== "reconnecting" || this.socket !== null) return;
    if (status === 401 || status === 403) this.set("refused");
    else if (status === 404) this.set("gone");
    else this.wait(status === 0 ? "The server can't be reached; trying again." : undefined);
  }

  private wait(text?: string): void {
    this.set("reconnecting", text);
    this.stopWaiting();
    this.timer = setTimeout(() => this.open(), this.backoff.next());
  }

  private stopWaiting(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private set(phase: Phase, text: string = TEXTS[phase]): void {
    this.status = { phase, text };
    this.tell();
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

/** A secret that nobody guesses; getRandomValues is there on plain http too. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
