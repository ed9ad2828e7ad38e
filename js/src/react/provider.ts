import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useState,
} from "react";
import { newRoom, Room } from "../room/room";

/** The room's id stands in the page's address under this name, as `driftdb-react` has it. */
const ROOM_ID = "_driftdb_room";

/** The room of the components below; `null` until it is known, and on a server that renders. */
export const DatabaseContext = createContext<Room | null>(null);

export interface DriftDBProviderProps {
  readonly children?: ReactNode;
  /** The root of the room server. */
  readonly api: string;
  /** The room's id; else that in the page's address, or a new room, whose id goes there. */
  readonly room?: string;
  /** A Jupyter server's token, where no cookie lets in. */
  readonly token?: string;
  /** Is there for apps of `driftdb-react`: all messages are JSON. */
  readonly useBinary?: boolean;
}

/** Puts all components below into a room. */
export function DriftDBProvider({
  children,
  api,
  room,
  token,
}: DriftDBProviderProps): ReactElement {
  const [joined, setJoined] = useState<Room | null>(null);
  useEffect(() => {
    let wanted = true;
    let opened: Room | null = null;
    const options = token === undefined ? {} : { token };
    const open = async () => {
      const id = room ?? roomInAddress();
      const found = id === null ? await newRoom(api, options) : new Room(urlOf(api, id), options);
      if (!wanted) {
        found.close();
        return;
      }
      if (room === undefined) putIntoAddress(found.name);
      opened = found;
      setJoined(found);
    };
    open().catch((error: unknown) => console.error("driftdb: no room:", error));
    return () => {
      wanted = false;
      opened?.close();
      setJoined(null);
    };
  }, [api, room, token]);
  return createElement(DatabaseContext.Provider, { value: joined }, children);
}

/** The room of the nearest provider; `null` while it isn't known yet. */
export function useDatabase(): Room | null {
  return useContext(DatabaseContext);
}

/** The id of the room in the page's address, if it has one. */
export function roomInAddress(): string | null {
  return new URL(location.href).searchParams.get(ROOM_ID);
}

function putIntoAddress(id: string): void {
  const url = new URL(location.href);
  if (url.searchParams.get(ROOM_ID) === id) return;
  url.searchParams.set(ROOM_ID, id);
  history.replaceState(history.state, "", url);
}

function urlOf(api: string, id: string): string {
  const root = new URL(api, location.href).href.replace(/\/?$/, "/");
  return `${root}room/${encodeURIComponent(id)}`;
}
