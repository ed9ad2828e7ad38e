import { roomUrl } from "../client/address";
import { join } from "../client/rooms";
import { element } from "../widgets/control";
import { showRoom } from "./room_view";
import { shareButton } from "./share";
import { pathOf, readShell } from "./shell";

const shell = readShell();
const alone = new URLSearchParams(location.search).get("key");
const path = pathOf(shell.room, "page", alone);
const other = alone === null ? anchor("Inspect", "inspect") : anchor("Whole room", "page");
const tools = [shareButton(shell, path, alone), other];
showRoom(shell, join(roomUrl(shell.root, shell.room)), alone, { tools, withPeople: true });

function anchor(text: string, what: string): HTMLAnchorElement {
  const link = element("a", "button");
  link.href = shell.root + pathOf(shell.room, what);
  link.textContent = text;
  return link;
}
