import { checkOptions } from "../client/check";
import { authorization, Connection } from "../client/connection";
import { CONNECTION, type ConnectionOptions } from "../client/options";
import type { Session } from "../client/session";
import type { Status } from "../client/status";
import { type KeyInfo, META } from "../protocol/messages";
import { askForRoom, roomOf, rootOf, tokenOf } from "./address";
import { SharedDict } from "./dict";
import { Presence } from "./presence";
import { PubSub } from "./pubsub";
import { SharedReducer } from "./reducer";
import { SharedState } from "./state";
import { Stream } from "./stream";
import { tolerateClose } from "./tolerate_close";
import type { Value } from "./values";

/**
 * A room on a server, over one WebSocket that reconnects by itself. Its methods make the objects
 * that live in the room; all of them share the connection.
 */
export class Room {
  readonly #connection: Connection;

  /**
   * Open a room. `url` is its http(s) address: `http://HOST:8080/room/ID` of `driftdb serve`,
   * `http://HOST:8888/driftdb/room/NAME` of a Jupyter server, also with its `?token=`. Throws a
   * `TypeError` for another one.
   */
  constructor(url: string, options?: ConnectionOptions);
  /** @internal `session`: one that has taken part in the room already. */
  constructor(url: string, options?: ConnectionOptions, session?: Session);
  constructor(url: string, options: ConnectionOptions = {}, session?: Session) {
    checkOptions(options, CONNECTION);
    const token = options.token ?? tokenOf(url);
    const all = token === null ? options : { ...options, token };
    this.#connection = new Connection(roomOf(url), all, session);
    this.#connection.session.bigint = options.bigint ?? false;
  }

  /** The room's http(s) address. */
  get url(): string {
    return this.#connection.url;
  }

  /** The room's name or id, the last part of its address. */
  get name(): string {
    return decodeURIComponent(this.url.slice(this.url.lastIndexOf("/") + 1));
  }

  /** How the connection is, in a word and in a sentence. */
  get status(): Status {
    return this.#connection.status;
  }

  /** How many writes the room has not confirmed yet. They are kept, in memory, while it is away. */
  get waiting(): number {
    return this.#connection.waiting;
  }

  /**
   * Call a function when `status`, `waiting`, or the `readOnly` of an object may have changed; returns
   * a function that ends the subscription.
   */
  onStatus(listener: (status: Status) => void): () => void {
    const own = () => listener(this.status);
    this.#connection.listeners.add(own);
    return () => {
      this.#connection.listeners.delete(own);
    };
  }

  /**
   * A shared value. `initial` is written where the room has none. Throws a `TypeError` for an
   * initial value that can't be encoded, and `WrongKind` where this page uses the key as another
   * kind of object; so do the methods below.
   */
  state<T = Value>(key: string): SharedState<T>;
  state<T = Value>(key: string, initial: T): SharedState<T, never>;
  state<T>(key: string, initial?: T): SharedState<T> {
    return new SharedState<T>(this.#connection.session, key, initial);
  }

  /** A shared dictionary. `initial` is what it holds in a room that has none yet. */
  dict<T = Value>(key: string, initial: Readonly<Record<string, T>> = {}): SharedDict<T> {
    return new SharedDict<T>(this.#connection.session, key, initial);
  }

  /**
   * A channel: what is published reaches everybody who is connected, and is stored nowhere.
   * `stamps`: receive who wrote each value, and when. `describe`: whether the first value that is
   * published also tells the room that the key is a channel, so that the room's page shows it.
   */
  pubsub<T = Value>(
    key: string,
    options: { stamps?: boolean; describe?: boolean } = {},
  ): PubSub<T> {
    checkOptions(options, HEARING);
    return new PubSub<T>(this.#connection.session, key, options.stamps, options.describe);
  }

  /**
   * A list that the room keeps: a log, a history. `maxLength`: how many of the newest values an
   * append leaves. `stamps` and `describe`: as for `pubsub`.
   */
  stream<T = Value>(
    key: string,
    options: { maxLength?: number; stamps?: boolean; describe?: boolean } = {},
  ): Stream<T> {
    checkOptions(options, { ...HEARING, maxLength: 1 });
    const { maxLength, stamps, describe } = options;
    return new Stream<T>(this.#connection.session, key, maxLength, stamps, describe);
  }

  /** A shared value that is changed by actions: `fn(value, action)` returns the next value. */
  reducer<S = Value, A = Value>(
    key: string,
    fn: (value: S, action: A) => S,
    initial: S,
  ): SharedReducer<S, A> {
    return new SharedReducer<S, A>(this.#connection.session, key, fn, initial);
  }

  /** Who is here, each with a value. `value` is the own one; `null`: only look, unseen. */
  presence<T = Value>(key = "presence", value: T | null = null): Presence<T> {
    return new Presence<T>(this.#connection.session, key, value);
  }

  /**
   * List the keys that begin with a prefix, each with its number of values and bytes. Rejects with a
   * `Refused` where there won't be a connection.
   */
  keys(prefix = ""): Promise<Readonly<Record<string, KeyInfo>>> {
    return this.#connection.session.keys(prefix);
  }

  /**
   * Empty a key for everybody; resolves when that is done. It may be used as another kind of object
   * from then on. Rejects with `Refused` or `QueueFull`.
   */
  delete(key: string): Promise<void> {
    const { session } = this.#connection;
    const emptied = [session.delete(key)];
    if (!key.startsWith("$")) emptied.push(session.delete(META + key));
    return tolerateClose(Promise.all(emptied).then(() => {}));
  }

  /** Measure how long the server takes to answer, in milliseconds. Rejects while not connected. */
  async latency(): Promise<number> {
    const since = performance.now();
    await this.#connection.session.ping();
    return performance.now() - since;
  }

  /**
   * Wait until the room has confirmed or refused all that was written. Rejects with a `Refused`
   * where there won't be a connection.
   */
  flush(): Promise<void> {
    return this.#connection.session.drained();
  }

  /** Reconnect at once, also after a refusal. */
  retry(): void {
    this.#connection.retry();
  }

  /** Disconnect for good. Writes that were not confirmed yet (see `flush`) reject with `closed`. */
  close(): void {
    this.#connection.close();
    this.#connection.session.stop();
  }

  /** @internal End the connection, but not the session, with which somebody goes on. */
  disconnect(): void {
    this.#connection.close();
  }
}

/** What hears a key can ask for. */
const HEARING = { stamps: "boolean", describe: "boolean" } as const;

/** Open the room at an address; see `Room`. */
export function room(url: string, options: ConnectionOptions = {}): Room {
  return new Room(url, options);
}

/**
 * Make a new room on a server, and open it. `root` is the server's address, like
 * `http://HOST:8080/`. Rejects with `NoRoom` where the server makes none, or can't be reached.
 */
export async function newRoom(root: string, options: ConnectionOptions = {}): Promise<Room> {
  checkOptions(options, CONNECTION); // before there is a room
  const server = rootOf(root);
  const { token } = options;
  const { room: name } = await askForRoom(`${server}new`, {
    method: "POST",
    headers: authorization(typeof token === "function" ? await token() : token),
  });
  return new Room(`${server}room/${encodeURIComponent(name)}`, options);
}
