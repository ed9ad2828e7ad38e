import type { LogListener } from "../client/log";
import { element } from "../widgets/control";
import { FoldedView } from "../widgets/folded";
import type { Home } from "../widgets/home";
import type { ViewOptions } from "../widgets/place";
import { PresenceView } from "../widgets/presence";
import { StateView } from "../widgets/state";
import { StreamView } from "../widgets/stream";
import { Composer } from "./composer";
import type { Item } from "./contents";
import { keyName } from "./key_name";
import { guessKind, type Kind } from "./meta";
import { pathOf } from "./shell";

/** What each kind is to those who look at it. */
const WORDS: Readonly<Record<Kind, string>> = {
  state: "",
  stream: "log",
  channel: "messages",
  reducer: "made of actions",
  dict: "table",
  presence: "people",
};

/** How many messages of a channel are shown. */
const HISTORY = 500;

/** A key of a room, shown as what it is, or seems to be. */
export class Card {
  readonly element = element("section", "card");
  private readonly place = element("div", "card-view");
  private readonly tag = element("span", "tag");
  private shown = "";
  private view: StateView | PresenceView | StreamView | FoldedView | null = null;
  private composer: Composer | null = null;
  private guessed: Kind | null = null;
  private peeking: (() => void) | null = null;

  constructor(
    private readonly home: Home,
    private item: Item,
    root: string,
  ) {
    const link = element("a", "card-link");
    link.href = root + pathOf(home.room, undefined, item.key);
    link.textContent = "open alone";
    link.setAttribute("aria-label", `open alone: ${item.meta?.label ?? keyName(item.key)}`);
    const foot = element("footer", "card-foot");
    foot.append(this.tag, link);
    this.element.append(this.place, foot);
    this.update(item);
  }

  /** The key is to be shown as is known now; where that fails, the others' cards stay. */
  update(item: Item): void {
    this.item = item;
    try {
      this.redraw();
    } catch (error) {
      console.error(error);
      const { shown } = this;
      this.clear();
      this.shown = shown; // not to be tried again
      const note = element("p", "quiet", {}, `${keyName(item.key)} can't be shown.`);
      this.place.append(note);
    }
  }

  private redraw(): void {
    const { item } = this;
    // A state that turns out to hold several values is none.
    if (item.size > 1 && this.guessed === "state") this.guessed = null;
    const kind = item.meta?.kind ?? this.guessed;
    if (kind === null) this.peek();
    else this.show(kind);
    if (this.view instanceof FoldedView) this.view.holds(item);
    else if (item.size > 0 && kind !== "channel" && this.view instanceof StreamView)
      this.view.holds(item);
  }

  destroy(): void {
    this.peeking?.();
    this.clear();
    this.home.connection.session.leave(this.item.key);
    this.element.remove();
  }

  /** Find out what it seems to be. */
  private peek(): void {
    if (this.peeking !== null) return;
    this.clear();
    const { session } = this.home.connection;
    const { key } = this.item;
    const listener: LogListener = { pushed: () => guess(), startedOver: () => guess() };
    const log = session.log(key, listener, true, true);
    this.peeking = () => {
      log.listeners.delete(listener);
      this.peeking = null;
    };
    const guess = () => {
      if (!log.ready || log.entries.length === 0) return;
      this.peeking?.();
      this.guessed = guessKind(log.entries.map(({ value }) => value));
      this.update(this.item);
    };
    guess();
  }

  private show(kind: Kind): void {
    const { key, meta } = this.item;
    const looks = JSON.stringify([kind, meta]);
    if (looks === this.shown) return;
    const label = meta?.label ?? keyName(key);
    const asked = { ...meta?.control, label };
    this.tag.textContent = WORDS[kind];
    this.tag.title = meta === null ? `looks like a ${kind}` : kind;
    if (kind === "state" && this.view instanceof StateView) {
      this.shown = looks;
      this.view.reconfigure(asked); // whoever is in it stays in it
      return;
    }
    this.peeking?.();
    this.clear();
    this.shown = looks;
    this.element.dataset.kind = kind;
    const options: ViewOptions = { label, stamps: true, chart: meta?.chart ?? null };
    // One connection serves all, and stays.
    const home = { ...this.home, leave: () => {} };
    // As a log it was looked at, and may be no more.
    if (kind === "state" || kind === "dict" || kind === "reducer")
      home.connection.session.leave(key);
    if (kind === "state") {
      this.view = new StateView(home, key, asked, {}, this.place);
    } else if (kind === "presence") {
      this.view = new PresenceView(home, key, options, this.place);
    } else if (kind === "channel") {
      const bounded = { ...options, keep: false, history: HISTORY };
      this.view = new StreamView(home, key, bounded, this.place);
      this.composer = new Composer(this.home.connection, key);
      this.place.append(this.composer.element);
    } else if (kind === "dict" || kind === "reducer") {
      this.view = new FoldedView(home, key, kind, options, undefined, this.place);
    } else {
      this.view = new StreamView(home, key, options, this.place);
    }
  }

  private clear(): void {
    this.view?.destroy();
    this.composer?.destroy();
    this.view = this.composer = null;
    this.shown = "";
    this.place.replaceChildren();
  }
}
