/** The room did not accept something, or there is no room to ask. */
export class Refused extends Error {
  override readonly name: string = "Refused";

  constructor(
    /** Why, as the protocol has it ("forbidden", "quota", …), or "closed", "gone" or "offline". */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Why nothing is sent or heard any more. */
export function closedHere(): Refused {
  return new Refused("closed", "it was closed on this side");
}

/** The key is in use as another kind of object (protocol, "What a key is"). */
export class WrongKind extends Refused {
  override readonly name = "WrongKind";

  /** `wanted`: the kind that was asked for; `found`: the one that the key has. */
  constructor(key: string, wanted: string, found: string) {
    super(
      "wrong_kind",
      `expected the key ${JSON.stringify(key)} for a ${wanted}, got one that is in use as a ${found}`,
    );
  }
}

/** The room lost its memory before it confirmed a write: it may count or not. */
export class Uncertain extends Refused {
  override readonly name = "Uncertain";

  constructor() {
    super("uncertain", "the room lost its memory before it confirmed this");
  }
}

/** A write was not accepted, because too many wait for the room already. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
}
