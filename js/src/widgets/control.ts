import type { LongInteger } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { isRecord } from "./record";

/** What the author of a state asked for. */
export interface ControlOptions {
  readonly label: string;
  readonly min: number | LongInteger | null;
  readonly max: number | LongInteger | null;
  readonly step: number | null;
  /** What can be chosen: labels with their values. */
  readonly options: readonly (readonly [string, Json])[];
  /** The largest file. */
  readonly limitBytes: number;
  /** How a chart is to look. */
  readonly chart?: Json;
}

/** A way to show a value, and perhaps to change it. */
export interface Control {
  readonly element: HTMLElement;
  /** What the label is for: what a press on it presses, or goes to; a group has no such part. */
  readonly field?: HTMLElement;
  /** Show the room's value; a control in somebody's hand waits until it is let go. */
  show(value: Json | undefined): void;
  /** It is out of the page for good. */
  destroy?(): void;
}

/** What a control needs of the state that it stands for. */
export interface Source {
  /** The value to show now. */
  readonly value: Json | undefined;
  write(value: Json): void;
  /** Write what a function makes of the value, such that nobody's update is lost. */
  update(step: (value: Json | undefined) => Json): void;
}

export type MakeControl = (source: Source, options: ControlOptions) => Control;

/** Make an element with what is in it; texts and attributes are never HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  attributes: Record<string, string> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (children.length > 0) made.append(...children);
  return made;
}

/** The content of a value that JSON can't hold (docs/values.md); `null` where it is none. */
export function tagged(value: Json | undefined, tag: string): Json | null {
  if (!isRecord(value)) return null;
  const names = Object.keys(value);
  return names.length === 1 && names[0] === tag ? (value[tag] ?? null) : null;
}
