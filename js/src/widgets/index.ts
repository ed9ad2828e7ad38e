import { type Model, show } from "./show";

/** The front-end module that anywidget loads. */
export default {
  render({ model, el }: { model: Model; el: HTMLElement }): () => void {
    return show(model, el);
  },
};
