import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";

/** A field for a line of text. */
export function lineControl(source: Source, options: ControlOptions): Control {
  return textControl(element("input", "driftdb-text", { type: "text" }), source, options);
}

/** A field for text of several lines. */
export function areaControl(source: Source, options: ControlOptions): Control {
  return textControl(element("textarea", "driftdb-text", { rows: "4" }), source, options);
}

function textControl(
  field: HTMLInputElement | HTMLTextAreaElement,
  source: Source,
  options: ControlOptions,
): Control {
  field.setAttribute("aria-label", options.label);
  let composing = false;
  const show = (value: Json | undefined): void => {
    if (typeof value !== "string" || value === field.value || composing) return;
    // While somebody types, their own text stands until the room has it.
    const typing = field === field.ownerDocument.activeElement;
    if (typing && source.pending) return;
    const { selectionStart, selectionEnd } = field;
    field.value = value;
    if (typing) field.setSelectionRange(selectionStart, selectionEnd);
  };
  field.addEventListener("input", () => {
    if (!composing) source.write(field.value);
  });
  field.addEventListener("compositionstart", () => {
    composing = true;
  });
  field.addEventListener("compositionend", () => {
    composing = false;
    source.write(field.value);
  });
  field.addEventListener("blur", () => show(source.value));
  show(source.value);
  return { element: field, show };
}
