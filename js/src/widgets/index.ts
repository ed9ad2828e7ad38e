import { type StateModel, StateView } from "./state";

/** The front-end module that anywidget loads. */
export default {
  render({ model, el }: { model: StateModel; el: HTMLElement }): () => void {
    const view = new StateView(model, el);
    return () => view.destroy();
  },
};
