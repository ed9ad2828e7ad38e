import type { Entry, Json } from "../protocol/messages";
import { Refused, Uncertain } from "./errors";
import { unwrap, wrap } from "./form";
import type { Kind } from "./kind";
import { notifyEach } from "./listeners";
import type { NewPush, Pusher, Queue } from "./queue";
import { Replica } from "./replica";

/** Hears of a state. */
export interface StateListener {
  /** The value to show may be another now. */
  changed(): void;
  /** The room's answer to a question was taken: the value is the room's, on this connection too. */
  answered?(): void;
  /** A write was refused, and the value is the room's again. */
  refused?(code: string, message: string): void;
  /** Nothing more will come, for now at least: there is no connection. */
  closed?(error: Refused): void;
  /** There may be a connection again. */
  reopened?(): void;
}

/** What a state is part of: the session. */
interface Host {
  readonly queue: Queue;
  /** Calls a function so many milliseconds later. */
  later(milliseconds: number, then: () => void): void;
  /** Hears of a write that was refused when nobody listened any more, and its key. */
  onUnheard(error: Refused, key: string): void;
}

/** A step from one value to the next, to be made on whatever the room holds. */
interface Update {
  readonly step: (value: Json | undefined) => Json;
  result: Json;
  /** The id of the push that it went into. */
  id: number;
  resolve(result: Json): void;
  reject(error: unknown): void;
}

/** An own write that waits; `depends`: its value is what `updates` make of the room's. */
interface Waiting {
  readonly value: Json;
  readonly depends: boolean;
  readonly updates: readonly Update[];
}

/** An own write that is under way. */
interface Write extends Waiting {
  /** Those too of the pushes that it took the place of, or stands behind, until those count. */
  updates: readonly Update[];
  readonly id: number;
  /** The lowest id of the pushes under way that it stands behind; else its own. */
  readonly firstId: number;
  /** Only wanted where the room has nothing: the initial value, or the last one known. */
  readonly isOffered: boolean;
  /** The room lost its memory meanwhile. */
  isUncertain: boolean;
}

/**
 * The value of one key as this client sees it: its own newest write while that is under way,
 * and otherwise the room's. One write is under way at a time; while it is, a newer one takes the
 * place of the one that waits. So all replicas end equal, an own value never jumps back, and
 * however long the server is away, what is kept for it is small.
 */
export class StateReplica extends Replica implements Pusher {
  readonly listeners = new Set<StateListener>();
  readonly #queue: Queue;
  /** How long whoever wrote last wants to wait after each write, in milliseconds. */
  #pause = 0;
  /** The pause that goes on now; a write waits, though none is under way. */
  #pausing: object | null = null;
  #confirmed: { readonly value: Json } | null = null;
  /** What the room held before it forgot. */
  #lost: { readonly value: Json } | null = null;
  #underWay: Write | null = null;
  #held: Waiting | null = null;
  /** The newest number in the stream, and what has to be heard before an update makes sense. */
  #newest = 0;
  #heardTo = 0;

  readonly #host: Host;
  #initial: Json | undefined;

  /** `initial` is written where the room has no value; `undefined` offers nothing. */
  constructor(key: string, host: Host, initial: Json | undefined, kind: Kind | null) {
    super(key, kind);
    this.#host = host;
    this.#initial = initial;
    this.#queue = host.queue;
  }

  /** The value to show; `undefined` where there is none. */
  get value(): Json | undefined {
    const own = this.#underWay?.isOffered ? null : this.#underWay;
    const shown = this.#waiting ?? own;
    return shown === null ? this.#base : shown.value;
  }

  /** Whether an own write has not arrived yet. */
  get pending(): boolean {
    return this.#waiting !== null || this.#underWay?.isOffered === false;
  }

