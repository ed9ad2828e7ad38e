import { byteLength, type Frame, JSON_CODEC } from "../protocol/codec";
import { Backoff } from "./backoff";
import { check } from "./check";
import { Deferred } from "./deferred";
import { closedHere, Refused } from "./errors";
import { keepLeftover, keepPerson, lastPerson, leftovers, type Pushes } from "./leftover";
import { notify } from "./listeners";
import type { ConnectionOptions } from "./options";
import { NOBODY } from "./queue";
import { Session } from "./session";
import type { Phase, Status } from "./status";

/** A class of sockets: with the subprotocols to offer, as `WebSocket` takes them. */
export type SocketClass = new (url: string, offered: string[]) => Socket;

/** What a connection needs of a WebSocket, or of what stands for one. */
export interface Socket {
  onopen: ((event: object) => unknown) | null;
  onmessage: ((event: { readonly data: unknown }) => unknown) | null;
  onclose: ((event: { readonly code: number; readonly reason?: string }) => unknown) | null;
  onerror?: ((event: object) => unknown) | null;
  binaryType?: string;
  /** What people are told while it is the way into the room. */
  readonly text?: string;
  send(frame: Frame): void;
  close(code?: number): void;
}

const SILENCE_MILLISECONDS = 20_000;
const PATIENCE_MILLISECONDS = 10_000;
/** After the page or the machine woke up, where a connection is often dead. */
const WAKE_PATIENCE_MILLISECONDS = 2_500;
/** As long as that a write may be on its way without a word, and somewhat longer it isn't. */
const UNCONFIRMED_MILLISECONDS = 2_000;
const UNCONFIRMED_PATIENCE_MILLISECONDS = 5_000;
const LOOK_MILLISECONDS = 1_000;
/** A hidden page's timers may come once a minute only. */
const SLEEP_MILLISECONDS = 90_000;
const PRESENCE_MILLISECONDS = 40;
/** Where an older page's writes have no connection at two looks, while the page has, they wait on. */
const LEFTOVER_LOOK_MILLISECONDS = 2_500;
/** How many bytes browsers send behind a page that is gone (64 KiB), less what heads them. */
const MOST_KEPT_ALIVE = 60_000;

const CLOSE_EXPIRED = 4401;
const CLOSE_FORBIDDEN = 4403;
const CLOSE_GONE = 4404;

const TEXTS: Record<Phase, string> = {
  connecting: "Connecting to the room.",
  connected: "Connected: everybody sees changes at once.",
  reconnecting: "The connection was lost; changes are kept and sent when it is back.",
  refused: "You have no permission to read this room.",
  gone: "The server has no such room, or not any more.",
  closed: "Closed.",
};

/** In the answer of a room server that has no such room: a proxy's 404 says nothing of rooms. */
const MISSING = "DriftDB-Missing";
const ENDED = "The login or token is no good, or has ended: get another one, and try again.";
const UNCONFIRMED = "Connected; changes are not confirmed.";
const UNREACHABLE = "The server can't be reached; trying again.";
const LEFT = "writes of an earlier page";
const OFFLINE = "This device is offline; changes are kept and sent when it is back.";

/**
 * Keeps a session connected to its room: opens the socket again after it was lost, notices one
 * that is dead, and says how it stands. `url` is the room's http(s) address, without `/connect`.
 */
export class Connection {
  /** Hear when `status`, `offlineSince`, `waiting` or what is allowed may be another. */
  readonly listeners = new Set<() => void>();
  status: Status = { phase: "connecting", text: TEXTS.connecting };
  /** When the connection was lost, in milliseconds since 1970; `null` while there is one. */
  offlineSince: number | null = null;

  /** Whether the room has had a write for more than some 2 seconds without confirming it. */
  unconfirmed = false;

  readonly #backoff = new Backoff();
  readonly #looking: ReturnType<typeof setInterval>;
  /** What the session speaks through. */
  protected socket: Socket | null = null;
  /** A handshake that is under way. */
  protected attempt: { readonly socket: Socket; readonly since: number } | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** When a sign of life that was asked for has to have come; none is awaited: `null`. */
  #deadline: number | null = null;
  #probing: ReturnType<typeof setTimeout> | undefined;
  #heard = 0;
  #looked = Date.now();
  /** The push that the room has owed an answer for longest, and since when that was seen. */
  #owed: { readonly id: number; readonly since: number } | null = null;

