import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";

/** A switch. */
export function toggleControl(source: Source, options: ControlOptions): Control {
  const toggle = element("button", "driftdb-toggle", {
    type: "button",
    role: "switch",
    "aria-label": options.label,
  });
  toggle.append(element("span", "driftdb-track", {}, element("span", "driftdb-knob")));
  const show = (value: Json | undefined): void =>
    toggle.setAttribute("aria-checked", String(value === true));
  toggle.addEventListener("click", () => source.write(source.value !== true));
  show(source.value);
  return { element: toggle, field: toggle, show };
}
