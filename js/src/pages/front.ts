import { xsrf } from "../client/xsrf";
import { element } from "../widgets/control";
import { copyButton } from "./copy";
import { invitation } from "./share";
import { pathOf, readShell, shareable } from "./shell";
import { type Snippet, snippets } from "./snippets";
import { Tabs } from "./tabs";

const shell = readShell();
const root = location.origin + shell.root;

// Ids, and under JupyterHub the names of a person's or group's rooms, which quote what isn't a letter.
const NAMES = /^#([\w-]+|(?:user|group):(?:[\w.~@:-]|%[\dA-F]{2})+)$/;

/**
 * The room that was made here stays in the address, so that a reload finds it again; anything else
 * that stands there would get into code that people run.
 */
const made = () => NAMES.exec(location.hash)?.[1] ?? null;

const place = element("section", "made", { "aria-label": "Your room", "aria-live": "polite" });
const code = element("section", "use", { "aria-label": "How to use it" });
document.body.classList.add("front");
document.body.append(page());
addEventListener("hashchange", show);
show();

function page(): HTMLElement {
  const main = element("main", "front-page");
  const title = element("h1", "", {}, "A room for live values");
  const lead = element("p", "lead");
  lead.textContent =
    "Whoever opens the same room shares what is in it: values, streams, messages, and who is " +
    "here; notebooks, scripts, browsers and phones alike. What one changes, all see at once.";
  main.append(title, lead, ways(), place, code);
  return main;
}

/** To a new room, and to one that there is. */
function ways(): HTMLElement {
  const box = element("div", "ways");
  const make = element("button", "button main", { type: "button" }, "Make a room");
  const outcome = element("p", "outcome wrong", { role: "alert" });
  make.addEventListener("click", async () => {
    outcome.textContent = "";
    try {
      const answer = await fetch(`${root}new`, { method: "POST", headers: xsrf(root) });
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
      const { room } = (await answer.json()) as { room: string };
      location.hash = room;
    } catch (error) {
      outcome.textContent = `No room was made: ${(error as Error).message}.`;
    }
  });
  const form = element("form", "composer");
  const field = element("input", "field", {
    type: "text",
    placeholder: "A room's id or link",
    "aria-label": "A room's id or link",
    required: "",
  });
  const open = element("button", "button", { type: "submit" }, "Open");
  form.append(field, open);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.href = root + pathOf(nameIn(field.value.trim()));
  });
  box.append(make, form, outcome);
  return box;
}

/** The name of a room in what somebody typed: a link, or the name itself. */
function nameIn(typed: string): string {
  const [, linked] = /\/room\/([^/?#]+)/.exec(typed) ?? [];
  if (linked === undefined) return typed;
  try {
    return decodeURIComponent(linked);
  } catch {
    return linked; // no link that a page wrote
  }
}

function show(): void {
  const room = made();
  place.hidden = room === null;
  place.replaceChildren();
  if (room !== null) {
    const title = element("h2", "", {}, "Your room");
    const links = element("div", "bar");
    for (const [text, what] of [
      ["Open the room", "page"],
      ["Inspect it", "inspect"],
    ] as const) {
      const link = element("a", "button");
      link.href = root + pathOf(room, what);
      link.textContent = text;
      links.append(link);
    }
    place.append(title, links, invitation(shell, pathOf(room)));
  }
  const tabs = new Tabs("Language");
  const known = shareable(shell, "") ?? root;
  for (const snippet of snippets(known, room ?? "ID")) tabs.add(snippet.name, panel(snippet));
  const title = element("h2", "", {}, room === null ? "Use a room" : "Use it");
  code.replaceChildren(title, tabs.element);
  if (shell.advice.startsWith("jupyter"))
    code.append(
      element(
        "p",
        "quiet",
        {},
        "Outside of this server's notebooks, set DRIFTDB_TOKEN to its token.",
      ),
    );
}

function panel({ code, name }: Snippet): HTMLElement {
  const box = element("div", "panel snippet");
  const text = element("pre", "code", { tabindex: "0", "aria-label": `${name} code` }, code);
  box.append(
    text,
    copyButton("Copy", () => code),
  );
  return box;
}