  /** The first message was heard, which says who this is, where the server knows. */
  readonly #known = new Deferred<void>();
  readonly #options: ConnectionOptions;
  /** What is asked for a token, which stands in no URL; `null` where there is none. */
  readonly #ask: (() => string | Promise<string>) | null;
  /** The token that is known. */
  #token: string | undefined;

  /** Throws a `TypeError` where the platform has no WebSocket, and none is given. */
  constructor(
    readonly url: string,
    options: ConnectionOptions = {},
    readonly session = new Session(),
  ) {
    this.#options = options;
    const { token } = options;
    this.#ask = typeof token === "string" ? () => token : (token ?? null);
    const found = options.WebSocket ?? globalThis.WebSocket;
    check(found, "{ WebSocket } of package ws", found);
    this.#looking = setInterval(this.#checkLiveness, LOOK_MILLISECONDS);
    if (options.codec !== undefined) session.codec = options.codec;
    for (const [target, name, heard] of this.#events) target?.addEventListener?.(name, heard);
    this.session.onWaiting = () => {
      if (this.status.phase !== "connected") this.#notify();
    };
    this.session.onError = (code, message) => {
      console.warn(`driftdb: ${code}: ${message}`);
    };
    this.session.onAllowed = () => this.#notify();
    this.session.onExpires = () => void this.#renew();
    this.session.later = (milliseconds, then) => {
      setTimeout(then, milliseconds);
    };
    this.session.presencePause = options.presenceMilliseconds ?? PRESENCE_MILLISECONDS;
    void this.#known.promise.then(() => {
      if (session.person !== undefined) keepPerson(url, session.person);
    });
    // What this page writes is newer than what earlier ones left.
    if (session.leftAt === undefined && leftovers(url).length > 0)
      session.queue.waitBehind(this.#known.promise.then(() => this.#sendLeftovers()));
    this.#open();
  }

