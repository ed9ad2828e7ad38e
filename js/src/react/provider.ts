import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Backoff } from "../client/backoff";
import { checkOptions } from "../client/check";
import { Api } from "../driftdb/api";
import { DbConnection, type Report, warn } from "../driftdb/connection";
import { NoRoom, rootOf } from "../room/address";

/** The room's id stands in the page's address under this name, as `driftdb-react` has it. */
const ROOM_ID = "_driftdb_room";

/** The context that holds the connection of the components below. */
export const DatabaseContext = createContext<DbConnection | null>(null);

/** The properties of a `DriftDBProvider`. */
export interface DriftDBProviderProps {
  /** What uses the room. */
  readonly children?: ReactNode;
  /** The root of the room server. */
  readonly api: string;
  /** The room's id; else that in the page's address, or a new room, whose id goes there. */
  readonly room?: string;
  /** A Jupyter server's token, where no cookie lets in. */
  readonly token?: string;
  /** Whether messages are encoded as CBOR, so that they may hold a `Uint8Array`. */
  readonly useBinary?: boolean;
  /** Is called for a write that the room did not accept; by default the console reports it. */
  readonly onError?: Report;
}

const OPTIONS = {
  api: "string",
  room: "string",
  token: "string",
  useBinary: "boolean",
  onError: "function",
} as const;

/** Connects all components below to a room. Throws a `TypeError` for a property that doesn't fit. */
export function DriftDBProvider(props: DriftDBProviderProps): ReactElement {
  const { children, ...options } = props;
  // As with npm's provider, null stands for what is left out.
  const given = Object.entries(options).filter(([, value]) => value !== null);
  checkOptions(Object.fromEntries(given), OPTIONS);
  const { api, room, token, useBinary, onError = warn } = options;
  const [db] = useState(() => new DbConnection());
  useIsomorphicLayoutEffect(() => {
    db.onError = onError;
  }, [db, onError]);
  // Before any effect of the components below: what they write is meant for this room.
  useIsomorphicLayoutEffect(() => {
    const id = room ?? roomInAddress();
    if (id !== null && isRoot(api)) db.enter(socketUrl(api, id, token));
  }, [db, api, room]);
  useEffect(() => {
    let wanted = true;
    let again: ReturnType<typeof setTimeout> | undefined;
    const backoff = new Backoff();
    let told = false;
    const newRoom = async (root: string): Promise<string> => {
      for (;;) {
        try {
          return (await new Api(root).newRoom()).room;
        } catch (error) {
          // A server that can't be reached, or a proxy before it, may come back.
          const status = error instanceof NoRoom ? error.status : 0;
          if (!wanted || (status > 0 && status < 500)) throw error;
          if (!told) console.warn("driftdb:", error, "(trying again)");
          told = true;
          await new Promise((resolve) => {
            again = setTimeout(resolve, backoff.next());
          });
        }
      }
    };
    const open = async () => {
      // In strict mode React runs an effect, ends it at once and runs it again.
      await Promise.resolve();
      if (!wanted) return;
      const root = rootOf(api);
      const id = room ?? roomInAddress() ?? (await newRoom(root));
      if (!wanted) return;
      if (room === undefined) putIntoAddress(id);
      await db.connect(socketUrl(root, id, token), useBinary);
    };
    open().catch((error: unknown) => wanted && console.warn("driftdb:", error));
    return () => {
      wanted = false;
      clearTimeout(again);
    };
  }, [db, api, room, token, useBinary]);
  const mounted = useRef(false);
  useEffect(() => {
    mounted.current = true;
    return () => {
      mounted.current = false;
      // What the components below write as they go comes later than this.
      queueMicrotask(() => {
        if (!mounted.current) db.disconnect();
      });
    };
  }, [db]);
  return createElement(DatabaseContext.Provider, { value: db }, children);
}

/** Return the connection of the nearest provider. Throws an `Error` where there is none. */
export function useDatabase(): DbConnection {
  const db = useContext(DatabaseContext);
  if (db === null) throw new Error("expected a DriftDBProvider around what uses a room");
  return db;
}

/** The id of the room in the page's address, if it has one. */
export function roomInAddress(): string | null {
  return new URL(location.href).searchParams.get(ROOM_ID);
}

/** React warns of a layout effect where a server renders. */
const useIsomorphicLayoutEffect = typeof document === "undefined" ? useEffect : useLayoutEffect;

function isRoot(api: string): boolean {
  try {
    return rootOf(api) !== "";
  } catch {
    return false; // which connecting says
  }
}

function putIntoAddress(id: string): void {
  const url = new URL(location.href);
  if (url.searchParams.get(ROOM_ID) === id) return;
  url.searchParams.set(ROOM_ID, id);
  history.replaceState(history.state, "", url);
}

function socketUrl(root: string, id: string, token: string | undefined): string {
  const query = token === undefined ? "" : `?token=${encodeURIComponent(token)}`;
  const url = new URL(`room/${encodeURIComponent(id)}/connect${query}`, root.replace(/\/?$/, "/"));
  return url.href.replace(/^http/, "ws");
}
