/** The names and calls of npm `driftdb` 1.0.12. */
export { Api, type RoomResult } from "./api";
export { DbConnection } from "./connection";
export { HttpConnection } from "./http";
export { uniqueClientId } from "./identity";
export {
  PresenceListener,
  type PresenceMessage,
  type WrappedPresenceMessage,
} from "./presence";
export { Reducer } from "./reducer";
export { StateListener } from "./state";
export type { ConnectionStatus, Key, MessageFromDb, MessageToDb, SequenceValue } from "./types";
