export type { Report } from "../driftdb/connection";
export type { WrappedPresenceMessage } from "../driftdb/presence";
export type { ConnectionStatus } from "../driftdb/types";
/** React hooks; the names and calls are those of npm `driftdb-react` 1.0.12. */
export {
  useConnectionStatus,
  useLatency,
  usePresence,
  useRoom,
  useSharedReducer,
  useSharedState,
  useUniqueClientId,
} from "./hooks";
export { RoomQRCode, StatusIndicator } from "./indicator";
export {
  DatabaseContext,
  DriftDBProvider,
  type DriftDBProviderProps,
  useDatabase,
} from "./provider";
