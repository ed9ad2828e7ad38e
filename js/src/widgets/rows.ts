import type { Entry } from "../protocol/messages";
import { PLAIN, readAnsi, type Style } from "./ansi";
import { readLine } from "./line";

/** Wherever Unicode, or a terminal, begins a new line. */
const BREAK = /\r\n|[\n\v\f\u0085\u2028\u2029]/g;
/** One at the end ends the last line, and begins none. */
const LAST = /(?:\r\n|[\n\v\f\u0085\u2028\u2029])$/;
/** Of one entry that many rows are shown. */
const MOST_ROWS = 1_000;

/** A row of a log: an entry, or one line of it. */
export interface Row {
  readonly entry: Entry;
  /** Which of the entry's lines it is. */
  readonly part: number;
  /** What stands there; `null`: all that the entry says, which is one line. */
  readonly text: string | null;
  /** How it begins. */
  readonly style: Style;
}

/** The rows of an entry that begins as the row before it ended, and how the next one begins. */
export function rowsOf(entry: Entry, before: Style): { rows: Row[]; after: Style } {
  const { text, progress } = readLine(entry);
  // Where a loop is fits on one line; what is no text is JSON, which is one.
  const lines = progress === null ? linesOf(text) : [text];
  let style = before;
  const rows = lines.map((line, part) => {
    const row = { entry, part, text: lines.length === 1 ? null : line, style };
    if (line.includes("\u001b") || line.includes("\u009b")) style = readAnsi(line, style).after;
    return row;
  });
  return { rows, after: typeof entry.value === "string" ? style : before };
}

/** What a row says. */
export function textOf({ entry, text }: Row): string {
  return text ?? readLine(entry).text;
}

/** The text of a row as it is read: without what styles it, and what was written over. */
export function plainText(row: Row): string {
  return readAnsi(textOf(row), PLAIN)
    .pieces.map(({ text }) => text)
    .join("");
}

function linesOf(text: string): string[] {
  const [end = ""] = LAST.exec(text) ?? [];
  const whole = text.slice(0, text.length - end.length);
  const lines = whole.split(BREAK, MOST_ROWS + 1);
  if (lines.length <= MOST_ROWS) return lines;
  const all = (whole.match(BREAK) ?? []).length + 1;
  return [...lines.slice(0, MOST_ROWS), `… (${all} lines)`];
}
