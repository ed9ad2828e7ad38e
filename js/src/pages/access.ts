import { xsrf } from "../client/xsrf";
import type { Json } from "../protocol/messages";
import { element } from "../widgets/control";
import { isRecord } from "../widgets/record";

/** What a room's policy gives to somebody: roles (`"read"`) and grants (docs/access.md). */
type Grants = readonly unknown[];

interface Policy {
  anyone: Grants;
  users: Record<string, Grants>;
  groups: Record<string, Grants>;
}

type Part = "anyone" | "users" | "groups";
type Edit = (policy: Policy) => Policy | null;

const ROLES = ["read", "write", "admin"];
const OTHER = "other";
const PARTS = { anyone: "", users: "Person", groups: "Group" } as const;

/** Who may do what in a room, for whoever may administer it: shown, and changed at once. */
export class AccessPanel {
  readonly element = element("details", "panel access");
  private readonly content = element("div", "access-content");
  private readonly outcome = element("p", "outcome", { role: "status" });
  private secret = "";
  private shown = "";
  private turn = Promise.resolve();

  /** `url`: the room's. */
  constructor(private readonly url: string) {
    const title = element("summary", "", {}, "Who may do what");
    this.element.append(title, this.content, this.outcome);
    this.element.addEventListener("toggle", () => this.refresh());
  }

  /** Show what holds now, unless somebody is about to change it here. */
  refresh(): void {
    if (!this.element.open || this.content.contains(document.activeElement)) return;
    this.do(async () => this.show(await this.read()));
  }

  /** Change what holds now, which may be something else than what is shown. */
  private change(edit: Edit): void {
    this.report("Saving…");
    this.do(async () => {
      const policy = edit((await this.read()) ?? { anyone: [], users: {}, groups: {} });
      await this.ask("PUT", JSON.stringify(policy));
      this.show(await this.read());
      this.report("Saved. It holds at once.");
    });
  }

  /** One after the other: each begins with what the one before it left. */
  private do(work: () => Promise<void>): void {
    this.turn = this.turn.then(work).catch((error: unknown) => {
      if (error instanceof NotAdmin) this.showDoor();
      else this.report((error as Error).message, true);
    });
  }

  private async read(): Promise<Policy | null> {
    return (await (await this.ask("GET")).json()) as Policy | null;
  }

  private async ask(method: string, body?: string): Promise<Response> {
    const headers: Record<string, string> = xsrf(this.url);
    if (this.secret !== "") headers.Authorization = `Bearer ${this.secret}`;
    const answer = await fetch(`${this.url}/access`, {
      method,
      headers,
      cache: "no-store",
      ...(body === undefined ? {} : { body }),
    });
    if (answer.ok) return answer;
    if (answer.status === 401 || answer.status === 403) throw new NotAdmin();
    const told: Json = await answer.json().catch(() => null);
    const message = isRecord(told) ? told.message : null;
    throw new Error(typeof message === "string" ? message : `The server says ${answer.status}.`);
  }

  private show(policy: Policy | null): void {
    const now = JSON.stringify(policy);
    if (now === this.shown) return;
    this.shown = now;
    this.report("");
    const focused = this.focused();
    if (policy === null) {
      const says = "Everybody who is let in may do everything: the room has no policy.";
      const close = button("Let others only read", () =>
        this.change((old) => ({ ...old, anyone: ["read"] })),
      );
      this.content.replaceChildren(element("p", "", {}, says), close);
      if (focused !== null) close.focus();
      return;
    }
    const table = element("table", "access-table");
    const head = element("tr", "");
    for (const title of ["Who", "May", ""])
      head.append(element("th", "quiet", { scope: "col" }, title));
    const body = element("tbody", "");
    body.append(this.row("anyone", "", policy.anyone));
    for (const part of ["users", "groups"] as const)
      for (const [name, grants] of Object.entries(policy[part]))
        body.append(this.row(part, name, grants));
    const top = element("thead", "");
    top.append(head);
    table.append(top, body);
    const open = button("Let everybody do everything", () => this.change(() => null));
    this.content.replaceChildren(table, this.addition(), open);
    if (focused === null) return;
    const all = this.content.querySelectorAll<HTMLElement>("[aria-label]");
    const same = [...all].find((each) => each.getAttribute("aria-label") === focused);
    (same ?? open).focus();
  }

  /** What the focus is on here, `null` if it is elsewhere: it comes back when all is drawn anew. */
  private focused(): string | null {
    const { activeElement } = document;
    if (!this.content.contains(activeElement)) return null;
    return activeElement?.getAttribute("aria-label") ?? "";
  }

