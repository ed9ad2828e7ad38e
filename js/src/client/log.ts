import type { Action, Entry, Json } from "../protocol/messages";
import type { Pusher, Queue } from "./queue";
import { Replica } from "./replica";

/** Hears of a log. */
export interface LogListener {
  /** The room's next values, in order: a push, or what was missed. */
  pushed(entries: readonly Entry[]): void;
  /** The log begins anew: what was told before is not in the room any more. */
  restarted?(): void;
  /** The room has an own push, as its `durability` promises. */
  acknowledged?(id: number): void;
  /** A push was refused, and is not in the room. */
  refused?(id: number, code: string, message: string): void;
}

/** How the values of a key are sent. */
export interface LogOptions {
  /** `append`, which the room keeps, or `relay`, which it doesn't. */
  readonly action?: "append" | "relay";
  /** How many of the newest values are kept, by the room and here. */
  readonly maxLength?: number;
}

const PAGE = 1_000;

/**
 * The values of one key in the room's order, each once. Own pushes are sent in order, many under
 * way at a time, and are among the values when the room has them.
 */
export class LogReplica extends Replica implements Pusher {
  readonly listeners = new Set<LogListener>();
  protected override readonly limit = PAGE;
  private held: Entry[] = [];
  private readonly action: Action;
  private readonly maxLength: number | undefined;

  constructor(
    key: string,
    private readonly queue: Queue,
    { action = "append", maxLength }: LogOptions = {},
  ) {
    super(key);
    this.maxLength = action === "relay" ? 0 : maxLength;
    this.action =
      action === "relay" || maxLength === undefined
        ? { type: action }
        : { type: action, max_length: maxLength };
  }

  /** What the stream holds. */
  get entries(): readonly Entry[] {
    return this.held;
  }

  /** Send a value, and return the push's id; throws `QueueFull`. */
  push(value: Json): number {
    return this.queue.add(this, { key: this.key, value, action: this.action }, "each");
  }

  acknowledged(id: number): void {
    for (const listener of [...this.listeners]) listener.acknowledged?.(id);
  }

  refused(id: number, code: string, message: string): void {
    for (const listener of [...this.listeners]) listener.refused?.(id, code, message);
  }

  protected restart(): void {
    this.held = [];
    for (const listener of [...this.listeners]) listener.restarted?.();
  }

  protected add(entries: readonly Entry[]): void {
    for (const entry of entries) this.held.push(entry);
    const { maxLength } = this;
    if (maxLength !== undefined) this.held.splice(0, this.held.length - maxLength);
    for (const listener of [...this.listeners]) listener.pushed(entries);
  }

  protected settle(): void {}
}
