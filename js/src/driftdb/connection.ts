import { Bookmark } from "../client/bookmark";
import { Refused } from "../client/errors";
import { tell } from "../client/listeners";
import type { LogListener } from "../client/log";
import { NOBODY, QueueFull } from "../client/queue";
import { Session } from "../client/session";
import { CBOR } from "../protocol/cbor";
import { JSON_CODEC } from "../protocol/codec";
import type { Entry, Json, ServerMessage } from "../protocol/messages";
import { roomOf } from "../room/address";
import { Room } from "../room/room";
import { EventListener } from "./events";
import type { ConnectionStatus, Key, MessageFromDb, MessageToDb, SequenceValue } from "./types";

const MOST_EARLY = 10_000;

/** Hears of a write that the room didn't take, and its key. */
export type Report = (error: unknown, key: Key) => void;

/** What nobody waits for is at least told. */
export const warn: Report = (error, key) => console.warn(`driftdb: ${key}:`, error);

/** What a connection lets take part in its room, or (`again`) in another; it returns its end. */
type Part = (session: Session, again: boolean) => () => void;

/**
 * A connection to a room, with the calls of npm `driftdb` 1.0.12. It comes back by itself, and
 * all who subscribed hear what they missed; what is sent meanwhile arrives once.
 */
export class DbConnection {
  status: ConnectionStatus = { connected: false, text: "Not connected." };
  readonly statusListener = new EventListener<ConnectionStatus>();
  /** Hears all that the server says in DriftDB's own protocol. */
  readonly messageListener = new EventListener<MessageFromDb>();
  /** What it was told to connect to. */
  dbUrl: string | null = null;
  /** Whether messages are CBOR. */
  cbor = false;
  /** Whether `disconnect` was called last. */
  closed = false;
  /** Hears of writes that the room didn't take; by default the console does. */
  onError: Report = warn;
  /** The room, with all that `driftdb-jupyter` can. */
  room: Room | null = null;
  private session = this.newSession();
  /** The room that the session has been in, for it can't go into another. */
  private home: string | null = null;
  private readonly parts = new Set<{ readonly start: Part; end: () => void }>();
  private readonly subscriptions: {
    readonly key: Key;
    readonly listener: (event: SequenceValue) => void;
    readonly end: () => void;
  }[] = [];
  private readonly asked = new Set<Key>();
  /** What was sent while there is no room: how it is to be encoded isn't known yet. */
  private readonly early: MessageToDb[] = [];

  /**
   * Connect to the `socket_url` of a room, or to another one; all who take part stay, and in the
   * same room so does what waits. `cbor`: what is sent may hold a `Uint8Array`. Resolves when the
   * connection is there. Rejects where the first attempt fails (others follow), and with a
   * `TypeError` where there can't be a room.
   */
  async connect(dbUrl: string, cbor = false): Promise<void> {
    const url = roomOf(dbUrl);
    if (this.home === null || this.home === url) this.room?.disconnect();
    else this.leave(true);
    this.closed = false;
    this.dbUrl = dbUrl;
    this.cbor = cbor;
    const token = new URL(dbUrl, globalThis.location?.href).searchParams.get("token");
    const options = { codec: cbor ? CBOR : JSON_CODEC, ...(token === null ? {} : { token }) };
    const room = new Room(dbUrl, options, this.session);
    this.room = room;
    for (const message of this.early.splice(0)) this.send(message);
    return new Promise((resolve, reject) => {
      const look = () => {
        const { phase, text } = room.status;
        if (phase === "connected") {
          this.home = url;
          resolve();
          this.set({ connected: true, text, debugUrl: `${room.url}/inspect` });
        } else {
          if (phase !== "connecting") reject(new Error(text));
          this.set({ connected: false, text });
        }
      };
      room.onStatus(look);
      look();
    });
  }

  /** End the connection. Who subscribed hears again after another `connect`. */
  disconnect(): void {
    this.closed = true;
    this.leave(false);
  }

  /** The server's time to answer, in milliseconds; null where there is no connection. */
  testLatency(): Promise<number> | null {
    return this.room !== null && this.status.connected ? this.room.latency() : null;
  }

