import { check } from "../client/check";

/** What a room hands out under a key. The methods of `Room` make one, and nobody else. */
export abstract class SharedObject {
  /** Its name in the room. */
  readonly key: string;

  protected constructor(key: string) {
    check(typeof key === "string", "a key", key);
    this.key = key;
  }

  /** Stop listening; what was written is still sent. */
  abstract close(): void;
}
