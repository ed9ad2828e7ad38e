import { isObject, type Json } from "../protocol/messages";
import type { StateForm } from "../protocol/objects";

/**
 * How a state's value stands in its stream: as DriftDB's npm client `StateListener` writes it,
 * where the mark `i` tells it its own writes apart. Ours is empty: an ack tells us.
 */
export function wrap(value: Json): Json {
  return { v: value, i: "" } satisfies StateForm;
}

/** The value that was written; what has another form is a value as it is. */
export function unwrap(form: Json): Json {
  if (!isObject(form)) return form;
  const { v, i, ...more } = form;
  const fits = v !== undefined && typeof i === "string" && Object.keys(more).length === 0;
  return fits ? v : form;
}
