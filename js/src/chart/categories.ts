import type { Json } from "../protocol/messages";
import { readable } from "../widgets/readable";
import { isRecord } from "../widgets/record";
import { readTable } from "../widgets/table";
import { numberOf } from "./reader";
import type { ChartStyle } from "./style";

/** Named amounts: of each name one or, in the order of `series`, several. */
export interface Categories {
  readonly series: readonly string[];
  readonly rows: readonly Category[];
  /** How many more there are that are not among the rows. */
  readonly more: number;
}

export interface Category {
  readonly name: string;
  readonly amounts: readonly (number | null)[];
}

const MOST_ROWS = 100;
const MOST_SERIES = 8;
const LONGEST_NAME = 200;
const NONE: Categories = { series: [], rows: [], more: 0 };

/**
 * Read a value as named amounts: an object of numbers, votes (a list of choices, or an object that
 * has a choice under each voter's name), a list of numbers, a list of objects or a frame. What is
 * none of these has no rows.
 */
export function readCategories(value: Json | undefined, style: ChartStyle): Categories {
  const list = Array.isArray(value) ? value : null;
  if (isRecord(value) && !Object.keys(value).some((name) => name.startsWith("$"))) {
    const members = Object.entries(value);
    if (members.length > 0 && members.every(([, each]) => isChoice(each)))
      return votes(members.map(([, each]) => each));
    return cut(
      [""],
      members.map(([name, each]) => ({ name, amounts: [numberOf(each)] })),
    );
  }
  if (list?.length && list.every(isChoice)) return votes(list);
  if (list?.length && list.every((each) => numberOf(each) !== null))
    return cut(
      [""],
      list.map((each, place) => ({ name: String(place + 1), amounts: [numberOf(each)] })),
    );
  const table = readTable(value);
  return table === null ? NONE : ofTable(table, style);
}

function ofTable(table: NonNullable<ReturnType<typeof readTable>>, style: ChartStyle): Categories {
  const rows = Array.from({ length: table.length }, (_, index) => table.row(index));
  const isNumeric = (column: number) => rows.some((row) => numberOf(row[column]) !== null);
  const all = table.columns.map((name, column) => ({ name, column }));
  const named =
    all.find(({ name, column }) => (style.x === null ? !isNumeric(column) : name === style.x)) ??
    null;
  const series = (
    style.y === null
      ? all.filter((each) => each !== named && isNumeric(each.column))
      : style.y.flatMap((name) => all.filter((each) => each.name === name))
  ).slice(0, MOST_SERIES);
  if (series.length === 0) return NONE;
  return cut(
    series.map(({ name }) => name),
    rows.map((row, place) => {
      const name = named === null ? undefined : row[named.column];
      return {
        name: name === undefined || name === null ? String(place + 1) : readable(name),
        amounts: series.map(({ column }) => numberOf(row[column])),
      };
    }),
  );
}

/** Count how often each choice was made, in the order in which they were first. */
function votes(choices: readonly Json[]): Categories {
  const counts = new Map<string, number>();
  for (const choice of choices.flat()) {
    const name = readable(choice as Json);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return cut(
    [""],
    [...counts].map(([name, count]) => ({ name, amounts: [count] })),
  );
}

function cut(series: readonly string[], rows: readonly Category[]): Categories {
  const shown = rows.slice(0, MOST_ROWS).map(({ name, amounts }) => ({
    name: name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name,
    amounts,
  }));
  return { series, rows: shown, more: Math.max(0, rows.length - MOST_ROWS) };
}

/** Whether a value is what somebody chose: a text, yes or no, or several texts. */
function isChoice(value: Json): boolean {
  if (Array.isArray(value)) return value.every((each) => typeof each === "string");
  return typeof value === "string" || typeof value === "boolean";
}

/** Whether a list holds choices alone, which are counted. */
export function areVotes(values: readonly Json[]): boolean {
  return values.length > 0 && values.every(isChoice);
}

/** The rows of a value that is drawn point by point; of one that has none: none. */
export function rowsOf(value: Json | undefined): Json[] {
  if (Array.isArray(value) && !value.every(Array.isArray)) return value;
  const table = readTable(value);
  if (table === null) return [];
  return Array.from({ length: table.length }, (_, index) => {
    const row = table.row(index);
    return Object.fromEntries(
      table.columns.flatMap((name, column) => {
        const cell = row[column];
        return cell === undefined ? [] : [[name, cell]];
      }),
    );
  });
}
