import { roomUrl } from "../client/address";
import { DetouredConnection } from "../client/detour";
import { Door, NotLetIn } from "../share/door";
import { ticketSockets } from "../share/ticket_socket";
import { element } from "../widgets/control";
import { remember, remembered } from "./people";
import { showRoom } from "./room_view";
import { readShell } from "./shell";

/** The page of a room for who has a share link to it, and no account. */

const RETRY_MILLISECONDS = 2_000;

const shell = readShell();
const url = roomUrl(shell.root, shell.room);
const alone = new URLSearchParams(location.search).get("key");
const kept = `driftdb-link ${url}`;
addEventListener("hashchange", () => location.reload()); // another link was put into the address
const secret = takeSecret();
if (secret === null) notice("This page opens by a link. Open that again, or ask for another one.");
else void enter(new Door(url, secret));

/**
 * The link's secret leaves the address, so that nobody passes it on with that, or reads it over a
 * shoulder; a reload finds it in the tab, with which it is gone.
 */
function takeSecret(): string | null {
  const [, given] = /^#(link_[\w-]+)$/.exec(location.hash) ?? [];
  try {
    if (given === undefined) return sessionStorage.getItem(kept);
    sessionStorage.setItem(kept, given);
  } catch {
    return given ?? null; // where a tab keeps nothing, the address does
  }
  history.replaceState(null, "", location.pathname + location.search);
  return given;
}

async function enter(door: Door): Promise<void> {
  let asked = false;
  for (;;) {
    try {
      await door.knock();
      show(door, asked);
      return;
    } catch (error) {
      if (!(error instanceof NotLetIn)) {
        notice("The server can't be reached; trying again.");
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
      } else if (error.asksName) {
        const before = asked ? "" : nameInTab();
        asked = true;
        door.name = before || (await name());
      } else {
        notice(error.message);
        return;
      }
    }
  }
}

/** Ask for a name, which others see. */
function name(): Promise<string> {
  const form = element("form", "composer");
  const field = element("input", "field", {
    ...{ type: "text", required: "", maxlength: "60", autocomplete: "nickname" },
    ...{ placeholder: "Your name", "aria-label": "Your name" },
  });
  field.value = remembered();
  const go = element("button", "button main", { type: "submit" }, "Go in");
  form.append(field, go);
  notice("Whoever is in this room sees the name that you go in by.", form);
  field.focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = field.value.trim();
      if (given === "") return;
      remember(given, url);
      nameInTab(given);
      resolve(given);
    });
  });
}

/** The name that was given in this tab, which a reload asks for no more; `given`: the one to keep. */
function nameInTab(given?: string): string {
  try {
    if (given !== undefined) sessionStorage.setItem(`${kept} name`, given);
    return sessionStorage.getItem(`${kept} name`) ?? "";
  } catch {
    return "";
  }
}

function show(door: Door, withPeople: boolean): void {
  const connection = new DetouredConnection(url, { WebSocket: ticketSockets(door) });
  // What a link doesn't allow is no fault: the page asks for all that a room may have.
  const { onError } = connection.session;
  connection.session.onError = (code, message) => {
    if (code !== "forbidden") onError(code, message);
  };
  connection.listeners.add(() => {
    const { phase, text } = connection.status;
    if (phase !== "refused" && phase !== "gone") return;
    connection.close();
    notice(phase === "gone" ? "This room isn't there any more." : text);
  });
  document.body.replaceChildren();
  showRoom(shell, connection, alone, { tools: [], withPeople });
}

/** Show a sentence in the place of all else. */
function notice(text: string, ...more: HTMLElement[]): void {
  const box = element("main", "notice");
  const title = element("h1", "", {}, "Room");
  const line = element("p", "", { role: "status" }, text);
  box.append(title, line, ...more);
  document.body.replaceChildren(box);
}
