import type { PresenceListener, PresenceReplica } from "../client/presence";
import type { Session } from "../client/session";
import { nameOf } from "../client/user";
import type { Person as There } from "../protocol/messages";
import { Listeners } from "./listeners";
import { decode, encode, type Value } from "./values";

/** Somebody who is here. */
export interface Person<T = Value> {
  /** The public id of the connection. */
  readonly client: string;
  /** What it set. */
  readonly value: T;
  /** What the server's authentication knows of the person; nobody can claim it. */
  readonly user: Value | null;
  /** The person's name, as the server's authentication has it; else "Guest". */
  readonly name: string;
  readonly isMe: boolean;
}

/** Who is here under a key, each with a value: a colour, a cursor, what they look at. */
export class Presence<T = Value> implements PresenceListener {
  private readonly replica: PresenceReplica;
  private readonly arrivals = new Listeners<[Person<T>]>();
  private readonly changes = new Listeners<[Person<T>]>();
  private readonly departures = new Listeners<[Person<T>]>();
  private own: T | null = null;

  /** Made by `Room.presence`. `null`: only look who is there, unseen. */
  constructor(
    private readonly session: Session,
    readonly key: string,
    value: T | null = null,
  ) {
    this.replica = session.presence(key, this);
    if (value !== null) this.value = value;
  }

  /** The own value; `null`: not here. It goes with the connection. */
  get value(): T | null {
    return this.own;
  }

  set value(value: T | null) {
    this.replica.set(value === null ? null : encode(value));
    this.own = value;
  }

  /** Who is here, oneself too, in the order of their coming. */
  get people(): Person<T>[] {
    return [...this.replica.people].map(([client, there]) => this.person(client, there));
  }

  get others(): Person<T>[] {
    return this.people.filter(({ isMe }) => !isMe);
  }

  onJoin(listener: (person: Person<T>) => void): () => void {
    return this.arrivals.add(listener);
  }

  onChange(listener: (person: Person<T>) => void): () => void {
    return this.changes.add(listener);
  }

  onLeave(listener: (person: Person<T>) => void): () => void {
    return this.departures.add(listener);
  }

  /** Call a function with all who are here when anything changed; returns what ends that. */
  subscribe(listener: (people: Person<T>[]) => void): () => void {
    const ends = [this.arrivals, this.changes, this.departures].map((each) =>
      each.add(() => listener(this.people)),
    );
    return () => {
      for (const end of ends) end();
    };
  }

  /** Be here no more, and hear no more. */
  close(): void {
    for (const each of [this.arrivals, this.changes, this.departures]) each.clear();
    this.replica.listeners.delete(this);
    this.session.leave(this.key);
  }

  /** For the session. */
  joined(client: string, there: There): void {
    this.arrivals.tell(this.person(client, there));
  }

  /** For the session. */
  changed(client: string, there: There): void {
    this.changes.tell(this.person(client, there));
  }

  /** For the session. */
  left(client: string, there: There): void {
    this.departures.tell(this.person(client, there));
  }

  private person(client: string, { value, user }: There): Person<T> {
    return {
      client,
      value: decode(value) as T,
      user: user ?? null,
      name: nameOf(user) ?? "Guest",
      isMe: client === this.replica.ownId,
    };
  }
}
