import type { Connection } from "../client/connection";
import { element } from "../widgets/control";
import type { Shell } from "./shell";

/** Whether the pages of a server are for who is logged in: at Jupyter, or at a hub. */
function hasLogin({ advice, root }: Shell): boolean {
  return advice.startsWith("jupyter") || /\/services\/[^/]+\/$/.test(root);
}

/**
 * A line that says so when the room lets this page in no more, with a button that leads on: to the
 * login, where the server has one, and back here. What was not sent by then is sent after it.
 */
export function loginLine(shell: Shell, connection: Connection): HTMLElement {
  const line = element("p", "trouble", { role: "alert" });
  const text = element("span", "");
  const [label, more] = hasLogin(shell)
    ? ["Log in again", " Your login may have ended."]
    : ["Load this page again", ""];
  const again = element("button", "button", { type: "button" }, label);
  again.addEventListener("click", () => location.reload());
  line.append(text, " ", again);
  const redraw = () => {
    const { phase, text: why } = connection.status;
    line.hidden = phase !== "refused";
    if (!line.hidden) text.textContent = why + more;
  };
  connection.listeners.add(redraw);
  redraw();
  return line;
}
