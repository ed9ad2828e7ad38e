/** Pushes that wait, with their ids and keys. */
export type Pushes = readonly (readonly [id: number, frame: string, key: string])[];

/**
 * Writes that a page left behind unconfirmed: what the server knows their client by, the time in
 * milliseconds since 1970, and the pushes. Without names, which each bundle shortens in its own way.
 */
type Leftover = readonly [secret: string, time: number, pushes: Pushes];

/** In the storage of the tab, with the room's address behind it. */
const NAME = "driftdb ";

/** Later nobody expects them any more; servers know the ids for longer. */
const KEPT_MILLISECONDS = 600_000;

/**
 * Take what pages of this tab left behind of a room. The server counts each once, by its id, if it
 * had arrived after all.
 */
export function takeLeftovers(url: string): Leftover[] {
  try {
    const name = NAME + url;
    const all: Leftover[] = JSON.parse(sessionStorage.getItem(name) ?? "[]");
    sessionStorage.removeItem(name);
    return all.filter(([, time]) => Date.now() - time < KEPT_MILLISECONDS);
  } catch {
    return []; // Node has no storage, and some frames may not use it
  }
}

/** Leave writes behind for the next page in this tab, in the place of the client's earlier ones. */
export function leaveBehind(url: string, secret: string, pushes: Pushes): void {
  const all = takeLeftovers(url).filter(([other]) => other !== secret);
  if (pushes.length > 0) all.push([secret, Date.now(), pushes]);
  try {
    if (all.length > 0) sessionStorage.setItem(NAME + url, JSON.stringify(all));
  } catch {} // there is none, or it is full
}
