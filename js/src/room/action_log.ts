import { Refused } from "../client/errors";
import type { Kind } from "../client/kind";
import type { LogListener, LogReplica } from "../client/log";
import type { Session } from "../client/session";
import { byteLength } from "../protocol/codec";
import { stringify } from "../protocol/integers";
import type { Entry, Json } from "../protocol/messages";
import { Fold, type Model } from "./fold";
import { Life, type Watched } from "./life";
import { outcome } from "./outcome";
import { inParts, whole } from "./snapshot";
import { encode } from "./values";

/** When and how a stream is made shorter. */
export interface Lengths {
  /** How many actions it holds before a snapshot takes their place, at least. */
  readonly compactAt: number;
  /** A longer snapshot goes in parts without a try: servers take 1 MiB by default. */
  readonly wholeBytes: number;
  /** How long a part is, in UTF-16 code units: below 1 MB in UTF-8, however it is escaped. */
  readonly partLength: number;
}

/** So many times more actions it may hold while own ones are on their way. */
const BURST = 4;

const LENGTHS: Lengths = { compactAt: 100, wholeBytes: 1_000_000, partLength: 200_000 };
/** Why a snapshot may be refused that nobody has to hear of: the room has another, or is closed. */
const USUAL = ["uncertain", "closed", "gone", "forbidden"];

/**
 * The actions of one key: the room's and the own ones, kept in a model, and kept short by
 * snapshots. `touched` hears that the model's value may be another (`restarted`: made anew,
 * `isEmpty`: of a stream that holds nothing). `kind`: what the key has to be; null: anything.
 */
export class ActionLog<V> implements LogListener {
  private readonly fold: Fold<V>;
  private readonly replica: LogReplica;
  private readonly life = new Life();
  /** Marks of what the room has, but what was not heard yet. */
  private readonly unheard = new Set<string>();
  /** Whether an own action made the stream too long. */
  private isLong = false;
  private isCompacting = false;
  private isOffering = false;
  /** For what reasons something may be refused that nobody is to hear of, or has heard of. */
  private readonly untold = new Set(USUAL);
  /** How long the newest snapshot is, and how long one may be that goes in one piece, in bytes. */
  private snapshotBytes = 0;
  private wholeBytes: number;
  private readonly lengths: Lengths;

  constructor(
    private readonly session: Session,
    readonly key: string,
    private readonly model: Model<V>,
    private readonly touched: (restarted: boolean, isEmpty: boolean) => void,
    lengths: Partial<Lengths> = {},
    kind: Kind | null = null,
  ) {
    this.lengths = { ...LENGTHS, ...lengths };
    this.wholeBytes = this.lengths.wholeBytes;
    const lost = () => this.warn(new Refused("lost", LOST));
    this.fold = new Fold(model, lost);
    this.replica = session.log(key, this, false, false, undefined, kind);
    if (!this.replica.begun) return;
    const held = this.replica.known(this);
    if (held !== null) this.startedOver(held, true);
    else session.readAnew(this.replica);
  }

  /** Resolves with the room's first answer. */
  get ready(): Promise<void> {
    return this.life.ready;
  }

  /**
   * Apply an action; resolves when the room has it. Rejects with what the function throws for it,
   * and with `QueueFull`.
   */
  dispatch(action: unknown): Promise<void> {
    return outcome(this.dispatched(action));
  }

  /** As `SharedReducer.waitFor`, of something whose `value` is this one's. */
  waitFor<T>(
    watched: Watched<T>,
    predicate: (value: T) => boolean,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.life.waitFor(watched, predicate, signal);
  }

  close(): void {
    this.life.end();
    this.replica.listeners.delete(this);
    this.session.leave(this.key);
  }

  heard(entry: Entry): void {
    const changed = this.fold.hear(entry);
    this.offer();
    if (changed) this.touched(false, false);
  }

  startedOver(held: readonly Entry[], sameEpoch: boolean): void {
    this.fold.startOver(held, sameEpoch);
    this.snapshotBytes = 0;
    this.answered();
    this.touched(true, this.fold.isEmpty);
  }

  answered(): void {
    for (const mark of this.unheard) this.model.withdraw(mark);
    this.unheard.clear();
    if (this.replica.wrong !== null) return;
    this.offer();
    this.life.begin();
  }

  sized(size: number): void {
    // Where it is shorter, somebody else has compacted it.
    this.fold.resize(size);
  }

