import { Refused } from "../client/errors";
import { Listeners } from "../client/listeners";
import type { LogListener, LogReplica } from "../client/log";
import type { Session } from "../client/session";
import type { Entry, Json } from "../protocol/messages";
import { Fold, snapshot } from "./fold";
import { Life } from "./life";
import { outcome } from "./outcome";
import { decode, encode, type Value } from "./values";

/** Whose action is the stream's so-manieth puts a snapshot in the place of all. */
const COMPACT_AT = 100;

/**
 * A value that everybody in a room changes by actions, in one order for all. `fn(value, action)`
 * returns the next value; it has to be the same for all who take part, and depend on nothing else.
 * Own actions show at once, and are applied anew behind those that the room ordered before them.
 * An action for which `fn` throws counts for nothing.
 */
export class SharedReducer<S = Value, A = Value> implements LogListener {
  private readonly fold: Fold<S, A>;
  private readonly replica: LogReplica;
  private readonly subscribers = new Listeners<[S]>();
  private readonly life = new Life();
  private compacts = false;
  private told: S;

  /**
   * Made by `Room.reducer`. `initial`: where it begins in a room that has nothing yet. `compactAt`:
   * of how many actions a snapshot takes the place.
   */
  constructor(
    private readonly session: Session,
    readonly key: string,
    fn: (value: S, action: A) => S,
    initial: S,
    private readonly compactAt = COMPACT_AT,
  ) {
    const start = encode(initial);
    const read = (json: Json) => decode(json) as S;
    this.fold = new Fold(
      fn,
      () => read(start),
      (json) => decode(json) as A,
      read,
    );
    this.told = this.fold.value;
    this.replica = session.log(key, this, true);
    if (this.replica.begun) this.startedOver(this.replica.entries, true);
  }

  /** Resolves when the room's value was heard for the first time. */
  get ready(): Promise<void> {
    return this.life.ready;
  }

  /** The value now, own actions included. Don't change it: dispatch an action. */
  get value(): S {
    return this.fold.value;
  }

  /**
   * Apply an action; resolves when the room has it. Rejects with what `fn` throws for it, and
   * with `QueueFull`.
   */
  dispatch(action: A): Promise<void> {
    return outcome(this.dispatched(action));
  }

  private async dispatched(action: A): Promise<void> {
    const json = encode(action);
    const mark = this.fold.propose(action);
    this.compacts ||= this.fold.actions + this.fold.pending >= this.compactAt;
    let arrival: Promise<unknown>;
    try {
      arrival = this.replica.arrival(this.replica.append({ apply: json, i: mark }));
    } catch (error) {
      this.settled(mark);
      throw error;
    }
    this.changed();
    try {
      await arrival;
    } finally {
      this.settled(mark);
    }
  }

  /** Call a function with the value when it is another; returns what ends that. */
  subscribe(listener: (value: S) => void): () => void {
    return this.subscribers.add(listener);
  }

  /**
   * Resolves with the value as soon as the predicate is true of it. Rejects with what the predicate
   * throws, with the signal's reason, and with a `Refused` when it, or the room, is closed.
   */
  waitFor(predicate: (value: S) => boolean, signal?: AbortSignal): Promise<S> {
    return this.life.waitFor(this, predicate, signal);
  }

  /** Hear no more; what was dispatched is on its way. */
  close(): void {
    this.subscribers.clear();
    this.life.end();
    this.replica.listeners.delete(this);
    this.session.leave(this.key);
  }

  /** For the session. */
  heard(entry: Entry): void {
    this.fold.hear(entry);
    this.changed();
  }

  /** For the session. */
  startedOver(held: readonly Entry[], sameEpoch: boolean): void {
    this.fold.startOver(held, sameEpoch);
    if (this.fold.missing) this.replica.offer(snapshot(encode(this.fold.confirmed)));
    this.life.begin();
    this.changed();
  }

  /** For the session. */
  answered(): void {
    this.life.begin();
  }

  /** For the session. */
  closed(error: Refused): void {
    this.life.end(error);
  }

  /** For the session. */
  reopened(): void {
    this.life.reopen();
  }

  private settled(mark: string): void {
    this.fold.settle(mark);
    this.changed();
    this.keepShort();
  }

  private changed(): void {
    const { value } = this.fold;
    if (value === this.told || JSON.stringify(value) === JSON.stringify(this.told)) return;
    this.told = value;
    this.subscribers.tell(value);
  }

  private keepShort(): void {
    const { fold } = this;
    if (!this.compacts || fold.pending > 0) return;
    this.compacts = false;
    fold.actions = 1;
    const text = snapshot(encode(fold.confirmed));
    // Where it is refused, somebody else will, or the next action of ours.
    const failed = (error: unknown) => {
      if (!(error instanceof Refused)) throw error;
    };
    this.replica.arrival(this.replica.compact(text, fold.seq)).catch(failed);
    this.replica.folded(text, fold.seq);
  }
}
