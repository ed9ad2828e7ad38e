import {
  useCallback,
  useEffect,
  useInsertionEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { LogReplica } from "../client/log";
import type { Session } from "../client/session";
import { StateReplica } from "../client/state";
import type { DbConnection } from "../driftdb/connection";
import { CopiedReducer } from "../driftdb/copied";
import { uniqueClientId } from "../driftdb/identity";
import { PresenceListener, type WrappedPresenceMessage } from "../driftdb/presence";
import type { ConnectionStatus } from "../driftdb/types";
import { CopiedReduction } from "../room/copied_reduction";
import { Fold } from "../room/fold";
import type { Room } from "../room/room";
import { SharedState } from "../room/state";
import { decode, encode } from "../room/values";
import { useDatabase } from "./provider";
import { useShared } from "./shared";

type Setter<T> = (value: T | ((value: T) => T)) => void;

/**
 * Return a shared value and its setter, as `useState` does. An updater function that is passed to
 * the setter is applied to the room's newest value, so that nobody's update is lost. What the room
 * is known to hold is there from the first render on; otherwise `initialValue` is.
 */
export function useSharedState<T>(key: string, initialValue: T): [T, Setter<T>] {
  const [value, act] = useShared<T, SharedState<T, never>>(key, () => ({
    make: (session) => new SharedState<T, never>(session, key, initialValue),
    read: (state) => state.value,
    before: initialValue,
    peek: (session) => {
      const state = session
        .replicasOf(key)
        .find((each) => each instanceof StateReplica && each.begun);
      const held = (state as StateReplica | undefined)?.value;
      return held === undefined ? null : { value: decode(held) as T };
    },
  }));
  const set = useCallback<Setter<T>>(
    (next) =>
      act(async (state) => {
        if (typeof next === "function") await state.update(next as (value: T) => T);
        else await state.set(next);
      }),
    [act],
  );
  return [value, set];
}

/**
 * Return a shared value and its `dispatch`, as `useReducer` does. The room orders the actions of
 * all clients, and all of them end with the same value. `reducer` has to be the same function for
 * all, and depend on nothing else. It may change the state that it gets in place, and return it;
 * the state is copied where others' actions come between own ones. What the room is known to hold
 * is there from the first render on.
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
  const newest = useRef(reducer);
  // A render that React throws away leaves nothing behind.
  useInsertionEffect(() => {
    newest.current = reducer;
  });
  const [value, act] = useShared<S, ReducerOfHook<S, A>>(key, () => {
    const before = init === undefined ? initialValue : init(initialValue);
    const reduce = (state: S, action: A) => newest.current(state, action);
    return {
      make: (session) => new ReducerOfHook<S, A>(session, key, reduce, before),
      read: (shared) => shared.value,
      before,
      peek: (session) => {
        for (const log of session.replicasOf(key)) {
          const held = log instanceof LogReplica && log.begun ? log.known() : null;
          if (held === null) continue;
          const model = new CopiedReduction(key, reduce, encode(before));
          new Fold(model).startOver(held, true);
          return { value: model.value };
        }
        return null;
      },
    };
  });
  const dispatch = useCallback((action: A) => act((shared) => shared.dispatch(action)), [act]);
  return [value, dispatch];
}

/** What `useSharedReducer` has in its room. */
class ReducerOfHook<S, A> {
  readonly #shared: CopiedReducer<S, A>;
  #changed: () => void = () => {};

  constructor(session: Session, key: string, reducer: (state: S, action: A) => S, initial: S) {
    this.#shared = new CopiedReducer(
      session,
      key,
      reducer,
      initial,
      () => this.#changed(),
      undefined,
      "reducer",
    );
  }

  get value(): S {
    return this.#shared.value;
  }

  subscribe(changed: () => void): () => void {
    this.#changed = changed;
    return () => {};
  }

  dispatch(action: A): Promise<void> {
    return this.#shared.dispatch(action);
  }

  close(): void {
    this.#shared.close();
  }
}

/** Return the other clients that are present under a key, by id, and show them the own value. */
export function usePresence<T>(key: string, value: T): Record<string, WrappedPresenceMessage<T>> {
  const db = useDatabase();
  const [others, setOthers] = useState<Record<string, WrappedPresenceMessage<T>>>({});
  const own = useRef(value);
  useInsertionEffect(() => {
    own.current = value;
  });
  const listener = useRef<PresenceListener<T> | null>(null);
  useEffect(() => {
    const [clientId, initialState] = [uniqueClientId(), own.current];
    const here = new PresenceListener({ key, db, clientId, initialState, callback: setOthers });
    listener.current = here;
    here.subscribe();
    return () => {
      here.destroy();
      setOthers({});
    };
  }, [db, key]);
  useEffect(() => listener.current?.updateState(value));
  return others;
}

/** Return the room, for what has no hook; `null` until it is known, and in server rendering. */
export function useRoom(): Room | null {
  const db = useDatabase();
  const subscribe = useCallback((changed: () => void) => onStatus(db, changed), [db]);
  return useSyncExternalStore(
    subscribe,
    () => db.room,
    () => null,
  );
}

/** Return whether there is a connection, and render anew when that changes. */
export function useConnectionStatus(): ConnectionStatus {
  const db = useDatabase();
  const subscribe = useCallback((changed: () => void) => onStatus(db, changed), [db]);
  const status = () => db.status;
  return useSyncExternalStore(subscribe, status, status);
}

function onStatus(db: DbConnection, changed: () => void): () => void {
  db.statusListener.addListener(changed);
  return () => db.statusListener.removeListener(changed);
}

const LATENCY_MILLISECONDS = 5_000;

/** Return how long the server takes to answer, in milliseconds; `null` while that is unknown. */
export function useLatency(): number | null {
  const db = useDatabase();
  const { connected } = useConnectionStatus();
  const [latency, setLatency] = useState<number | null>(null);
  useEffect(() => {
    if (!connected) return;
    let wanted = true;
    const measure = () =>
      db.testLatency()?.then(
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
  }, [db, connected]);
  return latency;
}

/** Subscribes to what doesn't change. */
const never = () => () => {};

/** Return an id of this browser tab, which survives a reload; "" in server rendering. */
export function useUniqueClientId(): string {
  return useSyncExternalStore(never, uniqueClientId, () => "");
}
