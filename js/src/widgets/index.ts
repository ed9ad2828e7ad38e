import type { PlaceModel } from "./place";
import { PresenceView } from "./presence";
import { type StateModel, StateView } from "./state";
import { StreamView } from "./stream";

type Model = StateModel & PlaceModel;

/** Show what a model stands for; returns what ends it. */
function show(model: Model, el: HTMLElement): { destroy(): void } {
  switch (model.get("_kind")) {
    case "presence":
      return new PresenceView(model, el);
    case "stream":
      return new StreamView(model, el);
    default:
      return new StateView(model, el);
  }
}

/** The front-end module that anywidget loads. */
export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    const view = show(model, el);
    return () => view.destroy();
  },
};
