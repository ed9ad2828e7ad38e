import { element } from "../widgets/control";
import type { Home } from "../widgets/home";
import { PresenceView } from "../widgets/presence";

/** Where Python's and our other clients' presences are, unless they say otherwise. */
const KEY = "presence";
/** So many are shown before somebody wants to see more: what is in the room stands below. */
const SHOWN = 12;
const REMEMBERED = "driftdb-name";
/** In the tab, with the room's address behind it, while somebody is there by name. */
const JOINED = "driftdb-joined ";

/**
 * Who is here, and a name to be here under. The name that somebody gave in another room stands in
 * the field; this room's people see it when they join.
 */
export function people(home: Home): HTMLElement {
  const box = element("section", "people", { "aria-label": "Who has joined" });
  const place = element("div", "people-list");
  new PresenceView(
    { ...home, leave: () => {} },
    KEY,
    { label: "Who has joined", nobody: "Nobody has joined by name yet", most: SHOWN },
    place,
  );
  const me = {};
  const presence = home.connection.session.presence(KEY, me);
  const form = element("form", "composer");
  const field = element("input", "field", {
    type: "text",
    placeholder: "Your name",
    "aria-label": "Your name",
    autocomplete: "nickname",
    maxlength: "60",
  });
  const join = element("button", "button", { type: "submit" });
  const { url } = home.connection;
  const be = (name: string) => {
    presence.set(name === "" ? null : { name }, me);
    join.textContent = name === "" ? "Join" : "Leave";
    field.readOnly = name !== "";
  };
  form.append(field, join);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = field.readOnly ? "" : field.value.trim();
    field.value = name;
    be(name);
    remember(name, url);
  });
  field.value = remembered();
  be(hasJoined(url) ? field.value : "");
  box.append(place, form);
  return box;
}

// A browser may refuse to keep anything.

/** Keep the name by which somebody is in the room at an address now; "": they are not. */
export function remember(name: string, url: string): void {
  try {
    localStorage.setItem(REMEMBERED, name);
    if (name === "") sessionStorage.removeItem(JOINED + url);
    else sessionStorage.setItem(JOINED + url, "yes");
  } catch {}
}

/** The name that was given last, in whatever room. */
export function remembered(): string {
  try {
    return localStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return "";
  }
}

/** Whether somebody has joined in this tab, and not left: a reload changes nothing. */
function hasJoined(url: string): boolean {
  try {
    return sessionStorage.getItem(JOINED + url) !== null;
  } catch {
    return false;
  }
}
