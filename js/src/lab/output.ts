import type { Json } from "../protocol/messages";
import { element } from "../widgets/control";
import { isRecord } from "../widgets/record";
import { type Model, show } from "../widgets/show";

/** What a cell's output says of a view (driftdb_jupyter.widgets.output). */
export const VIEW = "application/vnd.driftdb.view+json";
export const WIDGET = "application/vnd.jupyter.widget-view+json";

/** Of JupyterLab, what is used here. */
export interface Renderer {
  readonly node: HTMLElement;
  renderModel(model: MimeModel): Promise<void>;
  dispose(): void;
}
export interface MimeModel {
  readonly data: { readonly [type: string]: unknown };
}
export interface Factory {
  readonly safe: boolean;
  readonly mimeTypes: readonly string[];
  createRenderer(): Renderer;
}
export interface Rendermime {
  createRenderer(type: string): Renderer;
  addFactory(factory: Factory, rank?: number): void;
}

/** So long ipywidgets may look for its model before the view is shown without one. */
export const PATIENCE_MILLISECONDS = 1_000;

/** The views of a cell's output have these, whoever shows them. */
const SHOWN = ".driftdb-state, .driftdb-place";

/**
 * A cell's output in a page: the widget, where there is a model of it, and otherwise the same view
 * without a kernel. So what a notebook was saved with is live when it is opened again.
 */
export class Output {
  private readonly watch = new MutationObserver(() => this.settle());
  private readonly own = document.createElement("div");
  private widget: Renderer | null = null;
  private endView: (() => void) | null = null;
  private settled = false;
  private patience: ReturnType<typeof setTimeout> | null = null;

  /** `add`: put a renderer's widget in the page, beside `parent`'s other children. */
  constructor(
    private readonly model: MimeModel,
    private readonly rendermime: Rendermime,
    private readonly add: (widget: Renderer) => void,
    parent: HTMLElement,
  ) {
    parent.append(this.own);
  }

  /** Ask ipywidgets for the widget, unless it has shown it already. */
  async request(): Promise<void> {
    if (this.settled) return;
    this.watch.disconnect();
    this.widget?.dispose();
    this.widget = null;
    try {
      this.widget = this.rendermime.createRenderer(WIDGET);
    } catch {
      // Without ipywidgets' extension there is none.
    }
    if (this.widget !== null) {
      this.add(this.widget);
      this.watch.observe(this.widget.node, { childList: true, subtree: true });
      this.patience ??= setTimeout(() => this.lose(), PATIENCE_MILLISECONDS);
      await this.widget.renderModel(this.model).catch(() => {});
      this.settle();
    } else {
      this.lose();
    }
  }

  destroy(): void {
    this.settled = true;
    if (this.patience !== null) clearTimeout(this.patience);
    this.watch.disconnect();
    this.end();
    this.own.remove();
  }

  /** ipywidgets says what it likes where it has no model; a view of ours says that it has one. */
  private settle(): void {
    const { widget, own } = this;
    const shown = (widget?.node.querySelector(SHOWN) ?? null) !== null;
    if (widget !== null) widget.node.hidden = !this.settled && !shown;
    if (this.settled || !shown) return;
    if (own.contains(document.activeElement)) {
      // Nothing is taken out of a person's hand.
      if (widget !== null) widget.node.hidden = true;
      own.addEventListener("focusout", () => setTimeout(() => this.settle()), { once: true });
      return;
    }
    this.settled = true;
    if (widget !== null) widget.node.hidden = false;
    this.watch.disconnect();
    this.end();
  }

  /** No model came so far. */
  private lose(): void {
    if (this.settled || this.endView !== null) return;
    const told = this.model.data[VIEW] as Json | undefined;
    this.endView = isRecord(told) ? showTold(told, this.own) : () => {};
  }

  private end(): void {
    this.endView?.();
    this.endView = null;
  }
}

type Told = { readonly [name: string]: Json };

/** So deep may boxes stand in each other. */
const DEEPEST = 20;

/** Show what a notebook kept of a view, or of a box of them; returns what ends all. */
function showTold(told: Told, parent: HTMLElement, depth = 0): () => void {
  if (told.kind !== "box") return isWhole(told) ? show(remembered(told), parent) : () => {};
  const children = Array.isArray(told.children) ? told.children.filter(isRecord) : [];
  const box = element("div", told.row === true ? "driftdb-box driftdb-row" : "driftdb-box");
  parent.append(box);
  const ends = children.map((child) => {
    const place = element("div", "driftdb-child");
    if (typeof child.title === "string")
      place.append(element("strong", "driftdb-title", { dir: "auto" }, child.title));
    box.append(place);
    if (typeof child.text === "string") {
      const text = element("span", "driftdb-kept", { dir: "auto" }, child.text);
      place.append(text);
      return () => {};
    }
    return depth < DEEPEST ? showTold(child, place, depth + 1) : () => {};
  });
  return () => {
    for (const end of ends) end();
    box.remove();
  };
}

/** Whether a view says all that it needs: anybody may have written a notebook's file. */
function isWhole({ server, room, key, kind, options, control }: Told): boolean {
  if (![server, room, key, kind].every((text) => typeof text === "string")) return false;
  const isListed = ["chart", "presence", "stream", "dict", "reducer"].includes(kind as string);
  return isListed ? isRecord(options) : typeof control === "string" || isRecord(control);
}

/** A model without a kernel: it offers the room nothing, for to look is not to write. */
function remembered(told: Told): Model {
  const get = (name: string): Json | undefined =>
    name === "_initial" ? undefined : told[name.slice(1)];
  return { get } as Model;
}
