import { Bookmark } from "../client/bookmark";
import { closedHere, QueueFull, Refused } from "../client/errors";
import { notify } from "../client/listeners";
import type { LogListener } from "../client/log";
import { NOBODY } from "../client/queue";
import { Session } from "../client/session";
import { CBOR } from "../protocol/cbor";
import { JSON_CODEC } from "../protocol/codec";
import type { Entry, Json, ServerMessage } from "../protocol/messages";
import { roomOf } from "../room/address";
import { Room } from "../room/room";
import { listen } from "./ear";
import { EventListener } from "./events";
import type { ConnectionStatus, Key, MessageFromDb, MessageToDb, SequenceValue } from "./types";

const MOST_EARLY = 10_000;
/** As npm's `PresenceListener` has it. */
const PRESENCE_MILLISECONDS = 20;

/** Is called with the error of a write that the room did not accept, and its key. */
export type Report = (error: unknown, key: Key) => void;

/** Report a failed write to the console. */
export const warn: Report = (error, key) => console.warn(`driftdb: ${key}:`, error);

/** What a connection lets take part in its room, or (`again`) in another; it returns its end. */
type Participant = (session: Session, again: boolean) => () => void;

/** One room, and all that was written for it: nothing of that ever goes to another. */
interface Stay {
  /** The room's http(s) address; `null`: that of the next `connect`. */
  url: string | null;
  readonly session: Session;
  /** The keys that were asked for by a `get` that was sent. */
  readonly asked: Set<Key>;
  room: Room | null;
  /** Settles the promise of `connect`, and hears no more of the room's status. */
  stopWatching: () => void;
}

/**
 * A connection to a room, with the methods of npm `driftdb` 1.0.12. It reconnects by itself;
 * subscribers then receive what they missed, and what was sent meanwhile arrives once.
 */
