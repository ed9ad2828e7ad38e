import type { Codec } from "../protocol/codec";
import type { Rule } from "./check";

/** How a room is connected to. */
export interface ConnectionOptions {
  /** What opens sockets, where the platform has no `WebSocket` (Node 20: that of `ws`). */
  readonly WebSocket?: new (
    ...options: never[]
  ) => unknown;
  /** A Jupyter server's token, where no cookie lets in. */
  readonly token?: string;
  /** How messages travel: JSON by default, or `CBOR`. */
  readonly codec?: Codec;
  /** Whether integers beyond 2^53 are read as bigints, and not as the nearest numbers. */
  readonly bigint?: boolean;
  /** How far apart values of `presence` are sent, at least, in milliseconds; 40 by default. */
  readonly presenceMilliseconds?: number;
}

/** @internal What each of them has to be. */
export const CONNECTION: Record<keyof ConnectionOptions, Rule> = {
  WebSocket: "function",
  token: "string",
  codec: "object",
  bigint: "boolean",
  presenceMilliseconds: 0,
};
