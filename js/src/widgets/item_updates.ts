import type { Pusher, Queue } from "../client/queue";
import type { Json } from "../protocol/messages";
import type { ActionForm } from "../protocol/objects";

/** What somebody makes of an item, to be made on whatever the room holds. */
export type Step = (value: Json | undefined) => Json;

/** The dictionary that items are in, as far as it is known. */
export interface Items {
  readonly key: string;
  readonly queue: Queue;
  /** Whether the room has said, on the connection that is open now, what it holds. */
  readonly ready: boolean;
  readonly epoch: string | null;
  /** The newest number that was heard, and whether the stream holds anything. */
  readonly seq: number;
  readonly isEmpty: boolean;
  /** What the room holds of an item. */
  get(name: string): Json | undefined;
  /** What is shown may be another; `refusal`: why a write was refused. */
  updated(refusal?: string): void;
}

/** Where others write all the time, the newest value that is known has to do. */
const MOST_CONFLICTS = 5;
const NO_CONFLICT = { newest: 0, heard: -1 };

/**
 * Updates of a dictionary's items: the room takes what they make only where nobody was faster, else
 * they are made again on what it holds then. One message is under way at a time.
 */
export class ItemUpdates implements Pusher {
  private readonly steps = new Map<string, Step[]>();
  /** The message under way: its id, epoch, and how many steps of each item are in it. */
  private underWay: {
    readonly id: number;
    readonly epoch: string | null;
    readonly counts: ReadonlyMap<string, number>;
    /** Whether the room may refuse it because somebody was faster. */
    readonly isConditional: boolean;
  } | null = null;
  private conflicts = 0;
  /** The stream's newest number at the last conflict, and what had been heard by then. */
  private told = NO_CONFLICT;

  constructor(private readonly items: Items) {}

  /** The items that are updated. */
  get names(): readonly string[] {
    return [...this.steps.keys()];
  }

  /** What an item is with the own updates; `undefined`: it has none. */
  get(name: string): Json | undefined {
    const steps = this.steps.get(name);
    return steps?.reduce<Json | undefined>((value, step) => step(value), this.items.get(name));
  }

  add(name: string, step: Step): void {
    this.steps.set(name, [...(this.steps.get(name) ?? []), step]);
    this.sendNext();
  }

  /** Send what waits, if the room has said what it holds; the dictionary calls it when it has. */
  sendNext(): void {
    const { items, told } = this;
    if (this.underWay !== null || this.steps.size === 0) return;
    if (!items.ready || items.seq < told.newest) return;
    if (this.conflicts > MOST_CONFLICTS) this.send({});
    // Below what was heard a conflict tells of a relay, which is in no stream.
    else if (items.isEmpty) this.send({ if_seq: 0 });
    else this.send({ if_seq: items.seq === told.heard ? told.newest : items.seq });
  }

  /** The stream holds something else, so that an earlier conflict says nothing of its numbers. */
  startedOver(): void {
    this.told = NO_CONFLICT;
    this.sendNext();
  }

  /**
   * Send what waits at once, whatever is under way: the page may go. `forGood`: nobody will be here
   * to hear of a conflict, so what is in a message that may be refused for one is sent again, too.
   */
  sendLast(forGood: boolean): void {
    const { counts, isConditional } = this.underWay ?? {};
    const again = forGood && isConditional;
    if ([...this.steps].some(([name, { length }]) => again || length !== counts?.get(name)))
      this.send({});
  }

  acknowledged(id: number): void {
    if (id !== this.underWay?.id) return;
    for (const [name, count] of this.underWay.counts) {
      const left = this.steps.get(name)?.slice(count) ?? [];
      if (left.length > 0) this.steps.set(name, left);
      else this.steps.delete(name);
    }
    this.underWay = null;
    this.conflicts = 0;
    this.sendNext();
    this.items.updated();
  }

  refused(id: number, code: string, message: string, seq = 0): void {
    const { underWay, items } = this;
    if (id !== underWay?.id) return;
    if (code === "conflict" && underWay.epoch === items.epoch) {
      this.underWay = null;
      this.conflicts += 1;
      this.told = { newest: seq, heard: items.seq };
      this.sendNext();
      return;
    }
    // In another epoch nobody knows whether the room had it before.
    const lost = "the room lost its memory before it confirmed this";
    this.acknowledged(id);
    items.updated(code === "conflict" ? lost : message);
  }

  private send(condition: { readonly if_seq?: number }): void {
    const { items, steps } = this;
    const set = Object.fromEntries(this.names.map((name) => [name, this.get(name) as Json]));
    const value = { apply: { set }, i: "" } satisfies ActionForm;
    const counts = new Map([...steps].map(([name, each]) => [name, each.length]));
    const dated = items.epoch === null ? {} : { epoch: items.epoch };
    const push = { key: items.key, value, action: { type: "append" }, ...condition } as const;
    try {
      const id = items.queue.add(this, { ...push, ...dated }, "each");
      const isConditional = condition.if_seq !== undefined;
      this.underWay = { id, epoch: items.epoch, counts, isConditional };
    } catch (error) {
      steps.clear();
      items.updated((error as Error).message);
    }
  }
}
