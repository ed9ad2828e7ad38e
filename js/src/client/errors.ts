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

/** Nobody knows whether the room took a write, before it lost its memory. */
export class Uncertain extends Refused {
  override readonly name = "Uncertain";

  constructor() {
    super("uncertain", "the room lost its memory before it confirmed this; it may count or not");
  }
}
