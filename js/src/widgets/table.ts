import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source, tagged } from "./control";

const MOST_ROWS = 500;

interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (Json | undefined)[])[];
}

/** A list of objects, a list of lists or a frame, as a table to read. */
export function tableControl(source: Source, options: ControlOptions): Control {
  const box = element("div", "driftdb-table", {
    tabindex: "0",
    role: "region",
    "aria-label": options.label,
  });
  const show = (value: Json | undefined): void => {
    const read = readTable(value);
    if (read === null) {
      box.textContent = value === undefined ? "no value yet" : JSON.stringify(value);
      return;
    }
    const { columns, rows } = read;
    const table = element("table", "");
    const head = element("tr", "");
    for (const column of columns) head.append(cell("th", column));
    const body = rows.slice(0, MOST_ROWS).map((row) => {
      const line = element("tr", "");
      for (const each of row) line.append(cell("td", each));
      return line;
    });
    table.append(head, ...body);
    box.replaceChildren(table);
    if (rows.length > MOST_ROWS) {
      const more = element("p", "driftdb-more");
      more.textContent = `… and ${rows.length - MOST_ROWS} more rows`;
      box.append(more);
    }
  };
  show(source.value);
  return { element: box, show };
}

/** Read a table; `null` for what is none. */
export function readTable(value: Json | undefined): Table | null {
  const frame = tagged(value, "$dataframe");
  if (isObject(frame) && Array.isArray(frame.columns) && isObject(frame.data)) {
    const columns = frame.columns.map(String);
    const data = frame.data;
    const lists = columns.map((name) => data[name]);
    const longest = Math.max(0, ...lists.map((list) => (Array.isArray(list) ? list.length : 0)));
    const rows = Array.from({ length: longest }, (_, row) =>
      lists.map((list) => (Array.isArray(list) ? list[row] : undefined)),
    );
    return { columns, rows };
  }
  if (!Array.isArray(value) || value.length === 0) return null;
  if (value.every(Array.isArray)) {
    const width = Math.max(...value.map((row) => row.length));
    return { columns: Array.from({ length: width }, (_, n) => String(n)), rows: value };
  }
  if (!value.every(isObject)) return null;
  const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
  return { columns, rows: value.map((row) => columns.map((name) => row[name])) };
}

function cell(tag: "th" | "td", value: Json | undefined): HTMLTableCellElement {
  const made = element(tag, typeof value === "number" ? "driftdb-numeric" : "");
  if (tag === "th") made.setAttribute("scope", "col");
  if (typeof value === "string") made.textContent = value;
  else made.textContent = value === undefined || value === null ? "" : JSON.stringify(value);
  return made;
}

function isObject(value: Json | null | undefined): value is { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
