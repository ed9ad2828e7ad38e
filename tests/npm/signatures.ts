// An app that uses every public name of `driftdb` and `driftdb-react`. It is checked against
// DriftDB's own types and against ours.
import {
  Api,
  type ConnectionStatus,
  DbConnection,
  HttpConnection,
  type Key,
  type MessageFromDb,
  type MessageToDb,
  PresenceListener,
  type PresenceMessage,
  Reducer,
  type RoomResult,
  type SequenceValue,
  StateListener,
  uniqueClientId,
  type WrappedPresenceMessage,
} from "driftdb";
import {
  DatabaseContext,
  DriftDBProvider,
  RoomQRCode,
  StatusIndicator,
  useConnectionStatus,
  useDatabase,
  useLatency,
  usePresence,
  useSharedReducer,
  useSharedState,
  useUniqueClientId,
} from "driftdb-react";
import { createElement, type ReactElement, useContext } from "react";

export async function connected(url: string): Promise<DbConnection> {
  const api = new Api(url);
  const made: RoomResult = await api.newRoom();
  const { socket_url, http_url }: RoomResult = await api.getRoom(made.room);
  const message: MessageToDb = {
    type: "push",
    action: { type: "append" },
    value: 1,
    key: "k",
  };
  const answer: MessageFromDb = await new HttpConnection(http_url).send(message);
  if (answer.type === "init") answer.data.map(({ seq }: SequenceValue) => seq.toFixed());
  const db = new DbConnection();
  const before: ConnectionStatus = { connected: false };
  const after: ConnectionStatus = { connected: true, debugUrl: url };
  const heard = (status: ConnectionStatus) => (status.connected ? status.debugUrl : null);
  db.statusListener.addListener(heard);
  db.statusListener.removeListener(heard);
  db.messageListener.addListener((each: MessageFromDb) => each.type);
  await db.connect(socket_url, true);
  await db.connect(socket_url);
  for (const status of [db.status, before, after]) heard(status);
  const key: Key = "k";
  const listener = ({ value, seq }: SequenceValue) => `${value} ${seq.toFixed()}`;
  const sized = (size: number) => size.toFixed();
  db.subscribe(key, listener, sized);
  db.subscribe(key, listener);
  db.unsubscribe(key, listener, sized);
  db.unsubscribe(key, listener);
  db.send(message);
  db.send({ type: "push", action: { type: "compact", seq: 1 }, value: null, key });
  db.send({ type: "get", key, seq: 0 });
  db.send({ type: "ping", nonce: 1 });
  (await db.testLatency())?.toFixed();
  return db;
}

export function shared(db: DbConnection): void {
  const state = new StateListener<number>({
    db,
    key: "s",
    callback: (n) => n.toFixed(),
    debounceMillis: 10,
  });
  state.subscribe();
  state.setStateOptimistic(1);
  state.state?.toFixed();
  state.destroy();
  const reducer = new Reducer<string[], string>({
    db,
    key: "r",
    reducer: (words, word) => [...words, word],
    initialValue: [],
    sizeThreshold: 10,
    callback: (words) => words.join(),
  });
  reducer.subscribe();
  reducer.dispatch("word");
  reducer.destroy();
  const presence = new PresenceListener<{ x: number }>({
    db,
    clientId: uniqueClientId(),
    initialState: { x: 1 },
    key: "p",
    callback: (others: Record<string, WrappedPresenceMessage<{ x: number }>>) =>
      Object.values(others).map(({ value, lastSeen }) => value.x + lastSeen),
    minPresenceInterval: 10,
    maxPresenceInterval: 100,
  });
  presence.subscribe();
  presence.updateState({ x: 2 });
  presence.destroy();
  const said: PresenceMessage<number> = { client: "me", value: 1 };
  said.value.toFixed();
  const other: WrappedPresenceMessage<number> = { value: 1, lastSeen: 0 };
  other.value.toFixed();
  db.disconnect();
}

function Page(): ReactElement {
  const [value, setValue] = useSharedState("slider", 0);
  setValue(1);
  setValue((n) => n + 1);
  const [sum, add] = useSharedReducer("sum", (total: number, n: number) => total + n, 0);
  add(1);
  const parse = (text: string) => Number(text);
  const [other] = useSharedReducer("other", (n: number, m: number) => n + m, "0", parse);
  const others: Record<string, WrappedPresenceMessage<number>> = usePresence("here", 1);
  const status: ConnectionStatus = useConnectionStatus();
  const latency: number | null = useLatency();
  const id: string = useUniqueClientId();
  const db: DbConnection = useDatabase();
  const same: DbConnection | null = useContext(DatabaseContext);
  const told = [value.toFixed(), sum.toFixed(), other.toFixed(), Object.keys(others), id];
  return createElement("p", null, told, latency?.toFixed(), status.connected, db === same);
}

const children = [Page, RoomQRCode, StatusIndicator].map((each) => createElement(each));
export const app = createElement(DriftDBProvider, {
  api: "/",
  room: "r",
  useBinary: true,
  children,
});
