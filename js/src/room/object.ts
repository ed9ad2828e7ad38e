/** What a room hands out under a key. The methods of `Room` make one, and nobody else. */
export abstract class SharedObject {
  /** `key`: its name in the room. */
  protected constructor(readonly key: string) {}

  /** Stop listening; what was written is still sent. */
  abstract close(): void;
}
