import { randomText } from "../client/random";

const CLIENT_ID = "_driftdb_client_id";
let remembered: string | null = null;

/** An id of this browser tab, which survives a reload; where nothing can be stored, of this page. */
export function uniqueClientId(): string {
  if (remembered !== null) return remembered;
  remembered = stored(() => sessionStorage.getItem(CLIENT_ID)) ?? randomText(16);
  claim();
  // A tab that is duplicated gets a copy of what is stored: so nothing is while the page is there.
  globalThis.addEventListener?.("pagehide", keep);
  globalThis.addEventListener?.("pageshow", claim);
  return remembered;
}

function claim(): void {
  stored(() => sessionStorage.removeItem(CLIENT_ID));
}

function keep(): void {
  stored(() => sessionStorage.setItem(CLIENT_ID, remembered as string));
}

/** A browser may refuse to keep anything. */
function stored<T>(act: () => T): T | null {
  try {
    return act();
  } catch {
    return null;
  }
}
