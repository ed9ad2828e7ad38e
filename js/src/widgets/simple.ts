import { isNumber } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import type { ControlOptions, MakeControl } from "./control";
import { fieldControl } from "./number";
import { readTable, tableControl } from "./table";
import { areaControl, lineControl } from "./text";
import { toggleControl } from "./toggle";
import { viewControl } from "./view";

/** What a control is made with that nobody asked anything for, but for its label. */
export const NO_OPTIONS: Omit<ControlOptions, "label"> = {
  ...{ min: null, max: null, step: null, options: [], limitBytes: 0 },
};

/** Whether a value can be changed by a simple control. */
export function isEditable(value: Json): boolean {
  return typeof value === "string" || typeof value === "boolean" || isNumber(value);
}

/** The control for a part of a value: to edit a simple one, or to read any. */
export function controlFor(value: Json | undefined, editable: boolean): MakeControl {
  if (!editable) return readTable(value) === null ? viewControl : tableControl;
  if (typeof value === "boolean") return toggleControl;
  if (typeof value !== "string") return fieldControl;
  return value.includes("\n") ? areaControl : lineControl;
}