export class DbConnection {
  /** Whether there is a connection. */
  status: ConnectionStatus = NOT_CONNECTED;
  /** Emits `status` when it changes. */
  readonly statusListener = new EventListener<ConnectionStatus>();
  /** Emits each message of the server in DriftDB's own protocol. */
  readonly messageListener = new EventListener<MessageFromDb>();
  /** The address that `connect` was called with last. */
  dbUrl: string | null = null;
  /** Whether messages are CBOR. */
  cbor = false;
  /** Whether `disconnect` was called last. */
  closed = false;
  /** Is called for writes that the room did not accept; by default the console reports them. */
  onError: Report = warn;
  /** The room that this is in now, or was last. */
  #stay: Stay = this.#newStay(null);
  /** Rooms that were left before they had confirmed all that was written there, by address. */
  readonly #unfinished = new Map<string, Stay>();
  readonly #parts = new Set<{ readonly start: Participant; end: () => void }>();
  readonly #subscriptions: {
    readonly key: Key;
    readonly listener: (event: SequenceValue) => void;
    readonly end: () => void;
  }[] = [];
  /** What was sent while there is no room: how it is to be encoded isn't known yet. */
  readonly #early: MessageToDb[] = [];

  /** The room, with all that `driftdb-jupyter` offers; `null` before `connect`. */
  get room(): Room | null {
    return this.#stay.room;
  }

  /**
   * Connect to the `socket_url` of a room, or change to another room; subscribers stay. Writes that
   * wait for the same room arrive over the new connection; those for another room go on waiting for
   * that one, in the background. `cbor`: encode messages as CBOR, so that they may hold a
   * `Uint8Array`. Resolves when connected. Rejects where the first attempt fails (others follow),
   * where another call replaces it, and with a `TypeError` for an address that is no room's.
   */
  async connect(dbUrl: string, cbor = false): Promise<void> {
    this.enter(dbUrl);
    const stay = this.#stay;
    stay.room?.disconnect();
    stay.stopWatching();
    this.closed = false;
    this.dbUrl = dbUrl;
    this.cbor = cbor;
    const codec = cbor ? CBOR : JSON_CODEC;
    const options = { codec, presenceMilliseconds: PRESENCE_MILLISECONDS };
    const room = new Room(dbUrl, options, stay.session);
    stay.room = room;
    for (const message of this.#early.splice(0)) this.send(message);
    return new Promise((resolve, reject) => {
      const follow = () => {
        const { phase, text } = room.status;
        if (phase === "connected") {
          resolve();
          this.#set({ connected: true, text, phase, debugUrl: `${room.url}/inspect` });
        } else {
          if (phase !== "connecting") reject(new Error(text));
          this.#set({ connected: false, text, phase });
        }
      };
      const stop = room.onStatus(follow);
      stay.stopWatching = () => {
        stop();
        reject(new Error("another connection took its place"));
      };
      follow();
    });
  }

  /**
   * @internal Say which room the next `connect` is for: what is written from now on is meant for
   * that one, and those who take part know no more of another.
   */
  enter(dbUrl: string): void {
    const url = roomOf(dbUrl);
    if (this.#stay.url !== null && this.#stay.url !== url) this.#move(url);
    this.#stay.url = url;
  }

  /**
   * Disconnect. Writes that were not confirmed fail; what is written from now on waits for a
   * `connect` to the same room. Subscribers receive values again after another `connect`.
   */
  disconnect(): void {
    this.closed = true;
    for (const { room } of this.#unfinished.values()) room?.close();
    this.#unfinished.clear();
    const { room, url } = this.#stay;
    if (room === null) return;
    this.#end(this.#stay);
    this.#start(this.#newStay(url), false);
  }

  /** Measure how long the server takes to answer, in milliseconds; null while not connected. */
  testLatency(): Promise<number> | null {
    const { room } = this;
    return room !== null && this.status.connected ? room.latency() : null;
  }

  /**
   * Send a message. A push arrives exactly once, also if the connection breaks. Throws `QueueFull`
   * where too many wait.
   */
  send(message: MessageToDb): void {
    const { room, session } = this.#stay;
    if (room === null) {
      if (this.#early.length >= MOST_EARLY)
        throw new QueueFull(`expected at most ${MOST_EARLY} messages before there is a room`);
      this.#early.push(message);
    } else if (message.type === "push") {
      const { key, action } = message;
      const value = message.value as Json;
      const refused = (_: number, code: string, text: string) =>
        this.report(new Refused(code, text), key);
      session.queue.add({ ...NOBODY, refused }, { key, value, action }, "each");
    } else if (message.type === "get") {
      this.#get(message.key, message.seq ?? 0);
    } else {
      session.ping().catch(() => {});
    }
  }

  /**
   * Call a function with each value of a key, beginning with those that its stream holds.
   * `sizeCallback` is called with their number when an own push left more than one.
   */
  subscribe(
    key: Key,
    listener: (event: SequenceValue) => void,
    sizeCallback?: (size: number) => void,
  ): void {
    const bookmark = new Bookmark();
    const told = ({ value, seq }: Entry) => notify([listener], { value, seq });
    const end = this.join((session) => {
      const ear: LogListener = {
        pushed(entry) {
          bookmark.pass(entry);
          told(entry);
        },
        startedOver(held, sameEpoch) {
          for (const entry of bookmark.startOver(held, sameEpoch)) told(entry);
        },
        sized: (size) => sizeCallback !== undefined && notify([sizeCallback], size),
      };
      listen(session, key, ear);
      return () => session.leave(key, ear);
    });
    this.#subscriptions.push({ key, listener, end });
  }

  /** End the subscription of the same key and listener. */
  unsubscribe(
    subject: Key,
    listener: (event: SequenceValue) => void,
    _sizeCallback?: (size: number) => void,
  ): void {
    for (const subscription of [...this.#subscriptions]) {
      if (subscription.key !== subject || subscription.listener !== listener) continue;
      this.#subscriptions.splice(this.#subscriptions.indexOf(subscription), 1);
      subscription.end();
    }
  }

  /**
   * @internal Take part in whatever room this is connected to, now and after each `connect`; returns
   * what ends that.
   */
  join(start: Participant): () => void {
    const part = { start, end: start(this.#stay.session, false) };
    this.#parts.add(part);
    return () => {
      if (this.#parts.delete(part)) part.end();
    };
  }

  /** @internal What has taken part in the room for now. */
  get session(): Session {
    return this.#stay.session;
  }

  /** @internal Tell of a write that the room didn't take. */
  report(error: unknown, key: Key): void {
    notify([this.onError], error, key);
  }

  /** All that a key holds, for who subscribed; from now on the room tells of this key. */
  #get(key: Key, above: number): void {
    const { session, asked } = this.#stay;
    const quiet: LogListener = { pushed() {} };
    const once: LogListener = {
      pushed() {},
      startedOver: (held) => {
        session.leave(key, once);
        for (const { value, seq } of held.filter((entry) => entry.seq > above))
          for (const each of [...this.#subscriptions])
            if (each.key === key) notify([each.listener], { value, seq });
      },
    };
    const replica = listen(session, key, once);
    if (!asked.has(key)) replica.listeners.add(quiet);
    asked.add(key);
  }

  /** Leave the room for another one. */
  #move(url: string): void {
    const stay = this.#stay;
    for (const message of this.#early.splice(0))
      if (message.type === "push") this.report(closedHere(), message.key);
    const next = this.#unfinished.get(url) ?? this.#newStay(url);
    this.#unfinished.delete(url);
    this.#start(next, true);
    this.#finish(stay);
    this.#set(NOT_CONNECTED);
  }

  /** Stay connected to a room that was left for as long as it has something to confirm. */
  #finish(stay: Stay): void {
    const { session, room, url } = stay;
    stay.stopWatching();
    if (room === null || session.queue.waiting === 0 || url === null) {
      this.#end(stay);
      return;
    }
    this.#unfinished.set(url, stay);
    const finished = () => {
      // Where it may not be read any more what was written is kept, for whoever comes back.
      if (this.#unfinished.get(url) !== stay || session.queue.waiting > 0) return;
      this.#unfinished.delete(url);
      room.close();
    };
    session.drained().then(finished, finished);
  }

  /** Refuse what a room has not confirmed, and hear no more of it. */
  #end({ session, room, stopWatching }: Stay): void {
    if (room === null) session.stop();
    else room.close();
    stopWatching();
  }

  /** Let all take part in a room; `another`: of which they know nothing yet. */
  #start(stay: Stay, another: boolean): void {
    this.#stay = stay;
    for (const part of this.#parts) {
      part.end();
      part.end = part.start(stay.session, another);
    }
  }

  #newStay(url: string | null): Stay {
    const session = new Session();
    const stay = { url, session, asked: new Set<Key>(), room: null, stopWatching: () => {} };
    session.onMessage = (message) => {
      if (this.#stay === stay && isOfDriftDB(message)) this.messageListener.dispatch(message);
    };
    session.onUnheard = (error, key) => this.report(error, key);
    return stay;
  }

  #set(status: ConnectionStatus): void {
    const { connected, text } = this.status;
    if (status.connected === connected && status.text === text) return;
    this.status = status;
    this.statusListener.dispatch(status);
  }
}

const NOT_CONNECTED: ConnectionStatus = {
  ...{ connected: false, text: "Not connected.", phase: "closed" },
};

const TYPES = ["push", "init", "stream_size", "pong", "error"];

function isOfDriftDB(message: ServerMessage): message is ServerMessage & MessageFromDb {
  return TYPES.includes(message.type);
}
