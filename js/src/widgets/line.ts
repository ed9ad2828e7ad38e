import { nameOf } from "../client/user";
import type { Entry, Json } from "../protocol/messages";
import { readable } from "./readable";
import { isRecord } from "./record";

/** How an entry is shown: what is read, and what is beside it. */
export interface Line {
  readonly text: string;
  /** When it was, in milliseconds since 1970, where that is known. */
  readonly time: number | null;
  /** Who wrote it, where that is known. */
  readonly author: string | null;
  /** The level of a log record, in lower case. */
  readonly level: string | null;
  readonly progress: Progress | null;
}

/** Where a loop is (driftdb_jupyter.client.objects.stream.progress). */
export interface Progress {
  readonly id: string;
  readonly count: number;
  readonly total: number | null;
  readonly done: boolean;
  readonly failed: boolean;
  /** Whether the loop ended before it was through. */
  readonly stopped: boolean;
}

/** Read an entry of a stream: a text, a record of a logger, a progress, or any value. */
export function readLine({ value, time, user }: Entry): Line {
  const line: Line = {
    text: "",
    time: time ?? null,
    author: nameOf(user),
    level: null,
    progress: null,
  };
  if (typeof value === "string") return { ...line, text: value };
  if (!isRecord(value)) return { ...line, text: readable(value) };
  const progress = readProgress(value);
  if (progress !== null) return { ...line, text: describe(value, progress), progress };
  if (typeof value.message === "string" && typeof value.level === "string") {
    const { message, level } = value;
    return {
      ...line,
      text: message,
      level: level.toLowerCase(),
      time: line.time ?? ownTime(value.time),
    };
  }
  return { ...line, text: readable(value) };
}

/** When a record says that it was made, in milliseconds; `null` beyond what is a date. */
function ownTime(seconds: Json | undefined): number | null {
  const time = new Date(1000 * (finite(seconds) ?? Number.NaN)).getTime();
  return Number.isNaN(time) ? null : time;
}

function readProgress(value: Record<string, Json>): Progress | null {
  const { id, done } = value;
  const count = finite(value.progress);
  if (count === null || typeof id !== "string") return null;
  return {
    id,
    count,
    total: finite(value.total),
    done: done === true,
    failed: typeof value.error === "string",
    stopped: value.stopped === true,
  };
}

function describe(value: Record<string, Json>, { count, total, stopped }: Progress): string {
  const parts = [total === null ? String(count) : `${count} of ${total}`];
  if (typeof value.description === "string") parts.unshift(value.description);
  if (typeof value.seconds === "number") parts.push(`${value.seconds.toFixed(1)} s`);
  if (isRecord(value.postfix))
    for (const [name, each] of Object.entries(value.postfix)) parts.push(`${name} ${shown(each)}`);
  if (typeof value.error === "string") parts.push(value.error);
  else if (stopped) parts.push("stopped");
  return parts.join("  ·  ");
}

function shown(value: Json): string {
  if (typeof value === "number") return String(Number(value.toPrecision(4)));
  return readable(value);
}

/** A number that is one: JSON's `1e999` is not. */
function finite(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
