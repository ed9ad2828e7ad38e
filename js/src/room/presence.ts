import { Listeners } from "../client/listeners";
import type { PresenceListener, PresenceReplica } from "../client/presence";
import type { Session } from "../client/session";
import { nameOf } from "../client/user";
import type { Person as There } from "../protocol/messages";
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
  readonly #replica: PresenceReplica;
  readonly #arrivals = new Listeners<[Person<T>]>();
  readonly #changes = new Listeners<[Person<T>]>();
  readonly #departures = new Listeners<[Person<T>]>();
  readonly #watchers = new Listeners<[Person<T>[]]>();
  #own: T | null = null;
  /** Whether it is known who was there at first: whoever comes later is news. */
  #begun: boolean;

  /** Made by `Room.presence`. `null`: only look who is there, unseen. */
  constructor(
    private readonly session: Session,
    readonly key: string,
    value: T | null = null,
  ) {
    this.#replica = session.presence(key, this);
    this.#begun = this.#replica.ownId !== null;
    if (value !== null) this.value = value;
  }

  /**
   * The own value; `null`: not here. It goes with the connection, and the newest one counts where
   * several of a page are here under one key. Values that follow each other fast are sent some
   * milliseconds apart, the newest of them (`ConnectionOptions.presenceMilliseconds`).
   */
  get value(): T | null {
    return this.#own;
  }

  set value(value: T | null) {
    this.#replica.set(value === null ? null : encode(value), this);
    this.#own = value;
  }

  /** Who is here, oneself too, in the order of their coming. */
  get people(): Person<T>[] {
    return [...this.#replica.people].map(([client, there]) => this.#person(client, there));
  }

  get others(): Person<T>[] {
    return this.people.filter(({ isMe }) => !isMe);
  }

  /** Call a function when somebody else comes. */
  onJoin(listener: (person: Person<T>) => void): () => void {
    return this.#arrivals.add(listener);
  }

  /** Call a function when somebody else who is here has another value. */
  onChange(listener: (person: Person<T>) => void): () => void {
    return this.#changes.add(listener);
  }

  /** Call a function when somebody else leaves, with what they were last. */
  onLeave(listener: (person: Person<T>) => void): () => void {
    return this.#departures.add(listener);
  }

  /** Call a function with all who are here when anything changed; returns what ends that. */
  subscribe(listener: (people: Person<T>[]) => void): () => void {
    return this.#watchers.add(listener);
  }

  /** Be here no more, and hear no more. */
  close(): void {
    for (const each of [this.#arrivals, this.#changes, this.#departures]) each.clear();
    this.#watchers.clear();
    this.#replica.listeners.delete(this);
    this.session.leave(this.key);
  }

  /** For the session. */
  joined(client: string, there: There): void {
    this.#tell(this.#arrivals, client, there);
  }

  /** For the session. */
  updated(): void {
    this.#watchers.tell(this.people);
  }

  /** For the session. */
  changed(client: string, there: There): void {
    this.#tell(this.#changes, client, there);
  }

  /** For the session. */
  left(client: string, there: There): void {
    this.#tell(this.#departures, client, there);
  }

  /** For the session. */
  started(): void {
    this.#begun = true;
  }

  #tell(listeners: Listeners<[Person<T>]>, client: string, there: There): void {
    const person = this.#person(client, there);
    if (this.#begun && !person.isMe) listeners.tell(person);
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
