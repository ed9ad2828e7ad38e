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
import { Fold } from "../room/fold";
import { COPIED, Reduction } from "../room/reduction";
import type { Room } from "../room/room";
import { SharedState } from "../room/state";
import { decode, encode } from "../room/values";
import { useDatabase } from "./provider";
import { useShared } from "./shared";

type Setter<T> = (value: T | ((value: T) => T)) => void;

/**
 * The value of a key that everybody in the room shares, and a function to set it. A function that
 * is given to that one is applied to the room's newest value, such that nobody's update is lost.
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
 * A value that everybody in the room changes by actions, in one order for all, and a function to
 * dispatch one. `reducer` has to be the same for all, and depend on nothing else. It may change the
 * state that it is given, and return it; that costs a copy of the state where others' actions come
 * between own ones.
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
          const model = new Reduction(key, reduce, encode(before), COPIED);
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

/** The others who are there under a key, each with a value; the own one is told to them. */
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

/** The room, for all that has no hook; `null` until it is known, and on a server that renders. */
export function useRoom(): Room | null {
  const db = useDatabase();
  const subscribe = useCallback((changed: () => void) => onStatus(db, changed), [db]);
  return useSyncExternalStore(
    subscribe,
    () => db.room,
    () => null,
  );
}

/** Whether there is a connection; if so, `debugUrl` is the address of the room's inspector. */
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

/** How long the server takes to answer, in milliseconds; `null` while nobody knows. */
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

/** An id of this browser tab, which stays over a reload; "" on a server that renders. */
export function useUniqueClientId(): string {
  return useSyncExternalStore(never, uniqueClientId, () => "");
}
