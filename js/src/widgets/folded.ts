import type { LogListener, LogReplica } from "../client/log";
import type { Queue } from "../client/queue";
import type { Entry, Json } from "../protocol/messages";
import type { ActionForm } from "../protocol/objects";
import { Fold, type Model } from "../room/fold";
import { ItemsModel } from "../room/items";
import { whole } from "../room/snapshot";
import { arrange } from "./arrange";
import { type Control, element, type MakeControl, type Source } from "./control";
import { oncePerFrame } from "./frame";
import type { Holding } from "./gone";
import type { Home } from "./home";
import { type Items, ItemUpdates, type Step } from "./item_updates";
import { Place, type ViewOptions } from "./place";
import { readable } from "./readable";
import { isRecord, type JsonRecord } from "./record";
import { controlFor, isEditable, NO_OPTIONS } from "./simple";

/** How many items, and how many of a reducer's newest actions, are shown. */
const MOST_ITEMS = 500;
const MOST_ACTIONS = 20;
/** How many actions the stream of a dictionary holds before a snapshot replaces them. */
const COMPACT_AT = 100;
/** What tells that a page may go; on phones the second one is the last that it hears. */
const LEAVING = ["pagehide", "visibilitychange", "freeze"] as const;

/** Items that somebody here set, and the room has not confirmed yet. */
type Own = Map<string, { readonly value: Json }>;

/**
 * The value of a dictionary or a reducer in a page. To look at it writes nothing. The items of a
 * dictionary can be edited where they are texts, numbers or true and false. A reducer's function is
 * not known here: its newest snapshot is shown, and what was done since.
 */
export class FoldedView implements LogListener, Items {
  private readonly place: Place;
  private readonly replica: LogReplica;
  private readonly model: ItemsModel<unknown> | Unapplied;
  private readonly fold: Fold<unknown>;
  private readonly set = element("fieldset", "driftdb-set");
  private readonly items = element("table", "driftdb-items");
  private readonly more = element("p", "driftdb-more");
  private readonly since = element("div", "driftdb-since");
  private rows = new Map<string, Row>();
  private whole: { readonly make: MakeControl; readonly control: Control } | null = null;
  private readonly own: Own = new Map();
  private readonly updates: ItemUpdates;
  private readonly drawSoon = oncePerFrame(() => this.draw());

  /** `remembered` is shown until the room has answered, and where it holds nothing. */
  constructor(
    private readonly home: Home,
    readonly key: string,
    kind: "dict" | "reducer",
    options: ViewOptions,
    private readonly remembered: Json | undefined,
    parent: HTMLElement,
  ) {
    this.model = kind === "dict" ? new ItemsModel<unknown>({}, true) : new Unapplied();
    this.fold = new Fold<unknown>(this.model);
    this.place = new Place(home, key, options, parent, "driftdb-folded");
    home.connection.listeners.add(this.drawSoon);
    this.items.setAttribute("aria-label", this.place.label);
    const box = element("div", "driftdb-table", {}, this.set);
    this.place.box.append(box, this.more, this.since);
    const { session } = this.place;
    this.replica = session.log(key, this, false);
    this.updates = new ItemUpdates(this);
    // Before the connection hears of it, and keeps what waits.
    for (const name of LEAVING) globalThis.addEventListener(name, this.sendLast, true);
    if (this.replica.begun) {
      const held = this.replica.known(this);
      if (held === null) session.readAnew(this.replica);
      else this.startedOver(held, true);
    }
    this.draw();
  }

  destroy(): void {
    this.updates.sendLast(true);
    for (const name of LEAVING) globalThis.removeEventListener(name, this.sendLast, true);
    this.home.connection.listeners.delete(this.drawSoon);
    this.replica.listeners.delete(this);
    this.place.destroy();
  }

  private readonly sendLast = ({ type, persisted = false }: Partial<PageTransitionEvent>): void => {
    const isBack = type === "visibilitychange" && !document.hidden;
    if (!isBack) this.updates.sendLast(type === "pagehide" && !persisted);
  };

  pushed(entry: Entry): void {
    this.fold.receive(entry);
    this.updates.sendNext();
    this.drawSoon();
  }

  startedOver(held: readonly Entry[], sameEpoch: boolean): void {
    this.fold.startOver(held, sameEpoch);
    this.updates.startedOver();
    this.drawSoon();
  }

  answered(): void {
    this.updates.sendNext();
  }

  get queue(): Queue {
    return this.place.session.queue;
  }

  get ready(): boolean {
    return this.replica.ready;
  }

  get epoch(): string | null {
    return this.replica.epoch;
  }

  get seq(): number {
    return this.fold.seq;
  }

  get isEmpty(): boolean {
    return this.fold.isEmpty;
  }

  get(name: string): Json | undefined {
    const { value } = this;
    return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }

  updated(refusal: string | null = null): void {
    this.place.refuse(refusal);
    if (refusal === null) this.keepShort();
    this.drawSoon();
  }

  summary(): readonly Entry[] | null {
    const { fold, model } = this;
    if (fold.isUnfinished || fold.isLeftOver || !this.replica.begun) return null;
    if (fold.isEmpty) return [];
    if (model instanceof Unapplied && model.count > 0) return null;
    return [{ value: whole(model.snapshot(), fold.isInitial), seq: fold.seq }];
  }

  /** The stream holds so much: where that is less than is known here, it has a newer snapshot. */
  holds({ size }: Holding): void {
    const { model, replica } = this;
    if (model instanceof Unapplied && replica.ready && size > 0 && size < this.fold.length)
      this.place.session.readAnew(replica);
  }