  /**
   * Send what earlier pages left, if they were of the same person. What is another's stays: it would
   * be sent with the rights of whoever sends it. What can't be sent is left to the next page, so that
   * own writes don't wait for it for good.
   */
  async #sendLeftovers(): Promise<void> {
    const { url, session } = this;
    for (const [secret, time, pushes, person] of leftovers(url)) {
      if (secret === session.secret) continue;
      if (person !== (session.person ?? "")) {
        session.onError("waiting", LEFT);
        continue;
      }
      keepLeftover(url, [secret, time, [], person]);
      const left = new Session(undefined, undefined, secret);
      left.person = person;
      left.leftAt = time;
      const refused = (_: number, code: string, message: string) => left.onError(code, message);
      left.queue.takeOver({ ...NOBODY, refused }, pushes);
      const connection = new Connection(url, { ...this.#options, codec: JSON_CODEC }, left);
      let isLate = false;
      const watching = setInterval(() => {
        const isDown = connection.isTrying && !this.isTrying;
        if (isDown && isLate) left.interrupt(closedHere());
        else if (isDown) connection.retry();
        isLate = isDown;
      }, LEFTOVER_LOOK_MILLISECONDS);
      await left.drained().catch(() => {});
      clearInterval(watching);
      connection.#keep();
      connection.close();
      if (left.queue.waiting > 0) {
        session.onError("waiting", LEFT);
        return; // what is newer stays behind it
      }
    }
  }

  /** Whether there is no connection yet, or not again. */
  protected get isTrying(): boolean {
    return this.status.phase.endsWith("ing");
  }

  /** How many writes the server has not acknowledged yet. */
  get waiting(): number {
    return this.session.queue.waiting;
  }

  /** Whether the session speaks through a detour; here there is none (see `DetouredConnection`). */
  get detoured(): boolean {
    return false;
  }

  /** Try again at once, also after a refusal. */
  retry(): void {
    if (this.attempt !== null || this.status.phase === "closed") return;
    if (this.socket !== null && !this.detoured) return;
    if (this.socket === null)
      this.#set(this.status.phase === "reconnecting" ? "reconnecting" : "connecting");
    this.#open();
  }

  /** End for good. */
  close(): void {
    for (const [target, name, heard] of this.#events) target?.removeEventListener?.(name, heard);
    clearInterval(this.#looking);
    this.#stopWaiting();
    this.#set("closed");
    this.#giveUp(1000);
    this.drop()?.close(1000);
    this.session.queue.waitBehind(null);
  }

  /** The machine, its network or the page is back: is the connection still good? */
  readonly #wake = (): void => {
    if (this.#timer !== null) this.retry();
    else this.#probe(WAKE_PATIENCE_MILLISECONDS);
  };

  /** Node has no such events. */
  readonly #events: [EventTarget | undefined, string, (event: Event) => void][] = [
    [globalThis, "online", this.#wake],
    [globalThis, "pageshow", this.#wake],
    [globalThis, "pagehide", (event) => this.#leavePage((event as PageTransitionEvent).persisted)],
    [globalThis, "offline", () => this.#goOffline()],
    [globalThis.document, "freeze", () => this.#sendLast()],
    [
      globalThis.document,
      "visibilitychange",
      // On phones the last that a page hears.
      () => (document.hidden ? this.#sendLast() : this.#wake()),
    ],
  ];

  /**
   * The page is left: send what it wrote last. `mayReturn`: it may come back as it is now, for which
   * browsers want it to have no open socket.
   */
  #leavePage(mayReturn: boolean): void {
    const pushes = this.#sendLast(true, !mayReturn);
    if (this.socket === null) {
      this.#sendAlone(pushes);
    } else if (mayReturn && !this.detoured) {
      this.drop()?.close(1000);
      this.wait();
    }
  }

  /**
   * The page may go, or does (`isLeft`). What a browser has not sent by then is lost with it, so the
   * next page in this tab sends again whatever is not confirmed.
   */
  #sendLast(isLeft = false, forGood = false): Pushes {
    const { session } = this;
    session.sendHeldBack(isLeft, forGood);
    return this.#keep();
  }

  /** Keep what is not confirmed for the next page. */
  #keep(): Pushes {
    const { secret, person, leftAt, queue } = this.session;
    const pushes = queue.unconfirmed();
    const whose = person ?? lastPerson(this.url); // a page may be left before it knows
    keepLeftover(this.url, [secret, leftAt ?? Date.now(), pushes, whose]);
    return pushes;
  }

  /**
   * Send what can go without a connection, where nothing keeps the order: of each key the push that has
   * waited for longest. Where it had arrived before it counts once.
   */
  #sendAlone(pushes: Pushes): void {
    // Elsewhere the header is of no use and has to be asked for first, and a frame may have no cookies.
    const own = this.#isAtHome ? document.cookie : "";
    const [, xsrf] = /(?:^|; )_xsrf=([^;]*)/.exec(own) ?? [];
    const login = authorization(this.#token);
    const headers = xsrf ? { "X-XSRFToken": xsrf, ...login } : login;
    let room = MOST_KEPT_ALIVE;
    // Of one key the last one in the list counts: the oldest.
    const oldest = new Map([...pushes].reverse().map(([, body, key]) => [key, body]));
    for (const body of [...oldest.values()].reverse()) {
      room -= byteLength(body);
      if (room < 0) return;
      fetch(`${this.url}/send`, {
        ...{
          method: "POST",
          keepalive: true,
          credentials: "same-origin",
          headers,
          body: `{"client":"${this.session.secret}",${body.slice(1)}`,
        },
      }).catch(() => {});
    }
  }

  /** Whether the page is the server's own, so that its cookies go along. */
  get #isAtHome(): boolean {
    return this.url.startsWith(`${globalThis.origin}/`);
  }

  /** Whether the server may know who this is. */
  protected get hasLogin(): boolean {
    return this.#ask !== null || this.#isAtHome;
  }

  /** The browser says that there is no network; a server on this machine may answer all the same. */
  #goOffline(): void {
    if (this.socket === null || this.detoured) return;
    this.offlineSince ??= Date.now();
    this.#set("reconnecting", OFFLINE);
    this.#probe(WAKE_PATIENCE_MILLISECONDS);
  }

  /** Look whether time has passed, also while the machine slept and no timer ran. */
  readonly #checkLiveness = (): void => {
    const now = performance.now();
    const clock = Date.now();
    const slept = clock - this.#looked > SLEEP_MILLISECONDS;
    this.#looked = clock;
    if (slept && this.socket !== null) {
      this.#lost();
    } else if (slept) {
      this.#wake();
    } else if (this.attempt !== null && now - this.attempt.since >= PATIENCE_MILLISECONDS) {
      this.#giveUp();
      this.tryDetour();
      this.wait();
    } else {
      if (now - this.#heard >= SILENCE_MILLISECONDS) this.#probe();
      this.#checkConfirmation(now);
    }
  };

  /** Say so where the room doesn't confirm a write, and ask whether it is still there. */
  #checkConfirmation(now: number): void {
    const id = this.socket === null ? undefined : this.session.queue.oldest;
    if (id === undefined) this.#owed = null;
    else if (this.#owed?.id !== id) this.#owed = { id, since: now };
    const late = this.#owed !== null && now - this.#owed.since >= UNCONFIRMED_MILLISECONDS;
    if (late && now - this.#heard >= UNCONFIRMED_MILLISECONDS)
      this.#probe(UNCONFIRMED_PATIENCE_MILLISECONDS);
    if (late === this.unconfirmed) return;
    this.unconfirmed = late;
    if (this.status.phase === "connected") this.#setConnected();
  }

  /** Ask for a sign of life within some milliseconds; a detour has its own. */
  #probe(patience = PATIENCE_MILLISECONDS): void {
    if (this.socket === null || this.detoured) return;
    const deadline = performance.now() + patience;
    if (this.#deadline === null) this.socket.send('{"type":"ping"}');
    else if (this.#deadline <= deadline) return;
    this.#expect(deadline);
  }

  /** Give the socket up at a time; `null`: it has given a sign of life. */
  #expect(deadline: number | null): void {
    clearTimeout(this.#probing);
    this.#deadline = deadline;
    if (deadline === null) return;
    this.#probing = setTimeout(() => this.#lost(), deadline - performance.now());
  }

  #setConnected(): void {
    this.#set("connected", this.unconfirmed ? UNCONFIRMED : this.socket?.text);
  }

  #open(): void {
    this.#stopWaiting();
    this.session.start();
    if (this.#ask === null) this.#openSocket("");
    else void this.#openByTicket(this.#ask);
  }

  /** Open a socket by a ticket, for which a token is traded. */
  async #openByTicket(ask: () => string | Promise<string>): Promise<void> {
    // It stands for the socket until there is one.
    const socket = { close() {} } as unknown as Socket;
    this.attempt = { socket, since: performance.now() };
    let status = 0;
    let ticket: string | undefined;
    try {
      // One that was known may have ended.
      for (const isNew of [this.#token === undefined, true]) {
        this.#token ||= await ask();
        check(typeof this.#token === "string", "a token", this.#token);
        const headers = authorization(this.#token);
        const answer = await fetch(`${this.url}/ticket`, { method: "POST", headers });
        status = answer.status;
        if (answer.ok) ({ ticket } = (await answer.json()) as { ticket: string });
        if (status !== 401) break;
        this.#token = undefined;
        if (isNew) break;
      }
    } catch (error) {
      // There was no token or no answer: it is tried again.
      console.warn("driftdb:", error);
      status = 0;
    }
    if (this.attempt?.socket !== socket) return;
    if (ticket !== undefined) {
      this.#openSocket(`&ticket=${encodeURIComponent(ticket)}`);
      return;
    }
    this.#giveUp();
    this.tryDetour();
    if (this.detoured) this.wait();
    else if (status === 0) this.wait(UNREACHABLE);
    else if (status === 401) this.#stop("refused", ENDED);
    else void this.#findOutWhy();
  }

  /** Go on with another token: the one that is known is about to end. */
  async #renew(): Promise<void> {
    const { socket } = this;
    try {
      this.#token = await this.#ask?.();
    } catch {
      return; // the server closes the connection then, and it is asked for again
    }
    if (this.socket === socket) socket?.send(JSON.stringify({ type: "renew", token: this.#token }));
  }

  #openSocket(ticket: string): void {
    const { WebSocket: Open = globalThis.WebSocket } = this.#options;
    const { secret, codec } = this.session;
    const address = `${this.url.replace(/^http/, "ws")}/connect?${codec.query}${ticket}`;
    // The secret stands in no URL, for proxies log those. ws' own type says less than it takes.
    const socket = new (Open as unknown as SocketClass)(address, ["driftdb", secret]);
    socket.binaryType = "arraybuffer";
    // A close follows, which is heard; but an error that nobody hears ends a process of Node's.
    socket.onerror = () => {};
    this.attempt = { socket, since: performance.now() };
    socket.onopen = () => {
      this.attempt = null;
      if (this.detoured) this.drop();
      this.leaveDetour();
      this.adopt(socket);
    };
    socket.onclose = ({ code, reason }) => {
      this.#giveUp();
      this.tryDetour();
      if (this.detoured) this.wait();
      else if (code === CLOSE_FORBIDDEN) this.#stop("refused", reason);
      else void this.#findOutWhy();
    };
  }

  /** The straight way failed. */
  protected tryDetour(): void {}

  /** The straight way is there, or the detour is of no use. */
  protected leaveDetour(): void {}

  /** The session speaks through this socket from now. */
  protected adopt(socket: Socket): void {
    this.socket = socket;
    this.#heard = performance.now();
    this.offlineSince = this.#owed = null;
    this.unconfirmed = false;
    socket.onmessage = ({ data }) => {
      this.#backoff.reset();
      this.#alive();
      const bytes = () => new Uint8Array(data as ArrayBuffer);
      this.session.received(typeof data === "string" ? data : bytes());
      this.#known.resolve();
    };
    socket.onclose = ({ code, reason }) => {
      const { detoured } = this;
      this.drop(code);
      if (detoured) this.leaveDetour();
      if (code === CLOSE_EXPIRED && this.#ask !== null) this.#token = undefined;
      if (code === CLOSE_FORBIDDEN) this.#stop("refused", reason);
      else if (code === CLOSE_GONE) this.#stop("gone");
      else this.wait();
    };
    // Answered first of all, with whose connection it is.
    if (this.hasLogin) socket.send('{"type":"renew"}');
    else if (!this.detoured) this.session.person = "";
    this.session.connected((frame) => socket.send(frame));
    this.#setConnected();
  }

  /** Forget a handshake. */
  #giveUp(code?: number): void {
    if (this.attempt === null) return;
    const { socket } = this.attempt;
    this.attempt = null;
    socket.onopen = socket.onclose = null;
    socket.close(code);
    this.offlineSince ??= Date.now();
  }

  #alive(): void {
    this.#heard = performance.now();
    if (this.#deadline !== null) this.#expect(null);
    if (this.status.phase !== "reconnecting" || this.socket === null) return;
    // The browser said that it is offline, and was wrong.
    this.offlineSince = null;
    this.#setConnected();
  }

  /** Forget the socket, and hear no more of it. */
  protected drop(code?: number): Socket | null {
    const socket = this.socket;
    this.socket = null;
    this.#expect(null);
    if (socket === null) return null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.offlineSince ??= Date.now();
    this.session.disconnected(code);
    return socket;
  }

  /** Give up a socket that nothing comes from. */
  #lost(): void {
    const { detoured } = this;
    this.drop()?.close();
    if (detoured) this.leaveDetour();
    this.wait();
  }

  /** A browser doesn't tell why a handshake failed: the room's address does. */
  async #findOutWhy(): Promise<void> {
    this.#notify();
    const headers = authorization(this.#token);
    const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS);
    const asked = fetch(this.url, { credentials: "same-origin", headers, signal });
    const answer = await asked.catch(() => null);
    if (!this.isTrying || this.attempt !== null || this.socket !== null) return;
    if (answer?.status === 401) this.#stop("refused", ENDED);
    else if (answer?.status === 403) this.#stop("refused");
    else if (answer?.headers.get(MISSING) === "room") this.#stop("gone");
    else this.wait(UNREACHABLE);
  }

  /** Wait for a `retry`. */
  #stop(phase: "refused" | "gone", text?: string): void {
    this.#set(phase, text);
    this.refuseWaiting();
  }

  /** Refuse what can't wait for a `retry`. */
  protected refuseWaiting(): void {
    const { phase, text } = this.status;
    if (phase === "gone") this.session.stop(new Refused("gone", text));
    // Whoever logs in again goes on with what was written.
    else if (phase === "refused") this.session.interrupt(new Refused("forbidden", text));
  }

  /** Try again in a while. */
  protected wait(text?: string, pause = this.#backoff.next()): void {
    if (!this.detoured) this.#set("reconnecting", text);
    this.#stopWaiting();
    this.#timer = setTimeout(() => this.#open(), pause);
  }

  #stopWaiting(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** `text`: what is told; by default, and for an empty one, that of the phase. */
  #set(phase: Phase, text?: string): void {
    this.status = { phase, text: text || TEXTS[phase] };
    this.#notify();
  }

  #notify(): void {
    notify(this.listeners);
  }
}

/** What lets in where a request can have headers, as a handshake in a browser can't. */
export function authorization(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { Authorization: `token ${token}` };
}
