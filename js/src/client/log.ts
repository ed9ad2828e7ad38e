import type { Entry, Json } from "../protocol/messages";
import type { Pusher, Queue } from "./queue";
import { Replica } from "./replica";

/** Hears of a log. */
export interface LogListener {
  /** The room's next push. */
  heard(entry: Entry): void;
  /**
   * The stream holds just these; what came between is not known. That is how it begins; later
   * only where the room lost its memory (`sameEpoch` is false then), where this client was away
   * for too long, or where the stream was deleted.
   */
  startedOver?(held: readonly Entry[], sameEpoch: boolean): void;
  /** The room has an own push, as the server's `durability` promises. */
  acknowledged?(id: number): void;
  /** An own push was refused, and is not in the room. */
  refused?(id: number, code: string, message: string): void;
}

/**
 * The pushes of one key in the room's order, each once. Any number of own pushes may be under
 * way; they arrive in their order, each once (those that the server had no time for, `rate` and
 * `unavailable`, may come behind later ones).
 */
export class LogReplica extends Replica implements Pusher {
  readonly listeners = new Set<LogListener>();
  private held: Entry[] = [];

  /**
   * `keep`: remember in `entries` what the stream holds, which is right for a key that is only
   * appended to (a push doesn't say whether its value was kept).
   */
  constructor(
    key: string,
    private readonly queue: Queue,
    private readonly keep: boolean,
  ) {
    super(key);
  }

  get entries(): readonly Entry[] {
    return this.held;
  }

  /** Append (`keep`) or relay a value; returns the push's id. Throws `QueueFull`. */
  push(value: Json, keep: boolean): number {
    const action = { type: keep ? "append" : "relay" } as const;
    return this.queue.add(this, { key: this.key, value, action }, "each");
  }

  acknowledged(id: number): void {
    for (const listener of [...this.listeners]) listener.acknowledged?.(id);
  }

  refused(id: number, code: string, message: string): void {
    for (const listener of [...this.listeners]) listener.refused?.(id, code, message);
  }

  protected startOver(held: readonly Entry[], sameEpoch: boolean): void {
    if (this.keep) this.held = [...held];
    for (const listener of [...this.listeners]) listener.startedOver?.(held, sameEpoch);
  }

  protected hear(entry: Entry): void {
    if (this.keep) this.held.push(entry);
    for (const listener of [...this.listeners]) listener.heard(entry);
  }
}
