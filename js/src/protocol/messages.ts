/** What travels between a client and the server (docs/protocol.md). */
import { type Frame, JSON_CODEC } from "./codec";
import { LongInteger } from "./integers";

export type Json =
  | null
  | boolean
  | number
  | LongInteger
  | string
  | Json[]
  | { [name: string]: Json };

/** Whether a value is an object with members. */
export function isObject(json: Json): json is { [name: string]: Json } {
  return isRecord(json) && !(json instanceof LongInteger);
}

/** What begins the keys under which it stands what other keys are meant to be. */
export const META = "$meta/";

/** A value of a stream; who wrote it and when, where stamps were asked for. */
export interface Entry {
  readonly value: Json;
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time?: number;
  /** The writer's public id. */
  readonly client?: string;
  /** What the server's authentication knows of the person. */
  readonly user?: Json;
  /** The number of the oldest value in the stream from then on, where that was asked for. */
  readonly first?: number;
}

/** Somebody who is there: the value that a client set, and its user. */
export interface Person {
  readonly value: Json;
  readonly user?: Json | undefined;
}

/** How much the stream of a key holds. */
export interface KeyInfo {
  /** How many values. */
  readonly size: number;
  /** How many bytes they are in all. */
  readonly bytes: number;
  /** The number of the newest one. */
  readonly seq: number;
}

export type Action =
  | { readonly type: "relay" | "replace" | "delete" }
  | { readonly type: "append"; readonly max_length?: number | undefined }
  | { readonly type: "compact"; readonly seq: number };

/** Apply an action. */
export interface Push {
  readonly type: "push";
  readonly key: string;
  readonly action: Action;
  /** None in a `delete`. */
  readonly value?: Json;
  /** In the place of `value`: several at once. */
  readonly values?: readonly Json[];
  readonly id?: number;
  /** Only if this is the stream's newest number. */
  readonly if_seq?: number | undefined;
  /** Only in this epoch. */
  readonly epoch?: string | undefined;
}

/** Subscribe to a key; the `init` that answers tells what there is above `seq`. */
export interface Get {
  readonly type: "get";
  readonly key: string;
  readonly seq: number | null;
  /** The epoch of `seq`, `null` at first: asks for what was missed, relays included. */
  readonly epoch?: string | null;
  /** At most so many values. */
  readonly limit?: number | undefined;
  /** With who wrote the values and when. */
  readonly stamps?: boolean | undefined;
  /** Hear who is there, too. */
  readonly presence?: boolean;
  /** Hear what the stream holds after each push, and of compacts. */
  readonly held?: boolean | undefined;
}

/** What a client says. Members that are `undefined` don't travel. */
export type ClientMessage =
  | Push
  | Get
  | { readonly type: "ping"; readonly nonce?: number | null }
  | { readonly type: "presence"; readonly key: string; readonly value: Json }
  | { readonly type: "keys"; readonly prefix: string }
  | { readonly type: "unsubscribe" | "can"; readonly key: string };

/** The answer to a `get`. */
export interface Init {
  readonly type: "init";
  readonly key: string;
  readonly data: readonly Entry[];
  /** Absent where the server knows no epochs, as DriftDB's. */
  readonly epoch?: string;
  /** Whether `data` is exactly what was missed; otherwise it is the whole stream. */
  readonly recovered?: boolean;
  /** The room's newest number: up to there `data` and what was known are all there is. */
  readonly seq?: number;
  /** Whether there are others above the last one. */
  readonly more?: boolean;
  /** The number of the oldest value in the stream, where that was asked for (0: it is empty). */
  readonly first?: number;
}

/** What a server says. */
export type ServerMessage =
  | ({ readonly type: "push" | "compact"; readonly key: string } & Entry)
  | Init
  | PresenceState
  | PresenceChange
  | {
      readonly type: "keys";
      readonly prefix: string;
      readonly keys: Readonly<Record<string, KeyInfo>>;
    }
  | { readonly type: "delete"; readonly key: string; readonly seq: number }
  | { readonly type: "stream_size"; readonly key: string; readonly size: number }
  | { readonly type: "ack"; readonly id: number; readonly seq: number | null }
  | { readonly type: "pong"; readonly nonce: number | null }
  | { readonly type: "can"; readonly key: string; readonly actions: readonly string[] }
  | { readonly type: "expires" }
  | { readonly type: "renewed"; readonly person?: string }
  | {
      readonly type: "error";
      readonly code: string;
      readonly message: string;
      readonly id?: number;
      /** In a conflict: the stream's newest number. */
      readonly seq?: number;
      /** What was not allowed, as "read" or "append", and on which key. */
      readonly action?: string;
      readonly key?: string;
    };

/** Who is there, and who asked. */
export interface PresenceState {
  readonly type: "presence_state";
  readonly key: string;
  readonly client: string;
  readonly clients: Readonly<Record<string, Person>>;
}

/** Somebody came, has another value, or left (`null`). */
export interface PresenceChange extends Person {
  readonly type: "presence";
  readonly key: string;
  readonly client: string;
}

/** Read a message; `null` for what is none, or is of a kind that this client doesn't know. */
export function parse(frame: Frame, codec = JSON_CODEC): ServerMessage | null {
  let message: unknown;
  try {
    message = codec.decode(frame);
  } catch {
    return null;
  }
  return isRecord(message) && isServerMessage(message) ? message : null;
}

function isServerMessage(
  message: Record<string, unknown>,
): message is Record<string, unknown> & ServerMessage {
  switch (message.type) {
    case "push":
    case "compact":
      return isString(message.key) && isEntry(message);
    case "init":
      return (
        isString(message.key) &&
        Array.isArray(message.data) &&
        message.data.every(isEntry) &&
        (message.epoch === undefined || isString(message.epoch)) &&
        (message.recovered === undefined || typeof message.recovered === "boolean") &&
        (message.seq === undefined || isNumber(message.seq)) &&
        (message.more === undefined || typeof message.more === "boolean")
      );
    case "delete":
      return isString(message.key) && isNumber(message.seq);
    case "presence_state":
      return (
        isString(message.key) &&
        isString(message.client) &&
        isRecord(message.clients) &&
        Object.values(message.clients).every((each) => isRecord(each) && "value" in each)
      );
    case "presence":
      return isString(message.key) && isString(message.client) && "value" in message;
    case "keys":
      return (
        isString(message.prefix) &&
        isRecord(message.keys) &&
        Object.values(message.keys).every(isKeyInfo)
      );
    case "expires":
    case "renewed":
      return true;
    case "can":
      return isString(message.key) && Array.isArray(message.actions);
    case "stream_size":
      return isString(message.key) && isNumber(message.size);
    case "ack":
      return isNumber(message.id) && (message.seq === null || isNumber(message.seq));
    case "pong":
      return message.nonce === null || isNumber(message.nonce);
    case "error":
      return (
        isString(message.code) &&
        isString(message.message) &&
        (message.id === undefined || isNumber(message.id)) &&
        (message.seq === undefined || isNumber(message.seq))
      );
    default:
      return false;
  }
}

function isEntry(entry: unknown): boolean {
  return isRecord(entry) && "value" in entry && isNumber(entry.seq);
}

function isKeyInfo(info: unknown): boolean {
  return isRecord(info) && isNumber(info.size) && isNumber(info.bytes) && isNumber(info.seq);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isString = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
