import { type ShareLink, ShareLinks } from "../share/links";
import { element } from "../widgets/control";
import { copyButton } from "./copy";
import { qrCode } from "./qr";
import type { Shell } from "./shell";
import { pathOf } from "./shell";

const LIFETIMES: readonly [string, number | null][] = [
  ["2 hours", 2 * 60 * 60],
  ["a day", 24 * 60 * 60],
  ["a week", 7 * 24 * 60 * 60],
  ["ever", null],
];
/** What people may do by a link, in words, and the role that gives it. */
const ROLES: readonly [string, string][] = [
  ["look", "read"],
  ["change things", "write"],
];
const LOOK_MILLISECONDS = 3_000;

/**
 * The share links of a room, and a form to make one, for who owns it; stays hidden for others.
 * `key`: the one key that a new link shows and is about, `null` for all.
 */
export function linksPanel(shell: Shell, key: string | null): HTMLElement {
  const links = new ShareLinks(new URL(shell.root + pathOf(shell.room, ""), location.href).href);
  const box = element("section", "links", { "aria-label": "Share links" });
  const list = element("ul", "links-list");
  const made = element("div", "links-made", { "aria-live": "polite" });
  const outcome = element("p", "outcome wrong", { role: "alert" });
  box.hidden = true;

  async function attempt(work: () => Promise<void>): Promise<void> {
    outcome.textContent = "";
    try {
      await work();
    } catch (error) {
      outcome.textContent = `That failed: ${(error as Error).message}`;
    }
  }

  async function refresh(): Promise<void> {
    const listed = await links.list();
    box.hidden = false;
    list.replaceChildren(...listed.map(row));
  }

  function row(link: ShareLink): HTMLElement {
    const item = element("li", "links-row");
    const ends =
      link.expiresAt === null
        ? "never ends"
        : `ends ${new Date(link.expiresAt * 1000).toLocaleString()}`;
    const about = `They may ${inWords(link.grants)}, ${link.expired ? "has ended" : ends}`;
    const people = `${link.people} of ${link.peopleLimit} people came in, ${link.peopleHere} here now`;
    const revoke = element("button", "button", { type: "button" }, "Revoke");
    revoke.setAttribute("aria-label", `Revoke ${link.name || link.id}`);
    revoke.addEventListener("click", () =>
      attempt(async () => {
        await links.revoke(link.id);
        made.replaceChildren();
        await refresh();
      }),
    );
    const text = element("div", "links-text");
    text.append(
      element("strong", "", { dir: "auto" }, link.name || "A link"),
      element("div", "quiet", { dir: "auto" }, about),
      element("div", "quiet", {}, people),
    );
    item.append(text, revoke);
    return item;
  }

  function form(): HTMLElement {
    const form = element("form", "links-form");
    const name = element("input", "field", {
      ...{ type: "text", maxlength: "60", placeholder: "For whom (optional)" },
      "aria-label": "For whom",
    });
    const role = select("They may", ROLES);
    const lifetime = select(
      "It is good for",
      LIFETIMES.map(([text], index) => [text, String(index)]),
    );
    lifetime.list.value = "1";
    const asks = element("input", "", { type: "checkbox" });
    const asksLabel = element("label", "");
    asksLabel.append(asks, " They have to give a name");
    const make = element("button", "button main", { type: "submit" }, "Make a link");
    form.append(name, role.label, lifetime.label, asksLabel, make);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void attempt(async () => {
        const told = await links.make({
          role: role.list.value,
          ...(key === null ? {} : { key }),
          name: name.value.trim(),
          expiresSeconds: LIFETIMES[Number(lifetime.list.value)]?.[1] ?? null,
          askName: asks.checked,
        });
        name.value = "";
        made.replaceChildren(shown(told.url, told.advice));
        await refresh();
      });
    });
    return form;
  }

  function shown(whole: string, advice: string | null): HTMLElement {
    const box = element("div", "invitation");
    if (advice === null) {
      box.append(qrCode(whole, "QR code of the new link") ?? "It is too long for a QR code.");
    } else {
      const why = element("p", "");
      why.append(
        "A phone can't open this address, because it is this machine's own. Start the server with ",
        element("code", "", {}, advice),
        ", or tell it its public_url, and make another link.",
      );
      box.append(why);
    }
    const link = element("a", "link", { rel: "noopener noreferrer" }, whole);
    link.href = whole;
    const once = element("p", "quiet", {}, "It is shown only now: the server keeps no copy.");
    box.append(
      link,
      copyButton("Copy the new link", () => whole),
      once,
    );
    return box;
  }

  const title = element("h3", "", {}, "Links for people without an account");
  box.append(title, list, form(), made, outcome);
  refresh().catch(() => {}); // who owns the room no more has no links
  const timer = setInterval(() => {
    if (!box.isConnected) clearInterval(timer);
    else if (!box.hidden && !document.hidden) refresh().catch(() => {});
  }, LOOK_MILLISECONDS);
  return box;
}

function select(
  text: string,
  choices: readonly (readonly [string, string])[],
): { label: HTMLElement; list: HTMLSelectElement } {
  const label = element("label", "", {}, `${text} `);
  const list = element("select", "field");
  for (const [shown, value] of choices) list.append(element("option", "", { value }, shown));
  label.append(list);
  return { label, list };
}

/** What a link gives, for people. */
function inWords(grants: readonly unknown[]): string {
  return grants
    .map((grant) => {
      if (typeof grant === "string") return roleInWords(grant);
      const { can = [], keys = [], prefixes = [] } = grant as Record<string, string[]>;
      const places = [...keys, ...prefixes.map((prefix) => `${prefix}…`)].join(", ");
      const all = ["read", "append", "replace", "relay", "compact", "delete", "presence"];
      const isAll = all.every((word) => can.includes(word));
      const told = roleInWords(isAll ? "write" : can.join(", "));
      return places === "" ? told : `${told}: ${places}`;
    })
    .join("; ");
}

function roleInWords(role: string): string {
  return ROLES.find(([, each]) => each === role)?.[0] ?? role;
}
