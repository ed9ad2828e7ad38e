import { element } from "../widgets/control";
import type { Home } from "../widgets/home";
import { PresenceView } from "../widgets/presence";

/** Where Python's and our other clients' presences are, unless they say otherwise. */
const KEY = "presence";
const REMEMBERED = "driftdb-name";

/** Who is here, and a name to be here under. */
export function people(home: Home): HTMLElement {
  const box = element("section", "people", { "aria-label": "Who has joined" });
  const place = element("div", "people-list");
  new PresenceView(
    { ...home, leave: () => {} },
    KEY,
    { label: "Who has joined", nobody: "Nobody has joined by name yet" },
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
  const be = (name: string) => {
    presence.set(name === "" ? null : { name }, me);
    field.value = name;
    join.textContent = name === "" ? "Join" : "Leave";
    field.readOnly = name !== "";
    remember(name);
  };
  form.append(field, join);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    be(field.readOnly ? "" : field.value.trim());
  });
  be(remembered());
  box.append(place, form);
  return box;
}

// A browser may refuse to keep anything.

export function remember(name: string): void {
  try {
    localStorage.setItem(REMEMBERED, name);
  } catch {}
}

export function remembered(): string {
  try {
    return localStorage.getItem(REMEMBERED) ?? "";
  } catch {
    return "";
  }
}
