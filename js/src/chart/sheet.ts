import { element } from "../widgets/control";
import { withUnseen } from "../widgets/unseen";
import { figure } from "./figures";

export type Cell = string | number | null;

/** What a chart shows, as rows under a head. */
export interface Sheet {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** How many rows there are, where those here are the newest of them. */
  readonly length?: number;
}

/** So many of the newest rows are read in a page; the file has all. */
export const MOST_ROWS = 200;

/** The rows as CSV (RFC 4180), that spreadsheets take no text in for a formula. */
export function csvOf({ head, rows }: Sheet): string {
  return [head, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

function quoted(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const plain = cell.replace(/\p{Cc}/gu, " ");
  // What stands before them, and whether they are wide, is nothing to some spreadsheets.
  const text = /^[\s\p{Cf}]*[=+\-@＝＋－＠]/u.test(plain) ? `'${plain}` : plain;
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The newest rows as a table to read. */
export function tableOf({ head, rows, length = rows.length }: Sheet, label: string): HTMLElement {
  const table = element("table", "");
  const caption = element("caption", "", { dir: "auto" }, captionOf(label, length));
  const top = element("tr", "");
  for (const name of head)
    top.append(element("th", "", { scope: "col", dir: "auto" }, shown(name)));
  table.append(caption, element("thead", "", {}, top));
  const body = element("tbody", "");
  for (const row of rows.slice(-MOST_ROWS)) {
    const line = element("tr", "");
    row.forEach((cell, column) => {
      const isName = column === 0 && typeof cell === "string";
      const made = element(isName ? "th" : "td", typeof cell === "number" ? "driftdb-numeric" : "");
      if (isName) made.setAttribute("scope", "row");
      made.textContent = shown(cell);
      line.append(made);
    });
    body.append(line);
  }
  table.append(body);
  return table;
}

function captionOf(label: string, length: number): string {
  const all = `${withUnseen(label)}, ${length.toLocaleString("en")} ${length === 1 ? "row" : "rows"}`;
  return length > MOST_ROWS ? `${all}: the newest ${MOST_ROWS}` : all;
}

function shown(cell: Cell): string {
  return cell === null ? "" : typeof cell === "number" ? figure(cell) : withUnseen(cell);
}
