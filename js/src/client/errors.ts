/** Something that the room did not take; `code` is the protocol's word for why. */
export class Refused extends Error {
  override readonly name: string = "Refused";

  constructor(
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

/** A key is in use as another kind of object (protocol, "What a key is"). */
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

/** Nobody knows whether the room took a write, before it lost its memory. */
export class Uncertain extends Refused {
  override readonly name = "Uncertain";

  constructor() {
    super("uncertain", "the room lost its memory before it confirmed this; it may count or not");
  }
}

/** A write was not kept, because too many wait for the room already. */
export class QueueFull extends Error {
  override readonly name = "QueueFull";
}
