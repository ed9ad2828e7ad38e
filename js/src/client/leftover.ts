/** Pushes that wait, with their ids and keys. */
export type Pushes = readonly (readonly [id: number, frame: string, key: string])[];

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
  try {
    const all: Leftover[] = JSON.parse(sessionStorage.getItem(NAME + url) ?? "[]");
    return all.filter(([, time]) => Date.now() - time < KEPT_MILLISECONDS);
  } catch {
    return []; // Node has no storage, and some frames may not use it
  }
}

/** Leave this behind, and nothing else, the oldest first. */
export function keepLeftovers(url: string, all: Leftover[]): void {
  all.sort(([, a], [, b]) => a - b);
  try {
    if (all.length > 0) sessionStorage.setItem(NAME + url, JSON.stringify(all));
    else sessionStorage.removeItem(NAME + url);
  } catch {} // there is none, or it is full
}

/** Whose the last page of this tab was that the room told so; empty for a guest, or if there was none. */
export function lastPerson(url: string): string {
  try {
    return sessionStorage.getItem(PERSON + url) ?? "";
  } catch {
    return "";
  }
}

/** Remember for the pages to come whose this one is. */
export function keepPerson(url: string, person: string): void {
  try {
    if (person) sessionStorage.setItem(PERSON + url, person);
    else sessionStorage.removeItem(PERSON + url);
  } catch {}
}
