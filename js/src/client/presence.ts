import { byteLength } from "../protocol/codec";
import type {
  ClientMessage,
  Json,
  Person,
  PresenceChange,
  PresenceState,
} from "../protocol/messages";
import { notifyEach } from "./listeners";

/** Hears who comes and goes. */
export interface PresenceListener {
  joined?(client: string, person: Person): void;
  changed?(client: string, person: Person): void;
  /** With what the client was last. */
  left?(client: string, person: Person): void;
  /** All that one message told of was told: `people` may be others, or have other values. */
  updated?(): void;
  /** The room has said who is there. */
  started?(): void;
}

/**
 * Who is there under one key, as one client sees it (protocol, "Who is here"). Each connection
 * asks anew, and says the own value anew; while there is none, those stay who were there last.
 */
export class PresenceReplica {
  readonly listeners = new Set<PresenceListener>();
  /** The public id of this client, once the room has answered. */
  ownId: string | null = null;
  /** Whether the room's answer was heard on the connection that is open now. */
  ready = false;
  readonly #known = new Map<string, Person>();
  /** The values of this client by who set them, the newest last: that one counts. */
  readonly #values = new Map<PresenceListener, Json>();
  /** The own value as it was said last, in JSON; `undefined`: nothing ever was. */
  #said: string | undefined;
  readonly #send: (message: ClientMessage) => void;
  readonly #left: () => unknown;
  readonly #later: (then: () => void) => void;
  #leaving = false;
  /** Whether another own value waits, though there is a connection. */
  #pausing = false;

  /**
   * `left`: nobody asks for it any more, and the room knows that we are there no more. `later` calls
   * a function after the pause between two own values.
   */
  constructor(
    readonly key: string,
    send: (message: ClientMessage) => void,
    left: () => unknown,
    later: (then: () => void) => void,
  ) {
    this.#send = send;
    this.#left = left;
    this.#later = later;
  }

  /** Who is there, by public id, in the order of their coming; oneself, too. */
  get people(): ReadonlyMap<string, Person> {
    return this.#known;
  }

  /** How long the message is that says the own value. */
  get bytes(): number {
    return this.#own === null ? 0 : byteLength(JSON.stringify(this.#own));
  }

  /**
   * Be there with a value, or no more (`null`). Of several that listen here, and have set one, the
   * newest value counts; where that one is withdrawn, the one before it does.
   */
  set(value: Json, by: PresenceListener): void {
    this.#values.delete(by);
    if (value !== null) this.#values.set(by, value);
    this.#sendNews();
  }

  /** Remove a listener, and the values of those who listen no more; leave where nobody does. */
  leave(listener?: object): void {
    this.listeners.delete(listener as PresenceListener);
    for (const by of this.#values.keys()) if (!this.listeners.has(by)) this.#values.delete(by);
    if (this.listeners.size > 0) {
      this.#sendNews();
    } else if (this.#said === undefined) {
      this.#left();
    } else if (!this.#leaving) {
      this.#leaving = true;
      this.subscribe();
    }
  }

  /** Withdraw what is there, whoever set it. */
  giveUp(): void {
    this.#values.clear();
    this.#sendNews();
  }

  /** Be asked for again. */
  cancelLeave(): void {
    this.#leaving = false;
  }

  /** What to ask a new connection. */
  subscribe(): void {
    // The answer to what leaves tells that the room knows it.
    if (this.#leaving) this.#sendOwn();
    this.#send({ type: "get", key: this.key, seq: null, presence: true });
    // Also that we are there no more: the last connection may not have brought it.
    if (this.#said !== undefined && !this.#leaving) this.#sendOwn();
  }

  /** Say the own value again: it may have been refused for now. */
  retry(): void {
    if (!this.ready || this.#leaving) this.subscribe();
    else if (this.#said !== undefined) this.#sendOwn();
  }

  disconnected(): void {
    this.ready = false;
  }

  /** The room says who is there. */
  started({ client, clients }: PresenceState): void {
    this.ownId = client;
    this.ready = true;
    const there = new Map(Object.entries(clients));
    for (const [id, person] of [...this.#known])
      if (!there.has(id)) this.#setPerson(id, person, null);
    for (const [id, person] of there) this.#setPerson(id, this.#known.get(id), person);
    notifyEach(this.listeners, (listener) => listener.started?.());
    notifyEach(this.listeners, (listener) => listener.updated?.());
    if (this.#leaving) this.#left();
  }

  /** Somebody came, left or has another value. */
  received({ client, value, user }: PresenceChange): void {
    if (!this.ready) return;
    this.#setPerson(client, this.#known.get(client), value === null ? null : { value, user });
    notifyEach(this.listeners, (listener) => listener.updated?.());
  }

  #setPerson(client: string, before: Person | undefined, now: Person | null): void {
    if (now === null) this.#known.delete(client);
    else this.#known.set(client, now);
    if (now === null) {
      if (before === undefined) return;
      notifyEach(this.listeners, (listener) => listener.left?.(client, before));
    } else if (before === undefined) {
      notifyEach(this.listeners, (listener) => listener.joined?.(client, now));
    } else if (JSON.stringify(before.value) !== JSON.stringify(now.value)) {
      notifyEach(this.listeners, (listener) => listener.changed?.(client, now));
    }
  }

  get #own(): Json {
    let own: Json = null;
    for (const value of this.#values.values()) own = value;
    return own;
  }

  /** Say the own value, if it is another; who goes isn't kept waiting. */
  #sendNews(): void {
    const own = this.#own;
    const news = this.#said !== undefined ? JSON.stringify(own) !== this.#said : own !== null;
    if (!news || (this.#pausing && own !== null)) return;
    this.#sendOwn();
    if (this.#pausing) return;
    this.#pausing = true;
    this.#later(() => {
      this.#pausing = false;
      this.#sendNews();
    });
  }

  #sendOwn(): void {
    const own = this.#own;
    this.#said = JSON.stringify(own);
    this.#send({ type: "presence", key: this.key, value: own });
  }
}
