import type { Codec } from "../protocol/codec";
import type { Rule } from "./check";

/** How a room is connected to. */
export interface ConnectionOptions {
  /** What opens sockets, where the platform has no `WebSocket` (Node 20: that of `ws`). */
  readonly WebSocket?: new (
    ...options: never[]
  ) => unknown;
  /**
   * What lets in where no cookie does: a signed token, or a Jupyter server's. A function that
   * returns it is asked before the room connects, and again when the token has ended or soon will.
   */
  readonly token?: string | (() => string | Promise<string>);
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
  token: "string or function",
  codec: "object",
  bigint: "boolean",
  presenceMilliseconds: 0,
};
