/** What travels between a client and the server (docs/protocol.md), as JSON. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

export interface Entry {
  readonly value: Json;
  readonly seq: number;
}

export type Action =
  | { readonly type: "relay" | "append" | "replace" }
  | { readonly type: "compact"; readonly seq: number };

/** What a client says. */
export type ClientMessage =
  | {
      readonly type: "push";
      readonly key: string;
      readonly value: Json;
      readonly action: Action;
      readonly id?: number;
      readonly if_seq?: number;
    }
  | { readonly type: "get"; readonly key: string; readonly seq: number | null }
  | { readonly type: "ping"; readonly nonce: number | null };

/** What a server says. */
export type ServerMessage =
  | { readonly type: "push"; readonly key: string; readonly value: Json; readonly seq: number }
  | { readonly type: "init"; readonly key: string; readonly data: readonly Entry[] }
  | { readonly type: "stream_size"; readonly key: string; readonly size: number }
  | { readonly type: "ack"; readonly id: number; readonly seq: number | null }
  | { readonly type: "pong"; readonly nonce: number | null }
  | {
      readonly type: "error";
      readonly code: string;
      readonly message: string;
      readonly id?: number;
    };

/** Read a message; `null` for what is none, or is of a kind that this client doesn't know. */
export function parse(text: string): ServerMessage | null {
  let message: unknown;
  try {
    message = JSON.parse(text);
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
      return isString(message.key) && isEntry(message);
    case "init":
      return isString(message.key) && Array.isArray(message.data) && message.data.every(isEntry);
    case "stream_size":
      return isString(message.key) && isNumber(message.size);
    case "ack":
      return isNumber(message.id) && (message.seq === null || isNumber(message.seq));
    case "pong":
      return message.nonce === null || isNumber(message.nonce);
    case "error":
      return isString(message.message) && (message.id === undefined || isNumber(message.id));
    default:
      return false;
  }
}

function isEntry(entry: unknown): boolean {
  return isRecord(entry) && "value" in entry && isNumber(entry.seq);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isString = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
