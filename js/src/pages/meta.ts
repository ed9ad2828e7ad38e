import { looksLike } from "../client/kind";
import { isNumber, type LongInteger, rounded } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { readable } from "../widgets/readable";
import { isRecord } from "../widgets/record";
import type { AskedFor } from "../widgets/state";

export type Kind = "state" | "stream" | "channel" | "reducer" | "dict" | "presence";

/** What a key is meant to be (protocol, "Which keys there are"). */
export interface Meta {
  readonly kind: Kind;
  readonly control: AskedFor;
  readonly label: string | null;
  /** The chart that a stream is shown as; `null`: that is not said. */
  readonly chart: Json;
}

const MOST_OPTIONS = 1_000;
const KINDS: readonly string[] = ["state", "stream", "channel", "reducer", "dict", "presence"];

/** Read what anybody may have written; `null` where it says nothing. */
export function readMeta(value: Json | undefined): Meta | null {
  if (!isRecord(value) || typeof value.kind !== "string" || !KINDS.includes(value.kind))
    return null;
  const control = isRecord(value.control) ? readControl(value.control) : {};
  const label = text(value.label) ?? control.label ?? null;
  const chart = isRecord(value.chart) ? value.chart : null;
  return { kind: value.kind as Kind, control: { ...control, label }, label, chart };
}

function readControl(control: Record<string, Json>): AskedFor {
  const { kind, label, description, min, max, step, options, limit_bytes } = control;
  const limit = number(limit_bytes);
  return {
    ...{ kind: text(kind), label: text(label), description: text(description) },
    ...{ min: number(min), max: number(max), step: positive(number(step)) },
    options: (Array.isArray(options) ? options : []).slice(0, MOST_OPTIONS).map(readOption),
    disabled: control.disabled === true,
    read_only: control.read_only === true,
    ...(isRecord(control.chart) ? { chart: control.chart } : {}),
    ...(limit === null ? {} : { limit_bytes: rounded(limit) }),
  };
}

/** A label with its value, or a value that is its own label. */
function readOption(option: Json): [string, Json] {
  if (Array.isArray(option) && option.length === 2 && typeof option[0] === "string")
    return [option[0], option[1] as Json];
  return [readable(option), option];
}

const text = (value: Json | undefined): string | null => (typeof value === "string" ? value : null);
const number = (value: Json | undefined): number | LongInteger | null =>
  value !== undefined && isNumber(value) && Number.isFinite(rounded(value)) ? value : null;
const positive = (value: number | LongInteger | null): number | LongInteger | null =>
  value !== null && rounded(value) > 0 ? value : null;

/**
 * What a key seems to be that nobody describes, by what its stream holds: a state has one value,
 * a reducer its actions and snapshots (npm's `Reducer` writes the same), a dictionary some that set
 * or remove items, and other values that stand in a row are a stream.
 */
export function guessKind(held: readonly Json[]): Kind {
  const newest = held[held.length - 1];
  if (isRecord(newest)) {
    if (looksLike(newest, held.length > 1) === "reducer")
      return held.some(isItemsAction) ? "dict" : "reducer";
  }
  return held.length > 1 ? "stream" : "state";
}

/** Whether a value is an action that sets or removes items of a dictionary, and does nothing else. */
function isItemsAction(value: Json): boolean {
  if (!isRecord(value) || !isRecord(value.apply)) return false;
  const { set, remove, ...others } = value.apply;
  if (Object.keys(others).length > 0 || (set === undefined && remove === undefined)) return false;
  return (set === undefined || isRecord(set)) && (remove === undefined || Array.isArray(remove));
}
