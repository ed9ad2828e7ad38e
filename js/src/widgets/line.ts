import { nameOf } from "../client/user";
import type { Entry, Json } from "../protocol/messages";

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

/** Where a loop is (driftdb_jupyter.client.progress). */
export interface Progress {
  readonly id: string;
  readonly count: number;
  readonly total: number | null;
  readonly done: boolean;
  readonly failed: boolean;
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
  if (!isRecord(value)) return { ...line, text: JSON.stringify(value) };
  const progress = readProgress(value);
  if (progress !== null) return { ...line, text: describe(value, progress), progress };
  if (typeof value.message === "string" && typeof value.level === "string") {
    const own = typeof value.time === "number" ? value.time * 1000 : null;
    return {
      ...line,
      text: value.message,
      level: value.level.toLowerCase(),
      time: line.time ?? own,
    };
  }
  return { ...line, text: JSON.stringify(value) };
}

function readProgress(value: Record<string, Json>): Progress | null {
  const { progress, total, id, done } = value;
  if (typeof progress !== "number" || typeof id !== "string") return null;
  return {
    id,
    count: progress,
    total: typeof total === "number" ? total : null,
    done: done === true,
    failed: typeof value.error === "string",
  };
}

function describe(value: Record<string, Json>, { count, total }: Progress): string {
  const parts = [total === null ? String(count) : `${count} of ${total}`];
  if (typeof value.description === "string") parts.unshift(value.description);
  if (typeof value.seconds === "number") parts.push(`${value.seconds.toFixed(1)} s`);
  if (isRecord(value.postfix))
    for (const [name, each] of Object.entries(value.postfix))
      parts.push(`${name} ${typeof each === "number" ? Number(each.toPrecision(4)) : each}`);
  if (typeof value.error === "string") parts.push(value.error);
  return parts.join("  ·  ");
}

function isRecord(value: Json | undefined): value is Record<string, Json> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
