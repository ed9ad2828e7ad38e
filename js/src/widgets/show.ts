import type { PlaceModel } from "./place";
import { PresenceView } from "./presence";
import { type StateModel, StateView } from "./state";
import { StreamView } from "./stream";

export type Model = StateModel & PlaceModel;

/** Show what a model stands for; returns what ends it. */
export function show(model: Model, el: HTMLElement): { destroy(): void } {
  switch (model.get("_kind")) {
    case "presence":
      return new PresenceView(model, el);
    case "stream":
      return new StreamView(model, el);
    default:
      return new StateView(model, el);
  }
}
