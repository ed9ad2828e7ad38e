import { parse, stringify } from "./integers";
import type { ClientMessage } from "./messages";

/** A message as it travels: text is JSON, bytes are CBOR. */
export type Frame = string | Uint8Array<ArrayBuffer>;

/** Encodes messages as frames, and decodes frames as messages. */
export interface Codec {
  /** What is added to the query of the socket's address. */
  readonly query: string;
  /** Encode a message of this client. */
  encode(message: ClientMessage): Frame;
  /** Decode a frame of the server. Throws where it is none of this codec. */
  decode(frame: Frame): unknown;
}

/** Messages in JSON. */
export const JSON_CODEC: Codec = {
  query: "",
  encode: (message) => stringify(message),
  decode(frame) {
    if (typeof frame !== "string") throw new TypeError("expected text, got bytes");
    return parse(frame);
  },
};

const UTF8 = new TextEncoder();

/** How long a message is, in bytes. */
export function byteLength(frame: Frame): number {
  return (typeof frame === "string" ? UTF8.encode(frame) : frame).length;
}
