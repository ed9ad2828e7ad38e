import { Refused } from "../client/errors";
import type { Kind } from "../client/kind";
import type { LogListener, LogReplica } from "../client/log";
import type { Session } from "../client/session";
import { byteLength } from "../protocol/codec";
import { stringify } from "../protocol/integers";
import type { Entry, Json } from "../protocol/messages";
import type { ActionForm } from "../protocol/objects";
import { Fold, type Model } from "./fold";
import { Lifecycle, type Watched } from "./lifecycle";
import { inParts, whole } from "./snapshot";
import { tolerateClose } from "./tolerate_close";
import { encode, type Long } from "./values";

/** When and how a stream is made shorter. */
export interface Lengths {
  /** How many actions it holds before a snapshot replaces them, at least. */
  readonly compactAt: number;
  /** A longer snapshot goes in parts without a try: servers take 1 MiB by default. */
  readonly wholeBytes: number;
  /** How long a part is, in UTF-16 code units: below 1 MB in UTF-8, however it is escaped. */
  readonly partLength: number;
}

/** How many times more actions it may hold while own ones are on their way. */
const BURST = 4;

const LENGTHS: Lengths = { compactAt: 100, wholeBytes: 1_000_000, partLength: 200_000 };
/** A snapshot was refused because the room has changed: another one may be taken. */
const PASSING = ["uncertain", "conflict"];
/** Why a snapshot may be refused without anybody being told: it is usual. */
const USUAL = [...PASSING, "closed", "gone", "forbidden"];

/**
 * The actions of one key, the room's and the own ones, which are applied to a model, and replaced
 * by snapshots when they are many. `changed` is called when the model's value may have changed
 * (`restarted`: it was made anew, `isEmpty`: the stream holds nothing). `kind`: what the key has to
 * be; null: anything.
 */
export class ActionLog<V> implements LogListener {
  readonly #session: Session;
  readonly #key: string;
  readonly #model: Model<V>;
  readonly #changed: (restarted: boolean, isEmpty: boolean) => void;
  readonly #fold: Fold<V>;
  readonly #replica: LogReplica;
  readonly #lifecycle = new Lifecycle();
  readonly #lengths: Lengths;
  /** Marks of own actions that the room has, but that were not received yet. */
  readonly #unheard = new Set<string>();
  /** For what reasons something may be refused that nobody is to be told of, or has been. */
  readonly #untold = new Set(USUAL);
  /** Whether an own action made the stream too long. */
  #isLong = false;
  #isCompacting = false;
  #isOffering = false;
  /** How long the newest snapshot is, and how long one may be that goes in one piece, in bytes. */
  #snapshotBytes = 0;
  #wholeBytes: number;
  /** How many times more actions the stream may hold since a snapshot was refused for good. */
  #patience = 1;

