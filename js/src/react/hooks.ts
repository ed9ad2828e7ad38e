import { useCallback, useEffect, useRef, useState } from "react";
import type { Presence } from "../room/presence";
import type { SharedReducer } from "../room/reducer";
import type { SharedState } from "../room/state";
import { useDatabase } from "./provider";
import { tell, useShared } from "./shared";

type Setter<T> = (value: T | ((value: T) => T)) => void;

/**
 * The value of a key that everybody in the room shares, and a function to set it. A function that
 * is given to that one is applied to the room's newest value, such that nobody's update is lost.
 */
export function useSharedState<T>(key: string, initialValue: T): [T, Setter<T>] {
  const [value, act] = useShared<T, SharedState<T>>(
    (room) => room.state<T>(key, initialValue),
    (state) => state.value ?? initialValue,
    initialValue,
    key,
  );
  const set = useCallback<Setter<T>>(
    (next) =>
      act((state) => {
        if (typeof next !== "function") {
          state.set(next).catch(tell);
          return;
        }
        const step = next as (value: T) => T;
        state.update((base) => step(base === undefined ? initialValue : base)).catch(tell);
      }),
    [act, initialValue],
  );
  return [value, set];
}

/**
 * A value that everybody in the room changes by actions, in one order for all, and a function to
 * dispatch one. `reducer` has to be the same for all, and depend on nothing else.
 */
export function useSharedReducer<S, A>(
  key: string,
  reducer: (state: S, action: A) => S,
  initialValue: S,
): [S, (action: A) => void];
export function useSharedReducer<S, A, I>(
  key: string,
  reducer: (state: S, action: A) => S,
  initialValue: I,
  init: (initialValue: I) => S,
): [S, (action: A) => void];
export function useSharedReducer<S, A>(
  key: string,
  reducer: (state: S, action: A) => S,
  initialValue: S,
  init?: (initialValue: S) => S,
): [S, (action: A) => void] {
  const [initial] = useState(() => (init === undefined ? initialValue : init(initialValue)));
  const newest = useRef(reducer);
  newest.current = reducer;
  const [value, act] = useShared<S, SharedReducer<S, A>>(
    (room) => room.reducer<S, A>(key, (state, action) => newest.current(state, action), initial),
    (shared) => shared.value,
    initial,
    key,
  );
  const dispatch = useCallback(
    (action: A) => act((shared) => void shared.dispatch(action).catch(tell)),
    [act],
  );
  return [value, dispatch];
}

/** Somebody else who is there. */
export interface PresentPerson<T> {
  readonly value: T;
  /** When this client last heard of them, in milliseconds since 1970. */
  readonly lastSeen: number;
  /** The person's name, as the server's authentication has it; else "Guest". */
  readonly name: string;
}

/** The others who are there under a key, each with a value; the own one is told to them. */
export function usePresence<T>(key: string, value: T): Readonly<Record<string, PresentPerson<T>>> {
  const [others, act] = useShared<Readonly<Record<string, PresentPerson<T>>>, Others<T>>(
    (room) => new Others(room.presence<T>(key, value)),
    (present) => present.known,
    NOBODY,
    key,
  );
  const text = JSON.stringify(value);
  // biome-ignore lint/correctness/useExhaustiveDependencies: an equal value is the same.
  useEffect(() => act((present) => present.say(value)), [act, text]);
  return others;
}

const NOBODY = {};

/** Who else is there, as a record. */
class Others<T> {
  known: Readonly<Record<string, PresentPerson<T>>> = {};

  constructor(private readonly presence: Presence<T>) {}

  say(value: T): void {
    this.presence.value = value;
  }

  subscribe(listener: () => void): () => void {
    return this.presence.subscribe((people) => {
      const now = Date.now();
      this.known = Object.fromEntries(
        people
          .filter(({ isMe }) => !isMe)
          .map(({ client, value, name }) => {
            const before = this.known[client];
            const same = JSON.stringify(before?.value) === JSON.stringify(value);
            const lastSeen = same && before !== undefined ? before.lastSeen : now;
            return [client, { value, lastSeen, name }];
          }),
      );
      listener();
    });
  }

  close(): void {
    this.presence.close();
  }
}

export type ConnectionStatus =
  | { readonly connected: false; readonly text: string }
  | { readonly connected: true; readonly text: string; readonly debugUrl: string };

const NOT_YET: ConnectionStatus = { connected: false, text: "Connecting to the room." };

/** Whether there is a connection; if so, `debugUrl` is the address of the room's inspector. */
export function useConnectionStatus(): ConnectionStatus {
  const room = useDatabase();
  const [status, setStatus] = useState(NOT_YET);
  useEffect(() => {
    if (room === null) return;
    const look = () => {
      const { phase, text } = room.status;
      const connected = phase === "connected";
      setStatus(
        connected ? { connected, text, debugUrl: `${room.url}/inspect` } : { connected, text },
      );
    };
    look();
    return room.onStatus(look);
  }, [room]);
  return room === null ? NOT_YET : status;
}

const LATENCY_MILLISECONDS = 5_000;

/** How long the server takes to answer, in milliseconds; `null` while nobody knows. */
export function useLatency(): number | null {
  const room = useDatabase();
  const { connected } = useConnectionStatus();
  const [latency, setLatency] = useState<number | null>(null);
  useEffect(() => {
    if (room === null || !connected) return;
    let wanted = true;
    const measure = () =>
      room.latency().then(
        (milliseconds) => wanted && setLatency(milliseconds),
        () => {},
      );
    void measure();
    const timer = setInterval(measure, LATENCY_MILLISECONDS);
    return () => {
      wanted = false;
      clearInterval(timer);
      setLatency(null);
    };
  }, [room, connected]);
  return latency;
}

const CLIENT_ID = "_driftdb_client_id";
let remembered: string | null = null;

/** An id of this browser tab, which stays over a reload; "" on a server that renders. */
export function useUniqueClientId(): string {
  const [id, setId] = useState("");
  useEffect(() => setId(uniqueClientId()), []);
  return id;
}

/** An id of this browser tab; where the browser keeps none, of this page. */
export function uniqueClientId(): string {
  try {
    remembered ??= sessionStorage.getItem(CLIENT_ID);
  } catch {
    // A browser may refuse to keep anything.
  }
  if (remembered === null) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    remembered = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    try {
      sessionStorage.setItem(CLIENT_ID, remembered);
    } catch {}
  }
  return remembered;
}
