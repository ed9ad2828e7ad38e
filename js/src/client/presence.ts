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

  constructor(
    readonly key: string,
    private readonly send: (message: ClientMessage) => void,
  ) {}

  /** Who is there, by public id, in the order of their coming; oneself, too. */
  get people(): ReadonlyMap<string, Person> {
    return this.known;
  }

  /** Be there with a value, or no more (`null`). */
  set(value: Json): void {
    this.own = value;
    this.say();
  }

  /** What to ask a new connection. */
  ask(): void {
    this.send({ type: "get", key: this.key, seq: null, presence: true });
    if (this.own !== null) this.say();
  }

  /** Say the own value again: it may have been refused for now. */
  retry(): void {
    if (!this.ready) this.ask();
    else if (this.own !== null) this.say();
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
