import { useCallback, useEffect, useRef, useState } from "react";
import type { Room } from "../room/room";
import { useDatabase } from "./provider";

interface Shared {
  subscribe(listener: () => void): () => void;
  close(): void;
}

/**
 * A shared object for as long as a component is there. Returns its value (`before` until the room
 * has answered) and a function that does something with it, as soon as there is one.
 */
export function useShared<V, O extends Shared>(
  make: (room: Room) => O,
  read: (object: O) => V,
  before: V,
  key: string,
): [V, (act: (object: O) => void) => void] {
  const room = useDatabase();
  const [value, setValue] = useState(before);
  const current = useRef<O | null>(null);
  const waiting = useRef<((object: O) => void)[]>([]);
  // The newest functions, without a new object for each rendering.
  const latest = useRef({ make, read });
  latest.current = { make, read };
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key is another object.
  useEffect(() => {
    if (room === null) return;
    const object = latest.current.make(room);
    current.current = object;
    const show = () => setValue(() => latest.current.read(object));
    const end = object.subscribe(show);
    for (const act of waiting.current.splice(0)) act(object);
    show();
    return () => {
      end();
      object.close();
      current.current = null;
    };
  }, [room, key]);
  const act = useCallback((step: (object: O) => void) => {
    if (current.current === null) waiting.current.push(step);
    else step(current.current);
  }, []);
  return [value, act];
}

/** What a component can't wait for is at least told. */
export function tell(error: unknown): void {
  console.warn("driftdb:", error);
}
