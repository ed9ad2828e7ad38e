import type { Json } from "../protocol/messages";
import {
  type Control,
  type ControlOptions,
  element,
  type MakeControl,
  type Source,
  tagged,
} from "./control";

/** A day. */
export const dateControl: MakeControl = (source, options) =>
  moment(source, options, "date", "$date", (text) => text.slice(0, 10));

/** A time of day. */
export const timeControl: MakeControl = (source, options) =>
  moment(source, options, "time", "$time", (text) => text.slice(0, 8));

/** A day and a time, as the clock on the wall says it: a time zone is not shown, and not kept. */
export const datetimeControl: MakeControl = (source, options) =>
  moment(source, options, "datetime-local", "$datetime", (text) => text.slice(0, 19));

/** The controls of a moment: only who sees one can set a moment again that was emptied. */
export const MOMENTS: readonly MakeControl[] = [dateControl, timeControl, datetimeControl];

function moment(
  source: Source,
  options: ControlOptions,
  type: string,
  tag: string,
  shorten: (text: string) => string,
): Control {
  const field = element("input", "driftdb-moment", {
    type,
    "aria-label": options.label,
    step: type === "date" ? "1" : "any",
  });
  let shown = "";
  const show = (value: Json | undefined): void => {
    // What is half typed stands until the field is left.
    if (field.validity.badInput) return;
    const content = tagged(value, tag) ?? value;
    const text = typeof content === "string" ? shorten(content) : "";
    if (text !== field.value) field.value = text;
    shown = field.value;
  };
  const take = (): void => {
    const { value } = field;
    if (field.validity.badInput || value === shown) return;
    shown = value;
    if (value === "") source.write(null);
    // Browsers leave out seconds that are none; a whole text reads everywhere.
    else
      source.write({
        [tag]: type === "date" || value.split(":").length > 2 ? value : `${value}:00`,
      });
  };
  field.addEventListener("change", take);
  field.addEventListener("blur", () => {
    // Where one part after the other was emptied no change was told.
    take();
    field.value = shown;
    show(source.value);
  });
  show(source.value);
  return { element: field, show };
}
