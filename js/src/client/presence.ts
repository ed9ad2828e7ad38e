import { byteLength } from "../protocol/codec";
import type {
  ClientMessage,
  Json,
  Person,
  PresenceChange,
  PresenceState,
} from "../protocol/messages";

/** Hears who comes and goes. */
export interface PresenceListener {
  joined?(client: string, person: Person): void;
  changed?(client: string, person: Person): void;
  /** With what the client was last. */
  left?(client: string, person: Person): void;
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
  private known: ReadonlyMap<string, Person> = new Map();
  private own: Json = null;
  private spoke = false;
  private leaving = false;

  /** `left`: nobody asks for it any more, and the room knows that we are there no more. */
  constructor(
    readonly key: string,
    private readonly send: (message: ClientMessage) => void,
    private readonly left: () => void,
  ) {}

  /** Who is there, by public id, in the order of their coming; oneself, too. */
  get people(): ReadonlyMap<string, Person> {
    return this.known;
  }

  /** How long the message is that says the own value. */
  get bytes(): number {
    return this.own === null ? 0 : byteLength(JSON.stringify(this.own));
  }

  /** Be there with a value, or no more (`null`). */
  set(value: Json): void {
    if (this.spoke && JSON.stringify(value) === JSON.stringify(this.own)) return;
    this.own = value;
    this.spoke = true;
    this.say();
  }

  /** Be there no more, and be forgotten as soon as the room knows it. */
  leave(): void {
    if (!this.spoke) {
      this.left();
      return;
    }
    this.own = null;
    this.leaving = true;
    this.ask();
  }

  /** Be asked for again. */
  stay(): void {
    this.leaving = false;
  }

  /** What to ask a new connection. */
  ask(): void {
    // The answer to what leaves tells that the room knows it.
    if (this.leaving) this.say();
    this.send({ type: "get", key: this.key, seq: null, presence: true });
    // Also that we are there no more: the last connection may not have brought it.
    if (this.spoke && !this.leaving) this.say();
  }

  /** Say the own value again: it may have been refused for now. */
  retry(): void {
    if (!this.ready || this.leaving) this.ask();
    else if (this.spoke) this.say();
  }

  disconnected(): void {
    this.ready = false;
  }

  /** The room says who is there. */
  started({ client, clients }: PresenceState): void {
    this.ownId = client;
    this.ready = true;
    const there = new Map(Object.entries(clients));
    for (const [id, person] of [...this.known]) if (!there.has(id)) this.take(id, person, null);
    for (const [id, person] of there) this.take(id, this.known.get(id), person);
    for (const listener of [...this.listeners]) listener.started?.();
    if (this.leaving) this.left();
  }

  /** Somebody came, left or has another value. */
  heard({ client, value, user }: PresenceChange): void {
    if (!this.ready) return;
    const person = user === undefined ? { value } : { value, user };
    this.take(client, this.known.get(client), value === null ? null : person);
  }

  private take(client: string, before: Person | undefined, now: Person | null): void {
    const people = new Map(this.known);
    if (now === null) people.delete(client);
    else people.set(client, now);
    this.known = people;
    for (const listener of [...this.listeners]) {
      if (now === null) {
        if (before !== undefined) listener.left?.(client, before);
      } else if (before === undefined) {
        listener.joined?.(client, now);
      } else if (JSON.stringify(before.value) !== JSON.stringify(now.value)) {
        listener.changed?.(client, now);
      }
    }
  }

  private say(): void {
    this.send({ type: "presence", key: this.key, value: this.own });
  }
}
