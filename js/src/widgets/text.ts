import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";
import { focusedIn } from "./focus";
import { merged, moved } from "./merge";

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
  field.dir = "auto";
  let composing = false;
  /** What the field showed before somebody typed; a line of text has no line breaks, say. */
  let base = "";
  const show = (value: Json | undefined): void => {
    if (composing || (typeof value !== "string" && value !== null)) return;
    const text = typeof value === "string" ? value : "";
    const { value: before, selectionStart, selectionEnd, selectionDirection, scrollTop } = field;
    if (text !== before) {
      field.value = text;
      if (focusedIn(field) !== null) {
        const [start, end] = [selectionStart ?? 0, selectionEnd ?? 0].map((place) =>
          moved(place, before, field.value),
        ) as [number, number];
        field.setSelectionRange(start, end, selectionDirection ?? "none");
        field.scrollTop = scrollTop;
      }
    }
    base = field.value;
  };
  const typed = (): void => {
    const [before, mine] = [base, field.value];
    base = mine;
    // Two who type at the same time both have their letters in it.
    source.update((now) => (typeof now === "string" ? merged(before, mine, now) : mine));
  };
  field.addEventListener("input", () => {
    if (!composing) typed();
  });
  field.addEventListener("compositionstart", () => {
    composing = true;
  });
  field.addEventListener("compositionend", () => {
    composing = false;
    typed();
    show(source.value);
  });
  show(source.value);
  return { element: field, field, show };
}
