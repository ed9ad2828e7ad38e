import { stringify } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";
import { inWords, readableOrNone } from "./readable";

const LONGEST = 20_000;

/** A text that can't be changed here. */
export function proseControl(source: Source, options: ControlOptions): Control {
  const text = element("p", "driftdb-prose", { "aria-label": options.label, dir: "auto" });
  const show = (value: Json | undefined): void => {
    text.textContent = typeof value === "string" ? value : "";
  };
  show(source.value);
  return { element: text, show };
}

/** Any other value, to be read. */
export function viewControl(source: Source, options: ControlOptions): Control {
  const view = element("pre", "driftdb-view", {
    role: "region",
    "aria-label": options.label,
    tabindex: "0",
    dir: "auto",
  });
  const show = (value: Json | undefined): void => {
    const none = value === undefined || value === null;
    const text = none ? readableOrNone(value) : (inWords(value) ?? stringify(value, null, 2));
    view.textContent = text.length > LONGEST ? `${text.slice(0, LONGEST)}\n…` : text;
  };
  show(source.value);
  return { element: view, show };
}
