/** Messages in CBOR, for rooms whose values are numbers, bytes and long strings. */
export { CBOR } from "../protocol/cbor";
export type { Codec } from "../protocol/codec";
