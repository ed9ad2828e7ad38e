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

/** How long a message is, in bytes. */
export function byteLength(frame: Frame): number {
  let bytes = frame.length;
  if (typeof frame !== "string") return bytes;
  for (let place = 0; place < frame.length; place += 1) {
    const unit = frame.charCodeAt(place);
    // Two halves of a character take four bytes together.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