  constructor(
    session: Session,
    key: string,
    model: Model<V>,
    changed: (restarted: boolean, isEmpty: boolean) => void,
    lengths: Partial<Lengths> = {},
    kind: Kind | null = null,
  ) {
    this.#session = session;
    this.#key = key;
    this.#model = model;
    this.#changed = changed;
    this.#lengths = { ...LENGTHS, ...lengths };
    this.#wholeBytes = this.#lengths.wholeBytes;
    this.#fold = new Fold(model, () => this.#warn(new Refused("lost", LOST)));
    this.#replica = session.log(key, this, false, false, undefined, kind);
    if (!this.#replica.begun) return;
    const held = this.#replica.known(this);
    if (held !== null) this.startedOver(held, true);
    else session.readAnew(this.#replica);
  }

  /** Resolves with the room's first answer. */
  get ready(): Promise<void> {
    return this.#lifecycle.ready;
  }

  /**
   * Apply an action; resolves when the room has it. Rejects with what the function throws for it,
   * and with `QueueFull`. `before`: as of `encode`.
   */
  dispatch(action: unknown, before?: Json | Long): Promise<void> {
    return tolerateClose(this.#dispatch(action, before));
  }

  /** As `Lifecycle.waitFor`. */
  waitFor<T>(
    watched: Watched<T>,
    predicate: (value: T) => boolean,
    signal?: AbortSignal,
  ): Promise<T> {
    return this.#lifecycle.waitFor(watched, predicate, signal);
  }

  close(): void {
    this.#lifecycle.closed();
    this.#session.leave(this.#key, this);
  }

  pushed(entry: Entry): void {
    const changed = this.#fold.receive(entry);
    this.#offer();
    if (changed) this.#changed(false, false);
  }

  startedOver(held: readonly Entry[], sameEpoch: boolean): void {
    this.#fold.startOver(held, sameEpoch);
    this.#snapshotBytes = 0;
    this.answered();
    this.#changed(true, this.#fold.isEmpty);
  }

  answered(): void {
    for (const mark of this.#unheard) this.#model.withdraw(mark);
    this.#unheard.clear();
    if (this.#replica.wrong !== null) return;
    this.#offer();
    this.#lifecycle.answered();
  }

  sized(size: number): void {
    // Where it is shorter, somebody else has compacted it.
    this.#fold.resize(size);
  }

  summary(): readonly Entry[] | null {
    const fold = this.#fold;
    if (fold.isUnfinished || fold.isLeftOver) return null;
    if (fold.isEmpty) return [];
    return [{ value: whole(this.#model.snapshot(), fold.isInitial), seq: fold.seq }];
  }

  closed(error: Refused): void {
    this.#lifecycle.closed(error);
  }

  reopened(): void {
    this.#lifecycle.reopened();
  }

  async #dispatch(action: unknown, before: Json | Long | undefined): Promise<void> {
    const [fold, model, replica] = [this.#fold, this.#model, this.#replica];
    const json = encode(action, before);
    const mark = fold.propose(json);
    let arrival: Promise<unknown>;
    try {
      if (replica.kind !== null) this.#session.describe(replica);
      arrival = replica.arrival(replica.append({ apply: json, i: mark } satisfies ActionForm));
    } catch (error) {
      model.withdraw(mark);
      throw error;
    }
    this.#isLong ||= fold.length + model.pending >= this.#lengths.compactAt;
    this.#changed(false, false);
    try {
      await arrival;
    } catch (error) {
      this.#settle(mark);
      throw error;
    }
    if (replica.ready) this.#settle(mark);
    else this.#unheard.add(mark);
    void this.#keepShort();
  }

  /** An action was refused, or is in what was received. */
  #settle(mark: string): void {
    if (this.#model.withdraw(mark)) this.#changed(false, false);
  }

  /**
   * Give the room what it lacks: where it is empty, or forgot what is known here. What it refused
   * for good is not offered again on the same connection.
   */
  #offer(): void {
    const [fold, replica] = [this.#fold, this.#replica];
    const isNeeded = fold.isEmpty || (fold.isLeftOver && !fold.isUnfinished);
    if (!isNeeded || this.#isOffering || !replica.ready || replica.isBarred) return;
    if (replica.wrong !== null) return;
    const [seq, epoch] = this.#place;
    this.#isOffering = true;
    const push = (value: Json) => replica.offer(value, seq);
    this.#write(this.#model.snapshot(), fold.isInitial, true, epoch, push)
      .catch((error: unknown) => {
        if (isFinal(error)) replica.isBarred = replica.ready;
        this.#warn(error);
      })
      .finally(() => {
        this.#isOffering = false;
        // Somebody was faster, or the room forgot again.
        if (this.#place.join() !== [seq, epoch].join()) this.#offer();
      });
  }

  /** How far the stream is known: its newest number (0: it is empty), and of which epoch. */
  get #place(): [number, string | null] {
    return [this.#fold.isEmpty ? 0 : this.#fold.seq, this.#replica.epoch];
  }

  /**
   * Replace the actions by a snapshot, where they cost half as much as it does: behind a burst of
   * own ones, or in the middle of one that doesn't end.
   */
  async #keepShort(): Promise<void> {
    const [fold, model] = [this.#fold, this.#model];
    const most = this.#lengths.compactAt * this.#patience * (model.pending > 0 ? BURST : 1);
    if (!this.#isLong || fold.length < most || 2 * fold.cost < this.#snapshotBytes) return;
    if (this.#isCompacting || fold.isUnfinished || fold.isLeftOver) return;
    this.#isCompacting = true;
    try {
      const snapshot = model.snapshot(); // throws for what can't be shared
      this.#snapshotBytes = byteLength(stringify(snapshot));
      if (2 * fold.cost >= this.#snapshotBytes) {
        const [seq, epoch] = this.#place;
        fold.resize(1);
        this.#isLong = model.pending > 0;
        const push = (value: Json) => this.#replica.compact(value, seq, epoch);
        await this.#write(snapshot, false, false, epoch, push);
        this.#patience = 1;
      }
    } catch (error) {
      if (isFinal(error)) this.#patience *= 2;
      this.#warn(error);
    }
    this.#isCompacting = false;
    void this.#keepShort();
  }

  /**
   * Write a snapshot by a push, in one piece where the room takes that. `isFirst`: its parts come
   * behind the push and not before it (protocol, "Snapshots in parts").
   */
  async #write(
    snapshot: Json,
    isInitial: boolean,
    isFirst: boolean,
    epoch: string | null,
    push: (value: Json) => Promise<unknown>,
  ): Promise<void> {
    const value = whole(snapshot, isInitial);
    const message = { type: "push", key: this.#key, value, action: { type: "append" } } as const;
    const bytes = byteLength(this.#session.codec.encode(message));
    if (bytes <= this.#wholeBytes) {
      try {
        await push(value);
        return;
      } catch (error) {
        if (!(error instanceof Refused) || error.code !== "too_large") throw error;
        this.#wholeBytes = bytes - 1;
      }
    }
    const { head, parts } = inParts(stringify(snapshot), this.#lengths.partLength);
    if (isFirst) await push(head);
    for (const part of parts) await this.#replica.arrival(this.#replica.append(part, epoch));
    if (!isFirst) await push(head);
  }

  /** Tell once that the stream can't be kept short, or that something was lost. */
  #warn(error: unknown): void {
    const { code = "value", message } = error as Refused;
    if (this.#untold.has(code)) return;
    this.#untold.add(code);
    this.#session.onUnheard(new Refused(code, message), this.#key);
  }
}

/** Whether the room would refuse it again. */
function isFinal(error: unknown): boolean {
  return !PASSING.includes((error as Refused).code);
}

const LOST = "the room lost its memory, and goes on from another value";
