import type { Json } from "../protocol/messages";
import { type Model, show } from "../widgets/show";

/** What a cell's output says of a view (driftdb_jupyter.widgets.output). */
export const VIEW = "application/vnd.driftdb.view+json";
const WIDGET = "application/vnd.jupyter.widget-view+json";

/** Of JupyterLab, what is used here. */
export interface Renderer {
  readonly node: HTMLElement;
  renderModel(model: MimeModel): Promise<void>;
  dispose(): void;
}
export interface MimeModel {
  readonly data: { readonly [type: string]: unknown };
}
export interface Rendermime {
  createRenderer(type: string): Renderer;
}

/** The views of a cell's output have these, whoever shows them. */
const SHOWN = ".driftdb-state, .driftdb-place";

/**
 * A cell's output in a page: the widget, where there is a model of it, and otherwise the same view
 * without a kernel. So what a notebook was saved with is live when it is opened again.
 */
export class Output {
  private readonly watch = new MutationObserver(() => this.look());
  private readonly own = document.createElement("div");
  private endView: (() => void) | null = null;
  private settled = false;

  constructor(
    private readonly told: { readonly [name: string]: Json },
    private readonly widget: Renderer | null,
    parent: HTMLElement,
  ) {
    parent.append(this.own);
    if (widget !== null) this.watch.observe(widget.node, { childList: true, subtree: true });
    else this.look();
  }

  destroy(): void {
    this.watch.disconnect();
    this.end();
    this.own.remove();
  }

  /** ipywidgets says what it likes where it has no model; a view of ours says that it has one. */
  look(): void {
    const { widget } = this;
    if (this.settled) return;
    const shown = widget?.node.querySelector(SHOWN) ?? null;
    this.settled = shown !== null;
    if (widget !== null) widget.node.hidden = !this.settled;
    if (this.settled) {
      this.watch.disconnect();
      this.end();
    } else if (this.endView === null) {
      this.endView = show(remembered(this.told), this.own);
    }
  }

  private end(): void {
    this.endView?.();
    this.endView = null;
  }
}

/** Show an output, by the notebook's own renderer of widgets where it has one. */
export async function render(
  model: MimeModel,
  rendermime: Rendermime,
  add: (widget: Renderer) => void,
  parent: HTMLElement,
): Promise<Output> {
  const told = model.data[VIEW] as { readonly [name: string]: Json };
  let widget: Renderer | null = null;
  try {
    widget = rendermime.createRenderer(WIDGET);
  } catch {
    // Without ipywidgets' extension there is no other.
  }
  if (widget !== null) add(widget);
  const output = new Output(told, widget, parent);
  await widget?.renderModel(model).catch(() => {});
  output.look();
  return output;
}

/** A model without a kernel: it offers the room nothing, for to look is not to write. */
function remembered(told: { readonly [name: string]: Json }): Model {
  const get = (name: string): Json | undefined =>
    name === "_initial" ? undefined : told[name.slice(1)];
  return { get } as Model;
}
