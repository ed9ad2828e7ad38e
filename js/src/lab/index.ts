import { filesBeside } from "../widgets/chart_code";
import style from "../widgets/widget.css";
import { type MimeModel, Output, type Rendermime, VIEW, WIDGET } from "./output";

/** Above the one of ipywidgets (-10), which is asked first all the same. */
const RANK = -20;

/** What JupyterLab and its extensions share: by name, and by version. */
type Shared = Record<string, Record<string, { get(): Promise<() => unknown> }>>;

interface Panel {
  readonly content: { readonly rendermime: Rendermime };
}
interface Tracker {
  forEach(bind: (panel: Panel) => void): void;
  readonly widgetAdded: { connect(slot: (tracker: unknown, panel: Panel) => void): void };
}
interface LuminoPanel {
  readonly node: HTMLElement;
  addWidget(widget: object): void;
  dispose(): void;
}

let shared: Shared = {};

async function load(name: string): Promise<Record<string, unknown>> {
  const [version] = Object.values(shared[name] ?? {});
  if (version === undefined) throw new Error(`expected JupyterLab to share ${name}`);
  return (await version.get())() as Record<string, unknown>;
}

/** JupyterLab's plugin: shows the outputs of the notebooks that are opened. */
async function plugin(): Promise<object> {
  const { INotebookTracker } = await load("@jupyterlab/notebook");
  const lumino = (await load("@lumino/widgets")) as { Panel: new () => LuminoPanel };

  class OutputPanel extends lumino.Panel {
    private output: Output | null = null;

    constructor(
      private readonly rendermime: Rendermime,
      private readonly others: Set<OutputPanel>,
    ) {
      super();
      others.add(this);
    }

    async renderModel(model: MimeModel): Promise<void> {
      if (this.output !== null) return; // what is shown is live
      const add = (widget: object) => this.addWidget(widget);
      this.output = new Output(model, this.rendermime, add, this.node);
      await this.ask();
    }

    async ask(): Promise<void> {
      await this.output?.request();
    }

    override dispose(): void {
      this.others.delete(this);
      this.output?.destroy();
      super.dispose();
    }
  }

  const bind = ({ content: { rendermime } }: Panel) => {
    const panels = new Set<OutputPanel>();
    const createRenderer = () => new OutputPanel(rendermime, panels);
    rendermime.addFactory({ safe: false, mimeTypes: [VIEW], createRenderer }, RANK);
    // ipywidgets tells its own renderers, which it finds in the cells, when a kernel's models are
    // there. It doesn't find ours, so they look when it changes what makes them.
    const { addFactory } = rendermime;
    rendermime.addFactory = (factory, rank) => {
      addFactory.call(rendermime, factory, rank);
      if (factory.mimeTypes.includes(WIDGET)) for (const panel of panels) void panel.ask();
    };
  };
  return {
    id: "driftdb-jupyter:outputs",
    description: "Shows shared values, also where their kernel is gone.",
    autoStart: true,
    requires: [INotebookTracker],
    activate: (_: unknown, tracker: Tracker) => {
      const sheet = document.createElement("style");
      sheet.textContent = style;
      document.head.append(sheet);
      tracker.forEach(bind);
      tracker.widgetAdded.connect((_, panel) => bind(panel));
    },
  };
}

/** The container that JupyterLab looks for (module federation, by hand: there is one module). */
const container = {
  init: (scope: Shared) => {
    shared = scope;
  },
  get: async () => {
    const made = { __esModule: true, default: await plugin() };
    return () => made;
  },
};

const { currentScript } = document;
if (currentScript instanceof HTMLScriptElement) filesBeside(currentScript.src);

const page = globalThis as { _JUPYTERLAB?: Record<string, unknown> };
page._JUPYTERLAB = { ...page._JUPYTERLAB, "driftdb-jupyter": container };
