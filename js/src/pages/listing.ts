import type { Session } from "../client/session";
import type { KeyInfo } from "../protocol/messages";

const POLL_MILLISECONDS = 2_000;
/** The answer with so many keys is long, and asked for less often. */
const MANY = 1_000;
const MANY_POLL_MILLISECONDS = 8_000;

/** Asks again and again which keys a room has, for nobody tells of new ones. */
export class Listing {
  keys: ReadonlyMap<string, KeyInfo> = new Map();
  private asking = false;
  private asked = 0;

  /** `prefixes`: only keys that begin with one of these. */
  constructor(
    private readonly session: Session,
    private readonly prefixes: readonly string[],
    private readonly changed: () => void,
  ) {
    setInterval(() => this.poll(), POLL_MILLISECONDS);
    void this.request();
  }

  /** Ask now. */
  private async request(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    this.asked = Date.now();
    try {
      const found = await Promise.all(this.prefixes.map((prefix) => this.session.keys(prefix)));
      this.keys = new Map(found.flatMap((keys) => Object.entries(keys)));
      this.changed();
    } catch {
      // The badge tells that there is no way to the room.
    } finally {
      this.asking = false;
    }
  }

  private poll(): void {
    const many = this.keys.size > MANY;
    if (document.hidden || (many && Date.now() - this.asked < MANY_POLL_MILLISECONDS)) return;
    void this.request();
  }
}