  /**
   * Send a message. A push arrives once, also where the connection breaks; throws `QueueFull` where
   * too many wait.
   */
  send(message: MessageToDb): void {
    if (this.room === null) {
      if (this.early.length >= MOST_EARLY)
        throw new QueueFull(`expected at most ${MOST_EARLY} messages before there is a room`);
      this.early.push(message);
    } else if (message.type === "push") {
      const { key, action } = message;
      const value = message.value as Json;
      const refused = (_: number, code: string, text: string) =>
        this.report(new Refused(code, text), key);
      this.session.queue.add({ ...NOBODY, refused }, { key, value, action }, "each");
    } else if (message.type === "get") {
      this.get(message.key, message.seq ?? 0);
    } else {
      this.session.ping().catch(() => {});
    }
  }

  /**
   * Hear each value of a key, those first that its stream holds. `sizeCallback` hears how many
   * those are when an own push left more than one.
   */
  subscribe(
    key: Key,
    listener: (event: SequenceValue) => void,
    sizeCallback?: (size: number) => void,
  ): void {
    const bookmark = new Bookmark();
    const told = ({ value, seq }: Entry) => tell([listener], { value, seq });
    const end = this.join((session) => {
      const replica = session.hear(key, {
        heard(entry) {
          bookmark.pass(entry);
          told(entry);
        },
        startedOver(held, sameEpoch) {
          for (const entry of bookmark.startOver(held, sameEpoch)) told(entry);
        },
        sized: (size) => sizeCallback !== undefined && tell([sizeCallback], size),
      });
      return () => {
        replica.listeners.clear();
        session.leave(key);
      };
    });
    this.subscriptions.push({ key, listener, end });
  }

  /** End what `subscribe` began with the same key and listener. */
  unsubscribe(
    subject: Key,
    listener: (event: SequenceValue) => void,
    _sizeCallback?: (size: number) => void,
  ): void {
    for (const subscription of [...this.subscriptions]) {
      if (subscription.key !== subject || subscription.listener !== listener) continue;
      this.subscriptions.splice(this.subscriptions.indexOf(subscription), 1);
      subscription.end();
    }
  }

  /**
   * Take part in whatever room this is connected to, now and after each `connect`; returns what
   * ends that.
   */
  join(start: Part): () => void {
    const part = { start, end: start(this.session, false) };
    this.parts.add(part);
    return () => {
      if (this.parts.delete(part)) part.end();
    };
  }

  /** Tell of a write that the room didn't take. */
  report(error: unknown, key: Key): void {
    tell([this.onError], error, key);
  }

  /** All that a key holds, for who subscribed; from now on the room tells of this key. */
  private get(key: Key, above: number): void {
    const { session } = this;
    const quiet: LogListener = { heard() {} };
    const once: LogListener = {
      heard() {},
      startedOver: (held) => {
        replica.listeners.delete(once);
        session.leave(key);
        for (const { value, seq } of held.filter((entry) => entry.seq > above))
          for (const each of [...this.subscriptions])
            if (each.key === key) tell([each.listener], { value, seq });
      },
    };
    const replica = session.hear(key, once);
    if (!this.asked.has(key)) replica.listeners.add(quiet);
    this.asked.add(key);
  }

  private leave(forAnother: boolean): void {
    const { room } = this;
    this.room = null;
    if (this.home === null) {
      room?.disconnect();
      return;
    }
    this.home = null;
    room?.close();
    this.session = this.newSession();
    this.asked.clear();
    for (const part of this.parts) {
      part.end();
      part.end = part.start(this.session, forAnother);
    }
  }

  private newSession(): Session {
    const session = new Session();
    session.onMessage = (message) => {
      if (isOfDriftDB(message)) this.messageListener.dispatch(message);
    };
    return session;
  }

  private set(status: ConnectionStatus): void {
    const { connected, text } = this.status;
    if (status.connected === connected && status.text === text) return;
    this.status = status;
    this.statusListener.dispatch(status);
  }
}

const TYPES = ["push", "init", "stream_size", "pong", "error"];

function isOfDriftDB(message: ServerMessage): message is ServerMessage & MessageFromDb {
  return TYPES.includes(message.type);
}
