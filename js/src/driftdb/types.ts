import type { Phase } from "../client/status";

/** What the messages of npm `driftdb` 1.0.12 look like to an app. */

/** The name of a stream in a room. */
export type Key = string;
/** The number of a value in its room. */
export type SequenceNumber = number;

/** What a push does with its value. */
export type Action =
  | { type: "append" | "replace" | "relay" }
  | { type: "compact"; seq: SequenceNumber };

/** A value with its number in the room. */
export interface SequenceValue {
  value: unknown;
  seq: SequenceNumber;
}

/** A message of the server. */
export type MessageFromDb =
  | { type: "push"; key: Key; value: unknown; seq: SequenceNumber }
  | { type: "init"; data: SequenceValue[]; key: Key }
  | { type: "error"; message: string }
  | { type: "stream_size"; key: Key; size: number }
  | { type: "pong"; nonce?: number };

/** A message to the server. */
export type MessageToDb =
  | { type: "push"; action: Action; value: unknown; key: Key }
  | { type: "get"; key: Key; seq?: SequenceNumber }
  | { type: "ping"; nonce?: number };

/**
 * Whether there is a connection. `text` says it in a sentence, `phase` in a word (that of
 * `Room.status`; `closed` before the first connection); `debugUrl` is the address of the room's
 * inspector.
 */
export type ConnectionStatus =
  | { connected: false; text?: string; phase?: Phase; debugUrl?: undefined }
  | { connected: true; text?: string; phase?: Phase; debugUrl: string };
