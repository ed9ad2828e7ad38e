import { check } from "../client/check";
import type { Session } from "../client/session";

/** What a room hands out under a key. The methods of `Room` make one, and nobody else. */
export abstract class SharedObject {
  /** Its name in the room. */
  readonly key: string;

  /** @internal */
  protected readonly session: Session;
  readonly #actions: readonly string[];

  protected constructor(key: string);
  /** @internal `actions`: what is done to the key by a write. */
  protected constructor(key: string, session: Session, ...actions: readonly string[]);
  protected constructor(key: string, session?: Session, ...actions: readonly string[]) {
    check(typeof key === "string" && key !== "", "a key", key);
    this.key = key;
    this.session = session as Session;
    this.#actions = actions;
    // What takes a store is given its `subscribe` alone.
    const store = this as unknown as { subscribe: () => void };
    store.subscribe = store.subscribe.bind(this);
  }

  /**
   * Whether the room lets nobody with these rights write here. It is asked when this is read for the
   * first time, and false until it has answered; `Room.onStatus` hears when it changes.
   */
  get readOnly(): boolean {
    return !this.#actions.every((action) => this.session.allows(this.key, action));
  }

  /** Stop listening; what was written is still sent. */
  abstract close(): void;
}
