import type { Connection } from "../client/connection";
import { element } from "../widgets/control";

/** A line to write to a channel. */
export class Composer {
  readonly element = element("form", "composer");
  private readonly set = element("fieldset", "driftdb-set");

  constructor(
    private readonly connection: Connection,
    private readonly key: string,
  ) {
    const field = element("input", "field", {
      type: "text",
      placeholder: "Message",
      "aria-label": `A message to ${key}`,
      autocomplete: "off",
    });
    const send = element("button", "button", { type: "submit" }, "Send");
    this.set.append(field, send);
    this.element.append(this.set);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.value === "") return;
      const listener = { pushed: () => {} };
      const log = connection.session.log(key, listener, false);
      log.listeners.delete(listener);
      log.push(field.value, false);
      field.value = "";
    });
    connection.listeners.add(this.redraw);
    this.redraw();
  }

  destroy(): void {
    this.connection.listeners.delete(this.redraw);
    this.element.remove();
  }

  private readonly redraw = (): void => {
    this.set.disabled = !this.connection.session.allows(this.key, "relay");
  };
}
