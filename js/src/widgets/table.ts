import { isNumber } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source, tagged } from "./control";
import { readable, readableOrNone } from "./readable";
import { field, isRecord } from "./record";

/** So many are shown. */
const MOST_ROWS = 500;
const MOST_COLUMNS = 50;

interface Table {
  readonly columns: readonly string[];
  /** How many rows there are. */
  readonly length: number;
  row(index: number): readonly (Json | undefined)[];
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
      box.textContent = readableOrNone(value);
      return;
    }
    const { columns, length } = read;
    const table = element("table", "");
    const head = element("tr", "");
    for (const column of columns.slice(0, MOST_COLUMNS)) head.append(cell("th", column));
    table.append(head);
    for (let index = 0; index < Math.min(length, MOST_ROWS); index += 1) {
      const line = element("tr", "");
      for (const each of read.row(index)) line.append(cell("td", each));
      table.append(line);
    }
    box.replaceChildren(table);
    const more = [
      ...left(columns.length - MOST_COLUMNS, "column"),
      ...left(length - MOST_ROWS, "row"),
    ];
    if (more.length > 0) {
      const note = element("p", "driftdb-more", {}, `… and ${more.join(" and ")}`);
      box.append(note);
    }
  };
  show(source.value);
  return { element: box, show };
}

function left(count: number, what: string): string[] {
  return count > 0 ? [`${count} more ${what}${count === 1 ? "" : "s"}`] : [];
}

/** Read a table; `null` for what is none. Of its rows only the columns that are shown are read. */
export function readTable(value: Json | undefined): Table | null {
  const frame = tagged(value, "$dataframe");
  if (isRecord(frame) && Array.isArray(frame.columns) && isRecord(frame.data)) {
    const columns = frame.columns.map((name) =>
      typeof name === "string" ? name : JSON.stringify(name),
    );
    const { data } = frame;
    const lists = columns.map((name) => {
      const list = field(data, name);
      return Array.isArray(list) ? list : [];
    });
    const shown = lists.slice(0, MOST_COLUMNS);
    return { columns, length: longest(lists), row: (index) => shown.map((list) => list[index]) };
  }
  if (!Array.isArray(value) || value.length === 0) return null;
  const { length } = value;
  if (value.every(Array.isArray)) {
    const columns = Array.from({ length: longest(value) }, (_, n) => String(n));
    return { columns, length, row: (index) => (value[index] ?? []).slice(0, MOST_COLUMNS) };
  }
  if (!value.every(isRecord)) return null;
  const columns = [...new Set(value.flatMap((row) => Object.keys(row)))];
  const shown = columns.slice(0, MOST_COLUMNS);
  return {
    columns,
    length,
    row: (index) => shown.map((name) => field(value[index] ?? {}, name)),
  };
}

function longest(lists: readonly (readonly Json[])[]): number {
  return lists.reduce((most, { length }) => Math.max(most, length), 0);
}

function cell(tag: "th" | "td", value: Json | undefined): HTMLTableCellElement {
  const made = element(tag, isNumber(value) ? "driftdb-numeric" : "");
  if (tag === "th") made.setAttribute("scope", "col");
  made.textContent = value === undefined || value === null ? "" : readable(value);
  return made;
}