  summary(): readonly Entry[] | null {
    const { fold, model } = this;
    if (fold.isUnfinished || fold.isLeftOver) return null;
    if (fold.isEmpty) return [];
    return [{ value: whole(model.snapshot(), fold.isInitial), seq: fold.seq }];
  }

  closed(error: Refused): void {
    this.life.end(error);
  }

  reopened(): void {
    this.life.reopen();
  }

  private async dispatched(action: unknown): Promise<void> {
    const { fold, model, replica } = this;
    const json = encode(action);
    const mark = fold.propose(json);
    let arrival: Promise<unknown>;
    try {
      if (replica.kind !== null) this.session.describe(replica);
      arrival = replica.arrival(replica.append({ apply: json, i: mark }));
    } catch (error) {
      model.withdraw(mark);
      throw error;
    }
    this.isLong ||= fold.length + model.pending >= this.lengths.compactAt;
    this.touched(false, false);
    try {
      await arrival;
    } catch (error) {
      this.settle(mark);
      throw error;
    }
    if (replica.ready) this.settle(mark);
    else this.unheard.add(mark);
    this.keepShort();
  }

  /** An action was refused, or is in what was heard. */
  private settle(mark: string): void {
    if (this.model.withdraw(mark)) this.touched(false, false);
  }

  /** Give the room what it has not: where it is empty, or forgot what is known here. */
  private offer(): void {
    const { fold, model } = this;
    const isNeeded = fold.isEmpty || (fold.isLeftOver && !fold.isUnfinished);
    const { ready, wrong } = this.replica;
    if (!isNeeded || this.isOffering || !ready || wrong !== null) return;
    const [seq, epoch] = this.place;
    this.isOffering = true;
    this.write(model.snapshot(), fold.isInitial, true, epoch, (value) =>
      this.replica.offer(value, seq),
    )
      .catch((error: unknown) => this.warn(error))
      .finally(() => {
        this.isOffering = false;
        // Somebody was faster, or the room forgot again.
        if (this.place.join() !== [seq, epoch].join()) this.offer();
      });
  }

  /** How far the stream is known: its newest number (0: it is empty), and of which epoch. */
  private get place(): [number, string | null] {
    return [this.fold.isEmpty ? 0 : this.fold.seq, this.replica.epoch];
  }

  /**
   * Put a snapshot in the place of the actions, where they cost half as much as it does: behind a
   * burst of own ones, or in the middle of one that doesn't end.
   */
  private keepShort(): void {
    const { fold, model } = this;
    const most = this.lengths.compactAt * (model.pending > 0 ? BURST : 1);
    if (!this.isLong || fold.length < most || 2 * fold.cost < this.snapshotBytes) return;
    if (this.isCompacting || fold.isUnfinished || fold.isLeftOver) return;
    const snapshot = model.snapshot();
    this.snapshotBytes = byteLength(stringify(snapshot));
    if (2 * fold.cost < this.snapshotBytes) return;
    const [seq, epoch] = this.place;
    fold.resize(1);
    this.isLong = model.pending > 0;
    this.isCompacting = true;
    this.write(snapshot, false, false, epoch, (value) => this.replica.compact(value, seq, epoch))
      .catch((error: unknown) => this.warn(error))
      .finally(() => {
        this.isCompacting = false;
        this.keepShort();
      });
  }

  /**
   * Write a snapshot by a push, in one piece where that is taken. `isFirst`: its parts come behind
   * the push and not before it (protocol, "Snapshots in parts").
   */
  private async write(
    snapshot: Json,
    isInitial: boolean,
    isFirst: boolean,
    epoch: string | null,
    push: (value: Json) => Promise<unknown>,
  ): Promise<void> {
    const value = whole(snapshot, isInitial);
    const message = { type: "push", key: this.key, value, action: { type: "append" } } as const;
    const bytes = byteLength(this.session.codec.encode(message));
    if (bytes <= this.wholeBytes) {
      try {
        await push(value);
        return;
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== "too_large") throw error;
        this.wholeBytes = bytes - 1;
      }
    }
    const { head, parts } = inParts(stringify(snapshot), this.lengths.partLength);
    if (isFirst) await push(head);
    for (const part of parts) await this.replica.arrival(this.replica.append(part, epoch));
    if (!isFirst) await push(head);
  }

  /** Tell once that the stream can't be kept short, or that something was lost. */
  private warn(error: unknown): void {
    if (!(error instanceof Refused) || this.untold.has(error.code)) return;
    this.untold.add(error.code);
    this.session.onUnheard(error, this.key);
  }
}

const LOST = "the room lost its memory, and goes on from another value than the one that was shown";
