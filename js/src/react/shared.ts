import { useCallback, useEffect, useRef, useState } from "react";
import { Refused } from "../client/errors";
import type { Session } from "../client/session";
import { useDatabase } from "./provider";

interface Shared {
  subscribe(listener: () => void): () => void;
  close(): void;
}

/**
 * A shared object for as long as a component is there. Returns its value (`before` until there is
 * one) and a function that does something with it.
 */
export function useShared<V, O extends Shared>(
  make: (session: Session) => O,
  read: (object: O) => V,
  before: V,
  key: string,
): [V, (act: (object: O) => void) => void] {
  const db = useDatabase();
  const [value, setValue] = useState(before);
  const current = useRef<O | null>(null);
  const waiting = useRef<((object: O) => void)[]>([]);
  // The newest functions, without a new object for each rendering.
  const latest = useRef({ make, read });
  latest.current = { make, read };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key is another object.
  useEffect(
    () =>
      db.join((session) => {
        const object = latest.current.make(session);
        current.current = object;
        const show = () => setValue(() => latest.current.read(object));
        object.subscribe(show);
        for (const act of waiting.current.splice(0)) act(object);
        show();
        return () => {
          object.close();
          current.current = null;
        };
      }),
    [db, key],
  );
  const act = useCallback((step: (object: O) => void) => {
    if (current.current === null) waiting.current.push(step);
    else step(current.current);
  }, []);
  return [value, act];
}

/** What a component can't wait for is at least told. */
export function tell(error: unknown): void {
  if (error instanceof Refused && error.code === "closed") return; // it was unmounted meanwhile
  console.warn("driftdb:", error);
}
