import type { Json } from "../protocol/messages";
import { type HomeModel, homeOf } from "./home";
import type { ViewOptions } from "./place";
import { PresenceView } from "./presence";
import { type AskedFor, StateView } from "./state";
import { StreamView } from "./stream";

/** The kernel's side of a view, as far as the front end reads it. */
export interface Model extends HomeModel {
  get(name: "_server" | "_room" | "_key" | "_kind"): string;
  get(name: "_options"): ViewOptions;
  get(name: "_initial"): Json;
  get(name: "_control"): AskedFor;
}

/** Show what a model stands for; returns what ends it. */
function show(model: Model, el: HTMLElement): () => void {
  const home = homeOf(model);
  const key = model.get("_key");
  const kind = model.get("_kind");
  if (kind === "presence" || kind === "stream") {
    const View = kind === "presence" ? PresenceView : StreamView;
    const view = new View(home, key, model.get("_options"), el);
    return () => view.destroy();
  }
  const initial = model.get("_initial") ?? undefined;
  const view = new StateView(home, key, model.get("_control"), initial, el);
  const askedAgain = () => view.ask(model.get("_control"));
  model.on?.("change:_control", askedAgain);
  return () => {
    model.off?.("change:_control", askedAgain);
    view.destroy();
  };
}

/** The front-end module that anywidget loads. */
export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return show(model, el);
  },
};
