/** The client of rooms, for browsers, workers and Node. */

export { QueueFull, Refused, Uncertain, WrongKind } from "../client/errors";
export type { ConnectionOptions } from "../client/options";
export type { Phase, Status } from "../client/status";
export type { Codec } from "../protocol/codec";
export type { KeyInfo } from "../protocol/messages";
export { NoRoom } from "./address";
export { SharedDict } from "./dict";
export type { Feed } from "./feed";
export type { Message } from "./message";
export { type Person, Presence } from "./presence";
export { PubSub } from "./pubsub";
export { SharedReducer } from "./reducer";
export { newRoom, Room, room } from "./room";
export { SharedState } from "./state";
export { Stream } from "./stream";
export type { Value } from "./values";
