import { notify } from "../client/listeners";
import type { LogListener } from "../client/log";
import type { Json } from "../protocol/messages";
import { Presence } from "../room/presence";
import { decode, encode } from "../room/values";
import type { DbConnection } from "./connection";
import { listen } from "./ear";

/** What a client publishes to say that it is present. */
export interface PresenceMessage<T> {
  /** The id that it chose. */
  client: string;
  /** Its value. */
  value: T;
}

/** Another client that is present. */
export type WrappedPresenceMessage<T> = {
  /** Its value. */
  value: T;
  /** When this client last knew that they are there, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** The person's name, as the server's authentication has it; else "Guest". */
  name?: string;
};

/**
 * The other clients that are present, by the ids that they chose, each with a value. The server
 * reports who comes and goes. Clients of npm `driftdb` say each second that they are present; to
 * those it answers in the same way.
 */
export class PresenceListener<T> {
  #state: T;
  readonly #db: DbConnection;
  readonly #clientId: string;
  readonly #key: string;
  readonly #callback: (presence: Record<string, WrappedPresenceMessage<T>>) => void;
  readonly #minPresenceInterval: number;
  readonly #maxPresenceInterval: number;
  #presence: Presence<PresenceMessage<T>> | null = null;
  /** Who says each second that they are there. */
  readonly #strangers = new Map<
    string,
    { readonly person: WrappedPresenceMessage<T>; readonly heard: number }
  >();
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #sending: ReturnType<typeof setTimeout> | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #end: (() => void) | null = null;

  /**
   * `key`: `__presence` by default. The intervals, in milliseconds: how far apart own values are
   * sent (20), and how often clients of npm `driftdb` are sent the own one (1,000).
   */
  constructor(options: {
    initialState: T;
    db: DbConnection;
    clientId: string;
    key?: string;
    callback?: (presence: Record<string, WrappedPresenceMessage<T>>) => void;
    minPresenceInterval?: number;
    maxPresenceInterval?: number;
  }) {
    this.#state = options.initialState;
    this.#db = options.db;
    this.#clientId = options.clientId;
    this.#key = options.key ?? "__presence";
    this.#callback = options.callback ?? (() => {});
    this.#minPresenceInterval = options.minPresenceInterval ?? 20;
    this.#maxPresenceInterval = options.maxPresenceInterval ?? 1000;
  }

  /** Become present, and begin to call `callback`. */
  subscribe(): void {
    this.#end ??= this.#db.join((session, again) => {
      const presence = new Presence<PresenceMessage<T>>(session, this.#key, this.#message);
      presence.subscribe(() => this.#notify());
      const ear: LogListener = { pushed: ({ value }) => this.#onStranger(value) };
      listen(session, this.#key, ear);
      this.#presence = presence;
      // Of another room nothing is known yet; of this one somebody in the page may know it.
      if (again || presence.others.length > 0) this.#notify();
      return () => {
        this.#presence = null;
        this.#strangers.clear();
        session.leave(this.#key, ear);
        presence.close();
      };
    });
  }

  /** Leave, and stop calling `callback`. */
  destroy(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#sending);
    this.#heartbeat = this.#sending = undefined;
    this.#end?.();
    this.#end = null;
  }

  /** Change the own value. */
  updateState(value: T): void {
    if (JSON.stringify(value) === JSON.stringify(this.#state)) return;
    this.#state = value;
    const pause = this.#sentAt + this.#minPresenceInterval - performance.now();
    this.#sending ??= setTimeout(() => this.#sendOwn(), Math.max(pause, 0));
  }

  get #message(): PresenceMessage<T> {
    return { value: this.#state, client: this.#clientId };
  }

  #sendOwn(): void {
    this.#sending = undefined;
    this.#sentAt = performance.now();
    if (this.#presence !== null) this.#presence.value = this.#message;
    if (this.#strangers.size > 0) this.#relay();
  }

  #relay(): void {
    const push = { type: "push", action: { type: "relay" }, key: this.#key } as const;
    this.#db.send({ ...push, value: encode(this.#message) });
  }

  /** Somebody said that they are there, as npm `driftdb` does. */
  #onStranger(json: Json): void {
    const message = decode(json);
    if (!isMessage<T>(message) || message.client === this.#clientId) return;
    const { client, value } = message;
    if (this.#present().has(client)) return;
    const person = { value, lastSeen: Date.now(), name: "Guest" };
    this.#strangers.set(client, { person, heard: performance.now() });
    if (this.#heartbeat === undefined) {
      this.#heartbeat = setInterval(() => this.#beat(), this.#maxPresenceInterval);
      this.#relay();
    }
    this.#notify();
  }

  #beat(): void {
    const since = performance.now() - 2 * this.#maxPresenceInterval;
    const gone = [...this.#strangers].filter(([, { heard }]) => heard < since);
    for (const [client] of gone) this.#strangers.delete(client);
    if (gone.length > 0) this.#notify();
    if (this.#strangers.size > 0) {
      this.#relay();
      return;
    }
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  #notify(): void {
    const present = this.#present();
    for (const client of present.keys()) this.#strangers.delete(client);
    const strangers = [...this.#strangers].map(([client, { person }]) => [client, person] as const);
    notify([this.#callback], Object.fromEntries([...strangers, ...present]));
  }

  /** Who is there as the server says. */
  #present(): Map<string, WrappedPresenceMessage<T>> {
    const db = this.#db;
    const now = Date.now();
    const there = (this.#presence?.others ?? []).map(({ client: id, value: said, name }) => {
      // Who uses no id of their own has the server's.
      const { client, value } = isMessage<T>(said) ? said : { client: id, value: said as T };
      const person = {
        value,
        name,
        get lastSeen() {
          return db.status.connected ? Date.now() : now;
        },
      };
      return [client, person] as const;
    });
    return new Map(there.filter(([client]) => client !== this.#clientId));
  }
}

function isMessage<T>(value: unknown): value is PresenceMessage<T> {
  if (typeof value !== "object" || value === null || !("value" in value)) return false;
  return "client" in value && typeof value.client === "string";
}
