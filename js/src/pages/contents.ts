import type { Session } from "../client/session";
import type { StateListener, StateReplica } from "../client/state";
import { META } from "../protocol/messages";
import type { Holding } from "../widgets/gone";
import { Listing } from "./listing";
import { type Meta, readMeta } from "./meta";
import { byName } from "./order";

/** A key that a room has, or is meant to have, with what its stream holds. */
export interface Item extends Holding {
  readonly key: string;
  /** `null`: nobody says what it is meant to be. */
  readonly meta: Meta | null;
}

const NOTHING: Holding = { size: 0, seq: 0 };

/** What is in a room, and what it is meant to be. */
export class Contents implements StateListener {
  private readonly listing: Listing;
  private readonly metas = new Map<string, StateReplica>();

  /** `alone`: the only key of interest; `null`: all are. */
  constructor(
    private readonly session: Session,
    private readonly alone: string | null,
    private readonly onChange: () => void,
  ) {
    const prefixes = alone === null ? [""] : [alone, META + alone];
    this.listing = new Listing(session, prefixes, () => this.listed());
  }

  /**
   * Those that somebody described, in the order in which they were, then the others by their names;
   * so it stays, whatever is written and whenever the server was started. The protocol's own keys
   * are left out, but for one that is asked for by its name.
   */
  get items(): Item[] {
    const { keys } = this.listing;
    const named = [...keys.keys()].filter((key) =>
      this.alone === null ? !key.startsWith("$") : key === this.alone,
    );
    const all = [...new Set([...named, ...this.metas.keys()])].map(
      (key) => [key, keys.get(META + key)?.seq ?? Number.MAX_VALUE] as const,
    );
    all.sort(([one, first], [other, second]) => first - second || byName(one, other));
    return all.flatMap(([key]) => {
      const told = this.metas.get(key);
      // What it is meant to be is on its way.
      if (told !== undefined && !told.ready && told.value === undefined) return [];
      const meta = readMeta(told?.value);
      const { size, seq } = keys.get(key) ?? NOTHING;
      return meta === null && size === 0 ? [] : [{ key, meta, size, seq }];
    });
  }

  /** Whether the room has a key, or says anything of it. */
  has(key: string): boolean {
    return this.listing.keys.has(key) || this.metas.has(key);
  }

  changed(): void {
    this.onChange();
  }

  private listed(): void {
    const { keys } = this.listing;
    for (const [key, replica] of this.metas) {
      if (keys.has(META + key)) continue;
      this.metas.delete(key);
      replica.listeners.delete(this);
      this.session.leave(replica.key);
    }
    for (const key of keys.keys()) {
      const described = key.slice(META.length);
      const asked = this.alone === null || described === this.alone;
      if (key.startsWith(META) && asked && !this.metas.has(described))
        this.metas.set(described, this.session.state(key, this));
    }
    this.onChange();
  }
}
