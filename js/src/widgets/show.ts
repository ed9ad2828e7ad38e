import { parse } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { FoldedView } from "./folded";
import { type HomeModel, homeOf } from "./home";
import { keepKeys } from "./keys";
import type { ViewOptions } from "./place";
import { PresenceView } from "./presence";
import { type AskedFor, StateView } from "./state";
import { StreamView } from "./stream";

/** The kernel's side of a view, as far as the front end reads it; or what a notebook kept of it. */
export interface Model extends HomeModel {
  get(name: "_server" | "_room" | "_key" | "_kind"): string;
  get(name: "_options"): ViewOptions;
  /** The JSON text of the value when it was shown: with all digits of long integers. */
  get(name: "_initial"): string | null | undefined;
  /** The JSON text, too, of what is shown until the room has answered. */
  get(name: "_remembered"): string | null | undefined;
  /** What the author asked for, or its JSON text: with all digits of long integers. */
  get(name: "_control"): AskedFor | string;
  get(name: "_dom_classes"): readonly string[] | undefined;
}

/** Show what a model stands for; returns what ends it. */
export function show(model: Model, el: HTMLElement): () => void {
  const home = homeOf(model);
  const key = model.get("_key");
  const kind = model.get("_kind");
  const giveKeysBack = keepKeys(el);
  if (kind === "presence" || kind === "stream") {
    const View = kind === "presence" ? PresenceView : StreamView;
    const view = new View(home, key, model.get("_options"), el);
    return () => {
      giveKeysBack();
      view.destroy();
    };
  }
  if (kind === "dict" || kind === "reducer") {
    const options = model.get("_options");
    const view = new FoldedView(home, key, kind, options, read(model, "_remembered"), el);
    return () => {
      giveKeysBack();
      view.destroy();
    };
  }
  if (kind === "chart") {
    const { label = null, chart = {} } = model.get("_options");
    const asked = { kind, label, chart, read_only: true } as AskedFor;
    const view = new StateView(home, key, asked, { remembered: read(model, "_remembered") }, el);
    return () => {
      giveKeysBack();
      view.destroy();
    };
  }
  const without = { initial: read(model, "_initial"), remembered: read(model, "_remembered") };
  const view = new StateView(home, key, askedFor(model), without, el);
  const askedAgain = () => view.reconfigure(askedFor(model));
  let classes = model.get("_dom_classes") ?? [];
  // anywidget gives the element those alone that it has at first.
  const dress = () => {
    el.classList.remove(...classes);
    classes = model.get("_dom_classes") ?? [];
    el.classList.add(...classes);
  };
  model.on?.("change:_control", askedAgain);
  model.on?.("change:_dom_classes", dress);
  return () => {
    model.off?.("change:_control", askedAgain);
    model.off?.("change:_dom_classes", dress);
    giveKeysBack();
    view.destroy();
  };
}

function read(model: Model, name: "_initial" | "_remembered"): Json | undefined {
  const text = name === "_initial" ? model.get(name) : model.get(name);
  return text == null ? undefined : (parse(text) as Json);
}

function askedFor(model: Model): AskedFor {
  const asked = model.get("_control");
  return typeof asked === "string" ? (parse(asked) as AskedFor) : asked;
}
