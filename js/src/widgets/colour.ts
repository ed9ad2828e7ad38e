import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";

/** A colour, as `#rrggbb`. */
export function colourControl(source: Source, options: ControlOptions): Control {
  const field = element("input", "driftdb-colour", { type: "color", "aria-label": options.label });
  const show = (value: Json | undefined): void => {
    if (typeof value === "string" && /^#[0-9a-f]{6}$/i.test(value)) field.value = value;
  };
  field.addEventListener("input", () => source.write(field.value));
  show(source.value);
  return { element: field, field, show };
}
