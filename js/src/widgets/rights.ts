import type { Connection } from "../client/connection";
import type { ServerMessage } from "../protocol/messages";

/** What is allowed on a key, in the words of docs/access.md; `null`: not known (yet). */
export type Actions = readonly string[] | null;

interface Watch {
  readonly listeners: Set<() => void>;
  actions: Actions;
  /** Whether it was asked on the connection that is open now. */
  asked: boolean;
}

const known = new WeakMap<Connection, Rights>();

/**
 * What the server allows on keys, as long as somebody wants to know: it tells again whenever that
 * changes (protocol, "Grants"). A server that knows no epochs, as DriftDB's, is not asked.
 */
export class Rights {
  readonly #watches = new Map<string, Watch>();

  private constructor(private readonly connection: Connection) {
    const { session } = connection;
    const before = session.onMessage;
    session.onMessage = (message) => {
      before(message);
      this.#answered(message);
    };
    connection.listeners.add(() => {
      if (connection.status.phase === "connected") return;
      for (const watch of this.#watches.values()) watch.asked = false;
    });
  }

  /** The rights of a connection; the same object for all who ask. */
  static of(connection: Connection): Rights {
    const found = known.get(connection) ?? new Rights(connection);
    known.set(connection, found);
    return found;
  }

  /** Hear of changes of what is allowed on a key; returns what ends that. */
  watch(key: string, changed: () => void): () => void {
    const watch = this.#watches.get(key) ?? { listeners: new Set(), actions: null, asked: false };
    this.#watches.set(key, watch);
    watch.listeners.add(changed);
    if (this.connection.session.epoch !== null) this.#ask();
    return () => {
      watch.listeners.delete(changed);
      if (watch.listeners.size === 0) this.#watches.delete(key);
    };
  }

  /** Whether an action may be done, as far as is known. */
  allows(key: string, action: string): boolean {
    return this.#watches.get(key)?.actions?.includes(action) ?? true;
  }

  #answered(message: ServerMessage): void {
    if (message.type === "init" && message.epoch !== undefined) this.#ask();
    if (message.type !== "can") return;
    const watch = this.#watches.get(message.key);
    if (watch === undefined) return;
    watch.actions = message.actions;
    for (const changed of [...watch.listeners]) changed();
  }

  #ask(): void {
    if (this.connection.status.phase !== "connected") return;
    for (const [key, watch] of this.#watches) {
      if (watch.asked) continue;
      watch.asked = true;
      this.connection.session.sendNow({ type: "can", key });
    }
  }
}
