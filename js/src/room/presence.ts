import { Listeners } from "../client/listeners";
import type { PresenceListener, PresenceReplica } from "../client/presence";
import type { Session } from "../client/session";
import { nameOf } from "../client/user";
import type { Person as There } from "../protocol/messages";
import { SharedObject } from "./object";
import { decode, encode, type Value } from "./values";

/** Somebody who is here. */
export interface Person<T = Value> {
  /** The public id of their connection. */
  readonly client: string;
  /** The value that they set. */
  readonly value: T;
  /** What the server's authentication knows of the person; nobody can claim it. */
  readonly user: Value | null;
  /** The person's name, as the server's authentication has it; else "Guest". */
  readonly name: string;
  /** Whether this is the own connection. */
  readonly isMe: boolean;
}

/** Who is here under a key, each with a value: a colour, a cursor, what they look at. */
export class Presence<T = Value> extends SharedObject {
  readonly #replica: PresenceReplica;
  readonly #arrivals = new Listeners<[Person<T>]>();
  readonly #changes = new Listeners<[Person<T>]>();
  readonly #departures = new Listeners<[Person<T>]>();
  readonly #watchers = new Listeners<[Person<T>[]]>();
  readonly #listener: PresenceListener = {
    joined: (client, there) => this.#notify(this.#arrivals, client, there),
    changed: (client, there) => this.#notify(this.#changes, client, there),
    left: (client, there) => this.#notify(this.#departures, client, there),
    updated: () => this.#watchers.notify(this.people),
    started: () => {
      this.#begun = true;
    },
  };
  #own: T | null = null;
  /** Whether it is known who was there at first: whoever comes later is news. */
  #begun: boolean;

  /** @internal `null`: only look who is there, unseen. */
  constructor(session: Session, key: string, value: T | null = null) {
    super(key, session, "presence");
    this.#replica = session.presence(key, this.#listener);
    this.#begun = this.#replica.ownId !== null;
    if (value !== null) this.value = value;
  }

  /**
   * The own value; `null`: not here. It goes with the connection, and the newest one counts where
   * several objects of a page are here under one key. Of values that follow each other fast only
   * the newest is sent, some milliseconds apart (`ConnectionOptions.presenceMilliseconds`).
   */
  get value(): T | null {
    return this.#own;
  }

  set value(value: T | null) {
    this.#replica.set(value === null ? null : encode(value), this.#listener);
    this.#own = value;
  }

  /** Who is here, in the order of their coming; oneself, too. */
  get people(): Person<T>[] {
    return [...this.#replica.people].map(([client, there]) => this.#person(client, there));
  }

  /** Who else is here. */
  get others(): Person<T>[] {
    return this.people.filter(({ isMe }) => !isMe);
  }

  /** Call a function when somebody else comes; returns a function that ends the subscription. */
  onJoin(listener: (person: Person<T>) => void): () => void {
    return this.#arrivals.add(listener);
  }

  /** Call a function when somebody else changes their value. */
  onChange(listener: (person: Person<T>) => void): () => void {
    return this.#changes.add(listener);
  }

  /** Call a function when somebody else leaves, with their last value. */
  onLeave(listener: (person: Person<T>) => void): () => void {
    return this.#departures.add(listener);
  }

  /** Call a function with all who are here when any of that changes. */
  subscribe(listener: (people: Person<T>[]) => void): () => void {
    return this.#watchers.add(listener);
  }

  /** Leave, and stop listening. */
  close(): void {
    for (const each of [this.#arrivals, this.#changes, this.#departures]) each.clear();
    this.#watchers.clear();
    this.session.leave(this.key, this.#listener);
  }

  #notify(listeners: Listeners<[Person<T>]>, client: string, there: There): void {
    const person = this.#person(client, there);
    if (this.#begun && !person.isMe) listeners.notify(person);
  }

  #person(client: string, { value, user }: There): Person<T> {
    return {
      client,
      value: decode(value, this.session.bigint) as T,
      user: user === undefined ? null : decode(user),
      name: nameOf(user) ?? "Guest",
      isMe: client === this.#replica.ownId,
    };
  }
}
