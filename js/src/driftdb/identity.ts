import { randomText } from "../client/random";

const CLIENT_ID = "_driftdb_client_id";
let remembered: string | null = null;

/** An id of this browser tab; where the browser keeps none, of this page. */
export function uniqueClientId(): string {
  try {
    remembered ??= sessionStorage.getItem(CLIENT_ID);
  } catch {
    // A browser may refuse to keep anything.
  }
  if (remembered === null) {
    remembered = randomText(16);
    try {
      sessionStorage.setItem(CLIENT_ID, remembered);
    } catch {}
  }
  return remembered;
}
