import type { Json } from "../protocol/messages";

/** Hears of a key. */
export interface ReplicaListener {
  /** The value to show may be another now. */
  changed(): void;
  /** A write was refused, and the value is the room's again. */
  refused?(code: string, message: string): void;
}

/** An own write that is under way. */
interface Write {
  readonly id: number;
  readonly value: Json;
  /** Only wanted where the room has nothing: the initial value, or the last one known. */
  readonly offered: boolean;
}

/**
 * The value of one key as this client sees it: its own newest write while that is under way,
 * and otherwise the room's. One write is under way at a time; while it is, a newer one takes the
 * place of the one that waits. So all replicas end equal, and an own value never jumps back.
 */
export class StateReplica {
  readonly listeners = new Set<ReplicaListener>();
  /** Whether the room has told its value since the connection was opened. */
  ready = false;
  confirmed: { readonly value: Json; readonly seq: number } | null = null;
  inFlight: Write | null = null;
  waiting: { readonly value: Json } | null = null;

  /** `offer` is written where the room has no value; `undefined` offers nothing. */
  constructor(
    readonly key: string,
    public offer: Json | undefined,
  ) {}

  /** The value to show; `undefined` where there is none. */
  get value(): Json | undefined {
    const shown = this.waiting ?? this.inFlight ?? this.confirmed;
    return shown === null ? this.offer : shown.value;
  }

  /** Whether an own write has not arrived yet. */
  get pending(): boolean {
    return this.waiting !== null || (this.inFlight !== null && !this.inFlight.offered);
  }

  notify(): void {
    for (const listener of [...this.listeners]) listener.changed();
  }
}
