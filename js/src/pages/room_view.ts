import type { DetouredConnection } from "../client/detour";
import { Badge } from "../widgets/badge";
import { element } from "../widgets/control";
import type { Home } from "../widgets/home";
import { Card } from "./card";
import { Contents, type Item } from "./contents";
import { askBeforeLeaving } from "./leaving";
import { loginLine } from "./login";
import { people } from "./people";
import type { Shell } from "./shell";

/** So many keys are shown at first, and each time that more are asked for. */
const SHOWN = 100;
const DRAW_MILLISECONDS = 50;

/**
 * Fill the page with what is in a room. `alone`: the one key that is shown, `null` for all. `tools`
 * stand in its head, and `withPeople` tells whether who is here is shown, and may be joined.
 */
export function showRoom(
  shell: Shell,
  connection: DetouredConnection,
  alone: string | null,
  { tools, withPeople }: { readonly tools: readonly HTMLElement[]; readonly withPeople: boolean },
): void {
  const home: Home = { room: shell.room, connection, leave() {} };
  const cards = new Map<string, Card>();
  const list = element("div", "cards");
  const empty = element("p", "empty", { role: "status" });
  const more = element("button", "button more", { type: "button" });
  let most = SHOWN;
  let due = false;

  document.body.classList.toggle("alone", alone !== null);
  document.body.classList.toggle("embedded", window.top !== window);
  document.body.append(header(), loginLine(shell, connection), main());
  askBeforeLeaving(connection);
  const contents = new Contents(connection.session, alone, redrawSoon);
  redraw();

  function header(): HTMLElement {
    const bar = element("header", "top");
    const title = element("h1", "title", {}, "Room");
    const badge = new Badge(home);
    const nav = element("nav", "tools", { "aria-label": "This room" });
    nav.append(...tools);
    bar.append(title, badge.element, nav);
    return bar;
  }

  function main(): HTMLElement {
    const content = element("main", "content");
    if (alone === null && withPeople) content.append(people(home));
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
}
