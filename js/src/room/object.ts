/** What a room hands out under a key. The methods of `Room` make one, and nobody else. */
export abstract class SharedObject {
  /** Its name in the room. */
  readonly key: string;

  protected constructor(key: string) {
    this.key = key;
  }

  /** Stop listening; what was written is still sent. */
  abstract close(): void;
}
