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
  const show = (value: Json | undefined): void => {
    const content = tagged(value, tag) ?? value;
    field.value = typeof content === "string" ? shorten(content) : "";
  };
  field.addEventListener("change", () => {
    const { value } = field;
    if (value === "") source.write(null);
    // Browsers leave out seconds that are none; a whole text reads everywhere.
    else
      source.write({
        [tag]: type === "date" || value.split(":").length > 2 ? value : `${value}:00`,
      });
  });
  show(source.value);
  return { element: field, show };
}
