import { authorization, Connection } from "../client/connection";
import type { ConnectionOptions } from "../client/options";
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

/** A room on a server, over one connection that comes back by itself. */
export class Room {
  readonly #connection: Connection;

  /**
   * `url`: the room's http(s) address; `http://HOST:8080/room/ID` of `driftdb serve`,
   * `http://HOST:8888/driftdb/room/NAME` of a Jupyter server, also with its `?token=`. Throws a
   * `TypeError` for another one.
   */
  constructor(url: string, options?: ConnectionOptions);
  /** @internal `session`: one that has taken part in the room already. */
  constructor(url: string, options?: ConnectionOptions, session?: Session);
  constructor(url: string, options: ConnectionOptions = {}, session?: Session) {
    const token = options.token ?? tokenOf(url);
    const all = token === null ? options : { ...options, token };
    this.#connection = new Connection(roomOf(url), all, session);
    this.#connection.session.bigint = options.bigint ?? false;
  }

  /** The room's address. */
  get url(): string {
    return this.#connection.url;
  }

  /** The room's name, or id. */
  get name(): string {
    return decodeURIComponent(this.url.slice(this.url.lastIndexOf("/") + 1));
  }

  /** How the connection is. */
  get status(): Status {
    return this.#connection.status;
  }

  /** Whether the room has refused something, for nobody may write there with these rights. */
  get readOnly(): boolean {
    return this.#connection.readOnly;
  }

  /** How many writes the room has not confirmed yet; they are kept while it is away. */
  get waiting(): number {
    return this.#connection.waiting;
  }

  /**
   * Call a function when `status` or `waiting` may have changed; returns a function that ends the
   * subscription.
   */
  onStatus(listener: (status: Status) => void): () => void {
    const own = () => listener(this.status);
    this.#connection.listeners.add(own);
    return () => {
      this.#connection.listeners.delete(own);
    };
  }

  /** A value that everybody sees and sets; `initial` is written where there is none. */
  state<T = Value>(key: string): SharedState<T>;
  state<T = Value>(key: string, initial: T): SharedState<T, never>;
  state<T>(key: string, initial?: T): SharedState<T> {
    return new SharedState<T>(this.#connection.session, key, initial);
  }

  /** Several values under one key. */
  dict<T = Value>(key: string, initial: Readonly<Record<string, T>> = {}): SharedDict<T> {
    return new SharedDict<T>(this.#connection.session, key, initial);
  }

  /**
   * A channel: what matters now and is kept nowhere. `describe`: whether who publishes tells the
   * room that it is one, for its page, where nobody did.
   */
  pubsub<T = Value>(key: string, { stamps = false, describe = true } = {}): PubSub<T> {
    return new PubSub<T>(this.#connection.session, key, stamps, describe);
  }

  /**
   * A list that stays: a log, a history. `maxLength`: how many values an append leaves. `describe`:
   * as of `pubsub`.
   */
  stream<T = Value>(
    key: string,
    {
      maxLength,
      stamps = false,
      describe = true,
    }: { maxLength?: number; stamps?: boolean; describe?: boolean } = {},
  ): Stream<T> {
    return new Stream<T>(this.#connection.session, key, maxLength, stamps, describe);
  }

  /** A value that many change at once, by rules. */
  reducer<S = Value, A = Value>(
    key: string,
    fn: (value: S, action: A) => S,
    initial: S,
  ): SharedReducer<S, A> {
    return new SharedReducer<S, A>(this.#connection.session, key, fn, initial);
  }

  /** Who is here, each with a value; `null`: only look. */
  presence<T = Value>(key = "presence", value: T | null = null): Presence<T> {
    return new Presence<T>(this.#connection.session, key, value);
  }

  /** Which keys there are that begin so, with their number of values and bytes. */
  keys(prefix = ""): Promise<Readonly<Record<string, KeyInfo>>> {
    return this.#connection.session.keys(prefix);
  }

  /** Empty a key for everybody, and forget what it is: it may be of another kind from then on. */
  delete(key: string): Promise<void> {
    const { session } = this.#connection;
    const emptied = [session.delete(key)];
    if (!key.startsWith("$")) emptied.push(session.delete(META + key));
    return tolerateClose(Promise.all(emptied).then(() => {}));
  }

  /** How long the server takes to answer, in milliseconds; rejects where there is no connection. */
  async latency(): Promise<number> {
    const since = performance.now();
    await this.#connection.session.ping();
    return performance.now() - since;
  }

  /**
   * Resolves when the room has confirmed, or refused, all that was written. Rejects with a `Refused`
   * where there won't be a connection.
   */
  flush(): Promise<void> {
    return this.#connection.session.drained();
  }

  /** Try at once to connect again, also after a refusal. */
  retry(): void {
    this.#connection.retry();
  }

  /** End for good; what was not confirmed yet (see `flush`) may be lost, and is refused. */
  close(): void {
    this.#connection.close();
    this.#connection.session.stop();
  }

  /** @internal End the connection, but not the session, with which somebody goes on. */
  disconnect(): void {
    this.#connection.close();
  }
}

/** The room at an address. */
export function room(url: string, options: ConnectionOptions = {}): Room {
  return new Room(url, options);
}

/**
 * A new room on a server, by its root: `http://HOST:8080/`. Throws `NoRoom` where it makes none, or
 * can't be reached.
 */
export async function newRoom(root: string, options: ConnectionOptions = {}): Promise<Room> {
  const server = rootOf(root);
  const { room: name } = await askForRoom(`${server}new`, {
    method: "POST",
    headers: authorization(options.token),
  });
  return new Room(`${server}room/${encodeURIComponent(name)}`, options);
}
