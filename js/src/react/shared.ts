import { useCallback, useMemo, useSyncExternalStore } from "react";
import { Refused } from "../client/errors";
import type { Session } from "../client/session";
import type { DbConnection } from "../driftdb/connection";
import { useDatabase } from "./provider";

interface Shared {
  subscribe(listener: () => void): () => void;
  close(): void;
}

/** How a hook makes its shared object, and what it shows of it (`before`: while there is none). */
interface Kind<V, O> {
  make(session: Session): O;
  read(object: O): V;
  readonly before: V;
  /** What the room is known to hold already, while a component is rendered for the first time. */
  peek?(session: Session): { readonly value: V } | null;
}

/** So long a key is heard after its last component went: another one often comes. */
const LINGER_MILLISECONDS = 5_000;

/** Does something with a shared object; what becomes of it, nobody waits for. */
type Step<O> = (object: O) => Promise<unknown>;

/**
 * A shared object for as long as a component is there. Returns its value, and a function that does
 * something with it. `kind` is asked for once for each key.
 */
export function useShared<V, O extends Shared>(
  key: string,
  kind: () => Kind<V, O>,
): [V, (step: Step<O>) => void] {
  const db = useDatabase();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another key is another object.
  const binding = useMemo(() => new Binding(db, key, kind()), [db, key]);
  const { value } = useSyncExternalStore(binding.subscribe, binding.value, binding.before);
  const act = useCallback((step: Step<O>) => binding.act(step), [binding]);
  return [value, act];
}

/** What a component has in its room under one key. */
class Binding<V, O extends Shared> {
  #object: O | null = null;
  /** In an object of its own each time, for the value may have been changed in place. */
  #shown: { readonly value: V };
  /** What was to be done before the component was there. */
  #early: Step<O>[] = [];
  #left = false;
  readonly #first: { readonly value: V };

  readonly #db: DbConnection;
  readonly #key: string;
  readonly #kind: Kind<V, O>;

  constructor(db: DbConnection, key: string, kind: Kind<V, O>) {
    this.#db = db;
    this.#key = key;
    this.#kind = kind;
    this.#first = { value: kind.before };
    this.#shown = kind.peek?.(db.session) ?? this.#first;
  }

  readonly value = () => this.#shown;
  readonly before = () => this.#first;

  readonly subscribe = (changed: () => void): (() => void) => {
    this.#left = false;
    const end = this.#db.join((session) => {
      const object = this.#make(session);
      if (object === null) return () => {};
      this.#object = object;
      const show = () => {
        if (this.#object !== object) return;
        this.#shown = { value: this.#kind.read(object) };
        changed();
      };
      object.subscribe(show);
      for (const step of this.#early.splice(0)) this.#run(object, step);
      if (!Object.is(this.#kind.read(object), this.#shown.value)) show();
      return () => {
        this.#object = null;
        if (this.#left) setTimeout(() => object.close(), LINGER_MILLISECONDS);
        else object.close();
      };
    });
    return () => {
      this.#left = true;
      end();
    };
  };

  act(step: Step<O>): void {
    if (this.#object !== null) this.#run(this.#object, step);
    else if (!this.#left) this.#early.push(step);
    else this.#actOnce(step);
  }

  /** The component has gone, and says a last word. */
  #actOnce(step: Step<O>): void {
    const end = this.#db.join((session) => {
      const object = this.#make(session);
      if (object !== null) this.#run(object, step);
      return () => object?.close();
    });
    end();
  }

  /** The object; `null` where it can't be, which is told: a component that throws takes others along. */
  #make(session: Session): O | null {
    try {
      return this.#kind.make(session);
    } catch (error) {
      this.#db.report(error, this.#key);
      return null;
    }
  }

  /** What a component can't wait for is at least told. */
  #run(object: O, step: Step<O>): void {
    step(object).catch((error: unknown) => {
      const ended = error instanceof Refused && error.code === "closed" && this.#left;
      if (!ended) this.#db.report(error, this.#key);
    });
  }
}