  private get value(): Json | undefined {
    if (this.fold.isEmpty)
      return this.remembered ?? (this.model instanceof Unapplied ? undefined : {});
    return this.model instanceof Unapplied ? this.model.value : this.model.snapshot();
  }

  private draw(): void {
    const { value, model } = this;
    const allowed = this.place.session.allows(this.key, "append");
    this.set.disabled = !this.replica.begun || !allowed;
    if (this.model instanceof ItemsModel) this.place.allow(allowed);
    if (isItems(value)) this.drawItems(value);
    else this.drawWhole(value);
    if (!(model instanceof Unapplied) || model.count === 0) {
      this.since.replaceChildren();
      return;
    }
    const { count, newest } = model;
    const told =
      count === 1
        ? "1 action since then is not in it: what it does only the reducer's function knows."
        : `${count} actions since then are not in it: what they do only the reducer's function knows.`;
    const shown = newest.map((action) => element("li", "", { dir: "auto" }, readable(action)));
    const list = element("ul", "driftdb-actions", {}, ...shown);
    this.since.replaceChildren(element("p", "driftdb-more", {}, told), list);
  }

  private drawItems(value: JsonRecord): void {
    const { own, updates } = this;
    const names = [...new Set([...Object.keys(value), ...own.keys(), ...updates.names])];
    const before = this.rows;
    this.rows = new Map();
    for (const name of names.slice(0, MOST_ITEMS)) {
      const row = before.get(name) ?? new Row(name, this);
      const shown = updates.get(name) ?? own.get(name)?.value ?? (value[name] as Json);
      row.show(shown, this.model instanceof ItemsModel);
      this.rows.set(name, row);
    }
    arrange(
      this.items,
      [...this.rows.values()].map((row) => row.element),
    );
    this.whole = null;
    const left = names.length - this.rows.size;
    this.more.textContent =
      names.length === 0 ? "nothing in it yet" : left > 0 ? `… and ${left} more` : "";
    arrange(this.set, [this.items]);
  }

  private drawWhole(value: Json | undefined): void {
    this.rows.clear();
    this.more.textContent = "";
    const make = controlFor(value, false);
    if (this.whole?.make === make) {
      this.whole.control.show(value);
      return;
    }
    const source = { value, write: () => {}, update: () => {} };
    const control = make(source, { ...NO_OPTIONS, label: this.place.label });
    this.whole = { make, control };
    arrange(this.set, [control.element]);
  }

  update(name: string, step: Step): void {
    this.place.refuse(null);
    this.updates.add(name, step);
    this.drawSoon();
  }

  write(name: string, value: Json): void {
    const own = { value };
    const settle = () => {
      if (this.own.get(name) === own) this.own.delete(name);
      this.drawSoon();
    };
    this.place.refuse(null);
    this.own.set(name, own);
    const { replica } = this;
    try {
      const push = { apply: { set: { [name]: value } }, i: "" } satisfies ActionForm;
      replica.arrival(replica.append(push)).then(
        () => {
          settle();
          this.keepShort();
        },
        (error: Error) => {
          this.place.refuse(error.message);
          settle();
        },
      );
    } catch (error) {
      this.place.refuse((error as Error).message);
      settle();
    }
    this.drawSoon();
  }

  /** Put a snapshot in the place of the actions, where there are many. */
  private keepShort(): void {
    const { fold, model, replica } = this;
    if (fold.length < COMPACT_AT || fold.isUnfinished || fold.isLeftOver || !replica.ready) return;
    fold.resize(1);
    // Where it is refused, the next writer tries again.
    replica.compact(whole(model.snapshot(), false), fold.seq).catch(() => {});
  }
}

/** Whether a value is shown item by item: what stands for one that JSON can't hold is not. */
function isItems(value: Json | undefined): value is JsonRecord {
  return isRecord(value) && !Object.keys(value).some((name) => name.startsWith("$"));
}

/** One item: its name, and a control for its value or the value to read. */
class Row implements Source {
  readonly element = element("tr", "");
  value: Json = null;
  private readonly place = element("td", "");
  private make: MakeControl | null = null;
  private control: Control | null = null;

  constructor(
    private readonly name: string,
    private readonly dict: FoldedView,
  ) {
    const head = element("th", "", { scope: "row", dir: "auto" }, name);
    this.element.append(head, this.place);
  }

  show(value: Json, editable: boolean): void {
    this.value = value;
    const make = controlFor(value, editable && isEditable(value));
    const held = this.place.contains(document.activeElement);
    if (this.control === null || (make !== this.make && !held)) {
      this.make = make;
      this.control = make(this, { ...NO_OPTIONS, label: this.name });
      this.place.replaceChildren(this.control.element);
    } else {
      this.control.show(value);
    }
  }

  write(value: Json): void {
    this.value = value;
    this.dict.write(this.name, value);
  }

  update(step: Step): void {
    this.value = step(this.value);
    this.dict.update(this.name, step);
  }
}

/** A reducer's newest snapshot, and how many actions came behind it, with the newest of them. */
class Unapplied implements Model<Json | undefined> {
  readonly pending = 0;
  readonly behind = 0;
  value: Json | undefined = undefined;
  count = 0;
  newest: readonly Json[] = [];

  begin(snapshot?: Json): void {
    this.value = snapshot;
    this.count = 0;
    this.newest = [];
  }

  apply(action: Json): boolean {
    this.count += 1;
    this.newest = [...this.newest, action].slice(-MOST_ACTIONS);
    return true;
  }

  propose(): void {
    throw new Error("expected an action of the room's");
  }

  withdraw(): boolean {
    return false;
  }

  snapshot(): Json {
    return this.value ?? null;
  }
}
