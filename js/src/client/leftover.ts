/** Pushes that wait, with their ids and keys; `behind`: the id of one that each has to follow. */
export type Pushes = readonly (readonly [
  id: number,
  frame: string,
  key: string,
  behind?: number | null | undefined,
])[];

/**
 * Writes that a page left behind unconfirmed: what the server knows their client by, the time in
 * milliseconds since 1970, the pushes, and whose they are, as the server told. Without names, which
 * each bundle shortens in its own way.
 */
export type Leftover = readonly [secret: string, time: number, pushes: Pushes, person: string];

/** In the storage of the tab, with the room's address behind it. */
const NAME = "driftdb ";

/** In the storage of the tab, with the room's address behind it: who its pages were last. */
const PERSON = "driftdb-person ";

/** Later nobody expects them any more; servers know the ids for longer. */
const KEPT_MILLISECONDS = 600_000;

/**
 * What pages of this tab left behind of a room, the oldest first, whoever's it is. The server counts
 * each write once, by its id, if it had arrived after all.
 */
export function leftovers(url: string): Leftover[] {
  const all = load(NAME + url);
  return (Array.isArray(all) ? (all as Leftover[]) : []).filter(
    ([, time]) => Date.now() - time < KEPT_MILLISECONDS,
  );
}

/** Leave this behind, in the place of what the same client left before. */
export function keepLeftover(url: string, left: Leftover): void {
  store(url, [...leftovers(url).filter(([secret]) => secret !== left[0]), left]);
}

/** Whose the last page of this tab was that the room told so; empty for a guest, or if there was none. */
export function lastPerson(url: string): string {
  return (load(PERSON + url) ?? "") as string;
}

/** Remember for the pages to come whose this one is. */
export function keepPerson(url: string, person: string): void {
  save(PERSON + url, person);
}

function store(url: string, all: readonly Leftover[]): void {
  const left = all.filter(([, , pushes]) => pushes.length > 0);
  left.sort(([, a], [, b]) => a - b);
  save(NAME + url, left.length > 0 && left);
}

function load(name: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "null");
  } catch {
    return null; // Node has no storage, and some frames may not use it
  }
}

/** Nothing is stored where the content is false or empty. */
function save(name: string, content: unknown): void {
  try {
    if (content) sessionStorage.setItem(name, JSON.stringify(content));
    else sessionStorage.removeItem(name);
  } catch {} // there is none, or it is full
}
