import { isObject, type Json } from "../protocol/messages";

/** What a user is called, as the server's authentication says; `null` where it knows no name. */
export function nameOf(user: Json | undefined): string | null {
  if (user === undefined || !isObject(user)) return null;
  for (const field of ["display_name", "name", "username"]) {
    const name = user[field];
    if (typeof name === "string" && name !== "") return name;
  }
  return null;
}
