import { nameOf } from "../client/user";
import type { Entry, Json } from "../protocol/messages";
import { decode, type Value } from "./values";

/** A value with its number in the room, and with author and time where `stamps` were asked for. */
export interface Message<T = Value> {
  /** What was written. */
  readonly value: T;
  /** Its number in the room. */
  readonly seq: number;
  /** When the server received it; `null` without `stamps`. */
  readonly time: Date | null;
  /** The public id of the connection that wrote it. */
  readonly client: string | null;
  /** What the server's authentication knows of the person. */
  readonly user: Json | null;
  /** The person's name; `null` where nobody knows. */
  readonly author: string | null;
}

/** A message of an entry; `bigint` as of `decode`. */
export function messageOf<T>(
  { value, seq, time, client, user }: Entry,
  bigint: boolean,
): Message<T> {
  return {
    value: decode(value, bigint) as T,
    seq,
    time: time === undefined ? null : new Date(time),
    client: client ?? null,
    user: user ?? null,
    author: nameOf(user),
  };
}