  /** The write that is not even in the queue yet. */
  get #waiting(): Waiting | null {
    return this.#held;
  }

  set #waiting(next: Waiting | null) {
    const held = this.#held !== null;
    this.#held = next;
    if (held !== (next !== null)) this.#queue.holdBack(held ? -1 : 1);
  }

  /**
   * Show a value at once, and send it as soon as the write before it has arrived. For so many
   * milliseconds (`pause`) nothing is sent after it, unless somebody writes who wants no pause.
   */
  write(value: Json, pause = 0): void {
    this.#paceBy(pause);
    this.#enqueue(value, []);
  }

  /** The same; resolves when the room has it, or a newer own value that took its place. */
  set(value: Json): Promise<Json> {
    this.#paceBy(0);
    return promiseOf(
      () => value,
      value,
      (update) => this.#enqueue(value, [update]),
    );
  }

  /**
   * Write what a function makes of the value, such that nobody's update is lost: the room takes it
   * only where it still holds that value, else the function is called again with the newer one.
   * Resolves with what it returned last, when the room has it. Throws what the function throws.
   * `pause`: as of `write`.
   */
  update(step: (value: Json | undefined) => Json, pause = 0): Promise<Json> {
    if (this.wrong !== null) return Promise.reject(this.wrong);
    const value = step(this.value);
    this.#paceBy(pause);
    if (this.#queue.stopped !== null) return Promise.reject(this.#queue.stopped);
    return promiseOf(step, value, (update) => {
      const { depends, updates } = this.#waiting ?? { depends: true, updates: [] };
      this.#waiting = { value, depends, updates: [...updates, update] };
      this.#sendNext();
      this.#notify();
    });
  }

  #paceBy(pause: number): void {
    this.#pause = pause;
    if (pause <= 0) this.#pausing = null;
  }

  #startPause(): void {
    const pause = {};
    this.#pausing = pause;
    this.#host.later(this.#pause, () => {
      if (this.#pausing !== pause) return;
      this.#pausing = null;
      this.#sendNext();
    });
  }

  /** Take an initial value, if there is none yet. */
  offer(initial: Json): void {
    if (this.#initial !== undefined) return;
    this.#initial = initial;
    this.#offerIfEmpty();
  }

  /**
   * Send what waits at once, in the place of what is under way: the page may go. `isLeft`: it does,
   * and an update is sent as what it makes of what was known last, for nobody can make it later: of
   * an own value as that, and of an update behind it, if that one counts.
   */
  sendHeldBack(isLeft: boolean): void {
    this.#paceBy(0);
    const [waiting, underWay] = [this.#waiting, this.#underWay];
    const isUnsure = !isLeft || underWay?.isOffered;
    if (waiting === null || underWay === null || (waiting.depends && isUnsure)) {
      this.#sendNext(isLeft);
      return;
    }
    this.#waiting = null;
    const depends = waiting.depends && underWay.depends;
    // Should it be sent again, it would come behind the newer one.
    if (!depends) this.#queue.forget(underWay.id);
    this.#push({ ...waiting, depends }, false, underWay);
  }

  acknowledged(id: number): void {
    const underWay = this.#underWay;
    if (underWay === null) return;
    for (const update of underWay.updates) if (update.id <= id) update.resolve(update.result);
    // What stands behind it, or took its place, doesn't count yet.
    underWay.updates = underWay.updates.filter((update) => update.id > id);
    if (id !== underWay.id) return;
    this.#underWay = null;
    this.#sendNext();
    this.#offerIfEmpty(); // it may have been deleted meanwhile
    this.#notify();
  }

  refused(id: number, code: string, message: string, seq = 0): void {
    const underWay = this.#underWay;
    if (underWay === null || id < underWay.firstId) return; // another one took its place
    if (id !== underWay.id) this.#queue.forget(underWay.id); // it stands behind
    const conflict = code === "conflict";
    const again = conflict && underWay.depends && !underWay.isUncertain;
    if (again) {
      // Below what was heard it tells of a relay, which is in no stream; above, something is
      // still to come.
      if (seq <= this.seq) this.#newest = seq;
      this.#heardTo = seq;
      const { depends, updates, value } = this.#waiting ?? { ...underWay, updates: [] };
      this.#waiting = { value, depends, updates: [...underWay.updates, ...updates] };
    } else {
      const error = conflict ? new Uncertain() : new Refused(code, message);
      for (const { reject } of underWay.updates) reject(error);
    }
    // Nobody wrote what is offered, unless there is no place for it; of an update whoever made it
    // hears.
    const late = conflict || code === "forbidden";
    const quiet = (late && underWay.isOffered) || (conflict && underWay.depends);
    if (underWay.isOffered && !conflict) this.isBarred = this.ready;
    this.#underWay = null;
    this.#sendNext();
    if (!underWay.isOffered) this.#offerIfEmpty();
    this.#notify();
    if (quiet) return;
    notifyEach(this.listeners, (listener) => listener.refused?.(code, message));
    // Who awaits a promise has heard.
    if (this.listeners.size === 0 && underWay.updates.length === 0)
      this.#host.onUnheard(new Refused(code, message), this.key);
  }

  /** Drop the writes that wait: the room won't be told of them. */
  giveUp(error: Refused): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting !== null) this.#refuse(waiting.updates, error);
    this.#notify();
  }

  /** Tell whoever awaits an update, or else all who listen, that the room doesn't take it. */
  #refuse(updates: readonly Update[], error: Refused): void {
    for (const { reject } of updates) reject(error);
    if (updates.length === 0)
      notifyEach(this.listeners, (listener) => listener.refused?.(error.code, error.message));
  }

  override disconnected(): void {
    super.disconnected();
    this.#heardTo = 0;
  }

  protected startOver(held: readonly Entry[], sameEpoch: boolean): void {
    if (!sameEpoch && this.#underWay !== null) this.#underWay.isUncertain = true;
    const newest = held[held.length - 1];
    if (newest !== undefined) {
      this.#confirm(newest);
      return;
    }
    this.#newest = 0;
    this.#lost = sameEpoch ? null : (this.#confirmed ?? this.#lost);
    this.#confirmed = null;
    this.#offerIfEmpty();
    this.#notify();
  }

  protected receive(entry: Entry): void {
    this.several = false; // a push doesn't say so
    this.newestValue = entry.value;
    this.#confirm(entry);
  }

  #confirm({ value, seq }: Entry): void {
    this.#newest = seq;
    // What is of another kind is no value of a state.
    this.#confirmed = this.wrong === null ? { value: unwrap(value) } : null;
    this.#lost = null;
    this.#sendNext();
    this.#notify();
  }

  protected override caughtUp(): void {
    this.#sendNext();
  }

  #enqueue(value: Json, settled: readonly Update[]): void {
    const underWay = this.#underWay;
    const updates = [...(this.#waiting?.updates ?? []), ...settled];
    if (this.wrong !== null) {
      this.#refuse(settled, this.wrong);
      return;
    }
    if (underWay === null && this.#pausing === null && !this.#waits) {
      this.#waiting = null;
      this.#push({ value, depends: false, updates });
    } else if (underWay !== null && this.#queue.revise(underWay.id, this.#message(value))) {
      this.#waiting = null;
      const all = [...underWay.updates, ...updates];
      for (const update of all) update.id = underWay.id;
      this.#underWay = { ...underWay, value, depends: false, isOffered: false, updates: all };
    } else {
      this.#waiting = { value, depends: false, updates };
    }
    this.#notify();
  }

  /** Whether nothing may be sent before it is known what the key is. */
  get #waits(): boolean {
    return this.unsure && this.#queue.stopped === null;
  }

  /** What there is without the own writes. */
  get #base(): Json | undefined {
    const base = this.#confirmed ?? this.#lost;
    return base === null ? this.#initial : base.value;
  }

  /** Send what waits, if it can go. */
  #sendNext(isLeft = false): void {
    const waiting = this.#waiting;
    if (this.#underWay !== null || waiting === null || this.#pausing !== null) return;
    if (this.#waits || this.wrong !== null) return;
    if (!waiting.depends) {
      this.#waiting = null;
      this.#push(waiting);
    } else if (isLeft ? this.begun : this.ready && this.seq >= this.#heardTo) {
      this.#waiting = null;
      const updates: Update[] = [];
      let base = this.#base;
      for (const update of waiting.updates) {
        try {
          base = update.result = update.step(base);
          updates.push(update);
        } catch (error) {
          update.reject(error);
        }
      }
      if (updates.length > 0) this.#push({ value: base as Json, depends: true, updates });
      else this.#offerIfEmpty();
    }
  }

  #offerIfEmpty(): void {
    const offered = this.#base;
    const quiet = this.#underWay === null && this.#waiting === null && this.wrong === null;
    if (this.ready && !this.isBarred && this.#confirmed === null && quiet && offered !== undefined)
      this.#push({ value: offered, depends: false, updates: [] }, true);
  }

  /** `before`: the write in whose place it comes, or, where it depends on that, behind it. */
  #push(write: Waiting, isOffered = false, before?: Write): void {
    const { depends } = write;
    const behind = depends ? before : undefined;
    const if_seq = isOffered ? 0 : depends ? this.#newest : undefined;
    const epoch = depends ? (this.epoch ?? undefined) : undefined;
    const push = { ...this.#message(write.value), if_seq, epoch };
    const id = this.#queue.add(this, push, isOffered ? "offered" : "newest", false, behind?.id);
    for (const update of write.updates) update.id = id;
    const updates = [...(before?.updates ?? []), ...write.updates];
    const { firstId = id, isUncertain = false } = behind ?? {};
    this.#underWay = { ...write, updates, id, firstId, isOffered, isUncertain };
    if (this.#pause > 0 && !isOffered) this.#startPause();
  }

  #message(value: Json): NewPush {
    return { key: this.key, value: wrap(value), action: { type: "replace" } };
  }

  #notify(): void {
    notifyEach(this.listeners, (listener) => listener.changed());
  }
}

/** Hand an update over; return the promise of its outcome. */
function promiseOf(
  step: Update["step"],
  result: Json,
  enqueue: (update: Update) => void,
): Promise<Json> {
  return new Promise((resolve, reject) => {
    enqueue({ step, result, id: 0, resolve, reject });
  });
}
