import type { Session } from "../client/session";
import { element } from "../widgets/control";

/** A line to write to a channel. */
export function composer(session: Session, key: string): HTMLFormElement {
  const form = element("form", "composer");
  const field = element("input", "field", {
    type: "text",
    placeholder: "Message",
    "aria-label": `A message to ${key}`,
    autocomplete: "off",
  });
  const send = element("button", "button", { type: "submit" }, "Send");
  form.append(field, send);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (field.value === "") return;
    const listener = { pushed: () => {} };
    const log = session.log(key, listener, false);
    log.listeners.delete(listener);
    log.push(field.value, false);
    field.value = "";
  });
  return form;
}
