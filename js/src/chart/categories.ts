import type { Json } from "../protocol/messages";
import { tagged } from "../widgets/control";
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
/** So many different choices are counted; votes for others are counted together. */
const MOST_NAMES = 1000;
const LONGEST_NAME = 200;
const NONE: Categories = { series: [], rows: [], more: 0 };

/**
 * Read a value as named amounts: an object of numbers, votes (a list of choices, or an object that
 * has a choice under each voter's name), a list of numbers, a list of objects or a frame. What is
 * none of these has no rows.
 */
export function readCategories(value: Json | undefined, style: ChartStyle): Categories {
  const list = Array.isArray(value) ? value : null;
  const object = tagged(value, "$object") ?? value; // a dict that looks like none (docs/values.md)
  if (isRecord(object) && (object !== value || !isTagged(value))) {
    const members = Object.entries(object);
    const choices = members.map(([, each]) => each);
    if (areVotes(choices)) return counted(choices);
    return cut(
      [""],
      members.map(([name, each]) => ({ name, amounts: [numberOf(each)] })),
    );
  }
  if (list !== null && areVotes(list)) return counted(list);
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

/** Counts how often each choice was made, in the order in which they were first. */
export class Votes {
  private readonly counts = new Map<string, number>();
  /** How many were for what came when there were enough names. */
  private others = 0;

  /** Count a vote, which may be for several; nobody's (`null`) is none. */
  add(vote: Json): void {
    for (const choice of Array.isArray(vote) ? vote : [vote]) {
      if (choice === null) continue;
      this.count(shortened(readable(choice)), 1);
    }
  }

  /** Return what several have counted, together. */
  static sum(all: Iterable<Votes>): Votes {
    const sum = new Votes();
    for (const { counts, others } of all) {
      for (const [name, times] of counts) sum.count(name, times);
      sum.others += others;
    }
    return sum;
  }

  private count(name: string, times: number): void {
    const before = this.counts.get(name);
    if (before === undefined && this.counts.size === MOST_NAMES) this.others += times;
    else this.counts.set(name, (before ?? 0) + times);
  }

  get categories(): Categories {
    const rows: Category[] = [];
    for (const [name, count] of this.counts) {
      if (rows.length === MOST_ROWS) break;
      rows.push({ name, amounts: [count] });
    }
    const more = this.counts.size - rows.length + this.others;
    return { series: [""], rows, more };
  }
}

function counted(choices: readonly Json[]): Categories {
  const votes = new Votes();
  for (const each of choices) votes.add(each);
  return votes.categories;
}

function cut(series: readonly string[], rows: readonly Category[]): Categories {
  const shown = rows.slice(0, MOST_ROWS).map(({ name, amounts }) => ({
    name: shortened(name),
    amounts,
  }));
  return { series, rows: shown, more: Math.max(0, rows.length - MOST_ROWS) };
}

function shortened(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
}

/** Whether a value is one that JSON can't hold (docs/values.md). */
function isTagged(value: Json | undefined): boolean {
  const names = isRecord(value) ? Object.keys(value) : [];
  return names.length === 1 && names[0]?.startsWith("$") === true;
}

/** Whether a value is what somebody chose: a text, yes or no, or several texts. */
export function isChoice(value: Json): boolean {
  if (Array.isArray(value)) return value.every((each) => typeof each === "string");
  return typeof value === "string" || typeof value === "boolean";
}

/** Whether these are choices alone, which are counted; some may not have chosen yet (`null`). */
export function areVotes(values: readonly Json[]): boolean {
  return values.some(isChoice) && values.every((each) => each === null || isChoice(each));
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
