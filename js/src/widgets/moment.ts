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
  moment(source, options, "date", "$date");

/** A time of day, with the offset of its zone beside it. */
export const timeControl: MakeControl = (source, options) =>
  moment(source, options, "time", "$time");

/** A day and a time, as the clock on the wall says it, with the offset of its zone beside it. */
export const datetimeControl: MakeControl = (source, options) =>
  moment(source, options, "datetime-local", "$datetime");

/** The controls of a moment: only who sees one can set a moment again that was emptied. */
export const MOMENTS: readonly MakeControl[] = [dateControl, timeControl, datetimeControl];

/** What a moment is written as (docs/values.md): what a field takes, a fraction, an offset. */
const MOMENT = /^(\d{4}-\d\d-\d\d$|.*?\d\d:\d\d(?::\d\d)?)(\.\d+)?(Z|[+-][\d:.]+)?$/;

function moment(source: Source, options: ControlOptions, type: string, tag: string): Control {
  const field = element("input", "driftdb-moment", {
    type,
    "aria-label": options.label,
    step: type === "date" ? "1" : "any",
  });
  const zone = element("span", "driftdb-zone");
  let shown = "";
  /** What the field doesn't show; whoever sets a moment again that was emptied means it, too. */
  let fraction = "";
  let offset = "";
  const show = (value: Json | undefined): void => {
    // What is half typed stands until the field is left.
    if (field.validity.badInput) return;
    const content = tagged(value, tag) ?? value;
    let text = "";
    if (typeof content === "string") {
      [, text = "", fraction = "", offset = ""] = MOMENT.exec(content) ?? [];
      zone.textContent = nameOf(offset);
    }
    // Setting it again, even to the same, begins anew with the part that somebody types.
    if (withSeconds(text) !== withSeconds(field.value)) field.value = text;
    shown = field.value;
  };
  const take = (): void => {
    const { value } = field;
    if (field.validity.badInput || value === shown) return;
    // Whoever sets the hour alone leaves the microseconds.
    const exact = type !== "date" && seconds(value) === seconds(shown) ? fraction : "";
    shown = value;
    const text = type === "date" ? value : withSeconds(value);
    source.write(value === "" ? null : { [tag]: text + exact + offset });
  };
  field.addEventListener("change", take);
  field.addEventListener("blur", () => {
    // Where one part after the other was emptied no change was told.
    take();
    field.value = shown;
    show(source.value);
  });
  show(source.value);
  return { element: element("span", "driftdb-when", {}, field, zone), field, show };
}

/** Browsers leave out seconds that are none; a whole text reads everywhere. */
function withSeconds(text: string): string {
  return text.split(":").length > 2 ? text : `${text}:00`;
}

function seconds(text: string): string | undefined {
  return withSeconds(text).split(":")[2];
}

/** What people call the zone of an offset: `UTC+01:00`; nothing where there is none. */
function nameOf(offset: string): string {
  return /^Z$|^[+-][0:.]+$/.test(offset) ? "UTC" : offset && `UTC${offset}`;
}
