import type { Connection } from "../client/connection";

/** Have the browser ask before a page is left whose writes the room doesn't have yet. */
export function askBeforeLeaving(connection: Connection): void {
  addEventListener("beforeunload", (event) => {
    if (connection.waiting > 0) event.preventDefault();
  });
}
