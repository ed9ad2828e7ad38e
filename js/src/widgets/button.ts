import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";

/** A button that counts how often anybody pressed it. */
export function buttonControl(source: Source, options: ControlOptions): Control {
  const count = element("span", "driftdb-count", { role: "status", "aria-label": "pressed" });
  const text = element("span", "", { dir: "auto" }, options.label);
  const button = element("button", "driftdb-button", { type: "button" }, text, count);
  const show = (value: Json | undefined): void => {
    count.textContent = typeof value === "number" && value > 0 ? String(value) : "";
  };
  button.addEventListener("click", () =>
    source.update((value) => (typeof value === "number" ? value : 0) + 1),
  );
  show(source.value);
  return { element: button, show };
}