  private row(part: Part, name: string, grants: Grants): HTMLElement {
    const row = element("tr", "");
    const who = element("th", "access-who", { scope: "row" });
    if (part === "anyone") who.textContent = "Everybody";
    else who.append(element("span", "quiet", {}, PARTS[part]), " ", element("bdi", "", {}, name));
    const may = element("td", "");
    may.append(this.choice(part, name, grants, who.textContent ?? ""));
    const last = element("td", "");
    if (part !== "anyone") {
      const remove = button("Remove", () =>
        this.change((policy) => {
          const { [name]: _, ...left } = policy[part];
          return { ...policy, [part]: left };
        }),
      );
      remove.setAttribute("aria-label", `Remove ${who.textContent}`);
      last.append(remove);
    }
    row.append(who, may, last);
    return row;
  }

  /** The role of somebody, or their grants as text. */
  private choice(part: Part, name: string, grants: Grants, who: string): HTMLElement {
    const box = element("div", "access-may");
    const select = roles(`What ${who} may do`);
    if (part === "anyone") select.prepend(new Option("nothing", ""));
    select.append(new Option("as written…", OTHER));
    const [first = ""] = grants;
    const plain =
      grants.length < 2 && (first === "" ? part === "anyone" : ROLES.includes(`${first}`));
    select.value = plain ? `${first}` : OTHER;
    const text = element("textarea", "field code", {
      rows: "2",
      spellcheck: "false",
      "aria-label": `What ${who} may do, as JSON`,
    });
    text.value = JSON.stringify(grants);
    text.hidden = plain;
    const set = (given: Grants) => this.change((policy) => withGrants(policy, part, name, given));
    select.addEventListener("change", () => {
      text.hidden = select.value !== OTHER;
      if (select.value === OTHER) text.focus();
      else set(select.value === "" ? [] : [select.value]);
    });
    text.addEventListener("change", () => {
      try {
        const given: unknown = JSON.parse(text.value);
        set(Array.isArray(given) ? given : [given]);
      } catch (error) {
        this.report(`Expected JSON: ${(error as Error).message}`, true);
      }
    });
    box.append(select, text);
    return box;
  }

  private addition(): HTMLElement {
    const form = element("form", "access-add", { "aria-label": "Let somebody in" });
    const kind = element("select", "field", { "aria-label": "Person or group" });
    for (const part of ["users", "groups"] as const) kind.append(new Option(PARTS[part], part));
    const name = element("input", "field", {
      type: "text",
      required: "",
      "aria-label": "Name, as the server knows it",
      placeholder: "Name",
      autocomplete: "off",
      spellcheck: "false",
    });
    const role = roles("Role");
    const add = element("button", "button", { type: "submit" }, "Add");
    form.append(kind, name, role, add);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const part = kind.value as Part;
      this.change((policy) => withGrants(policy, part, name.value, [role.value]));
    });
    return form;
  }

  /** What somebody sees who may not administer the room, or not yet. */
  private showDoor(): void {
    this.shown = "";
    const says = "Only the room's owner may see and change that.";
    const form = element("form", "access-add", { "aria-label": "Be the owner" });
    const secret = element("input", "field", {
      type: "password",
      required: "",
      "aria-label": "The owner's secret, or a token",
      placeholder: "The owner's secret, or a token",
      autocomplete: "off",
    });
    const show = element("button", "button", { type: "submit" }, "Show");
    form.append(secret, show);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.secret = secret.value.trim();
      this.report("");
      this.do(async () => this.show(await this.read()));
    });
    this.content.replaceChildren(element("p", "", {}, says), form);
    if (this.secret !== "") this.report("That opens nothing here.", true);
    this.secret = "";
  }

  private report(text: string, wrong = false): void {
    this.outcome.textContent = text;
    this.outcome.classList.toggle("wrong", wrong);
  }
}

class NotAdmin extends Error {}

function withGrants(policy: Policy, part: Part, name: string, grants: Grants): Policy {
  if (part === "anyone") return { ...policy, anyone: grants };
  // By entries: a person may be called __proto__.
  const others = Object.entries(policy[part]).filter(([other]) => other !== name);
  return { ...policy, [part]: Object.fromEntries([...others, [name, grants]]) };
}

function roles(label: string): HTMLSelectElement {
  const select = element("select", "field", { "aria-label": label });
  for (const role of ROLES) select.append(new Option(role, role));
  return select;
}

function button(text: string, press: () => void): HTMLButtonElement {
  const made = element("button", "button", { type: "button" }, text);
  made.addEventListener("click", press);
  return made;
}
