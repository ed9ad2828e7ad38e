import type { Session } from "../client/session";
import type { StateListener, StateReplica } from "../client/state";
import { META } from "../protocol/messages";
import { Listing } from "./listing";
import { type Meta, readMeta } from "./meta";

/** A key that a room has, or is meant to have. */
export interface Item {
  readonly key: string;
  /** `null`: nobody says what it is meant to be. */
  readonly meta: Meta | null;
  /** How many values it holds. */
  readonly size: number;
}

/** What is in a room, and what it is meant to be. */
export class Contents implements StateListener {
  private readonly listing: Listing;
  private readonly metas = new Map<string, StateReplica>();

  constructor(
    private readonly session: Session,
    private readonly onChange: () => void,
  ) {
    this.listing = new Listing(session, () => this.listed());
  }

  /** In the order in which the server has them; the protocol's own keys are left out. */
  get items(): Item[] {
    const { keys } = this.listing;
    const named = [...keys.keys()].filter((key) => !key.startsWith("$"));
    return [...new Set([...named, ...this.metas.keys()])].flatMap((key) => {
      const described = this.metas.get(key);
      // What it is meant to be is on its way.
      if (described !== undefined && !described.ready && described.value === undefined) return [];
      const meta = readMeta(described?.value);
      const size = keys.get(key)?.size ?? 0;
      return meta === null && size === 0 ? [] : [{ key, meta, size }];
    });
  }

  changed(): void {
    this.onChange();
  }

  private listed(): void {
    for (const key of this.listing.keys.keys()) {
      const described = key.slice(META.length);
      if (key.startsWith(META) && !this.metas.has(described))
        this.metas.set(described, this.session.state(key, this));
    }
    this.onChange();
  }
}
