import { roomUrl } from "../client/address";
import { join } from "../client/rooms";
import { Badge } from "../widgets/badge";
import { element } from "../widgets/control";
import type { Home } from "../widgets/home";
import { Card } from "./card";
import { Contents, type Item } from "./contents";
import { askBeforeLeaving } from "./leaving";
import { people } from "./people";
import { shareButton } from "./share";
import { pathOf, readShell } from "./shell";

/** So many keys are shown at first, and each time that more are asked for. */
const SHOWN = 100;
const DRAW_MILLISECONDS = 50;

const shell = readShell();
const alone = new URLSearchParams(location.search).get("key");
const connection = join(roomUrl(shell.root, shell.room));
const home: Home = { room: shell.room, connection, leave() {} };

const cards = new Map<string, Card>();
const list = element("div", "cards");
const empty = element("p", "empty", { role: "status" });
const more = element("button", "button more", { type: "button" });
let most = SHOWN;
let due = false;

document.body.classList.toggle("alone", alone !== null);
document.body.classList.toggle("embedded", window.top !== window);
document.body.append(header(), main());
askBeforeLeaving(connection);
const contents = new Contents(connection.session, alone, redrawSoon);
redraw();

function header(): HTMLElement {
  const bar = element("header", "top");
  const title = element("h1", "title", {}, "Room");
  const badge = new Badge(home);
  const tools = element("nav", "tools", { "aria-label": "This room" });
  const path = pathOf(shell.room, "page", alone);
  if (alone === null) tools.append(shareButton(shell, path), anchor("Inspect", "inspect"));
  else tools.append(shareButton(shell, path), anchor("Whole room", "page"));
  bar.append(title, badge.element, tools);
  return bar;
}

function anchor(text: string, what: string): HTMLAnchorElement {
  const link = element("a", "button");
  link.href = shell.root + pathOf(shell.room, what);
  link.textContent = text;
  return link;
}

function main(): HTMLElement {
  const content = element("main", "content");
  if (alone === null) content.append(people(home));
  more.hidden = true;
  more.addEventListener("click", () => {
    most += SHOWN;
    redraw();
  });
  content.append(list, more, empty);
  return content;
}

/** What is in thousands of keys comes at once. */
function redrawSoon(): void {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    redraw();
  }, DRAW_MILLISECONDS);
}

function redraw(): void {
  for (const [key, card] of cards) {
    // Who is in it may write to it again.
    if (contents.has(key) || card.element.contains(document.activeElement)) continue;
    card.destroy();
    cards.delete(key);
  }
  const all = wanted();
  const items = all.slice(0, most);
  let next: Element | null = null;
  for (const item of items.reverse()) {
    let card = cards.get(item.key);
    if (card === undefined) {
      card = new Card(home, item, shell.root);
      cards.set(item.key, card);
      list.insertBefore(card.element, next);
    } else {
      card.update(item);
    }
    next = card.element;
  }
  const left = all.length - items.length;
  more.hidden = left === 0;
  more.textContent = `Show more (${left} are not shown)`;
  empty.hidden = cards.size > 0;
  empty.textContent =
    alone === null
      ? "Nothing is in this room yet. What anybody puts there appears here at once."
      : "Nothing is under this key yet. What anybody puts there appears here at once.";
}

/** What is to be shown; who is here stands above all. */
function wanted(): Item[] {
  return contents.items.filter(
    ({ key, meta }) => alone !== null || !(key === "presence" && meta?.kind === "presence"),
  );
}
