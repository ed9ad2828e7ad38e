import type { PresenceListener, PresenceReplica } from "../client/presence";
import { nameOf } from "../client/user";
import type { Json, Person } from "../protocol/messages";
import { arrange } from "./arrange";
import { element } from "./control";
import { oncePerFrame } from "./frame";
import type { Home } from "./home";
import { inkOn, solid } from "./ink";
import { Place, type ViewOptions } from "./place";
import { isRecord } from "./record";
import { withUnseen } from "./unseen";

/** So many people have an avatar at first, unless it is said, and so many more on demand. */
const AVATARS = 50;

/** Who is here, as a row of avatars. */
export class PresenceView implements PresenceListener {
  private readonly place: Place;
  private readonly replica: PresenceReplica;
  private readonly row = element("ul", "driftdb-people");
  private readonly nobody = element("li", "driftdb-nobody", {}, "nobody yet");
  /** Counts those without an avatar, and shows some of them. */
  private readonly more = element("button", "driftdb-more", { type: "button" });
  private readonly others = element("li", "", {}, this.more);
  private most: number;
  /** By client, with what each was when it was drawn: the room tells of all anew now and then. */
  private avatars = new Map<string, { readonly text: string; readonly element: Element }>();
  readonly updated = oncePerFrame(() => this.draw());

  constructor(home: Home, key: string, options: ViewOptions, parent: HTMLElement) {
    this.place = new Place(home, key, options, parent, "driftdb-presence");
    const { nobody, most } = options;
    if (typeof nobody === "string") this.nobody.textContent = nobody;
    this.most = typeof most === "number" ? most : AVATARS;
    this.more.addEventListener("click", () => {
      this.most += AVATARS;
      this.draw();
    });
    this.row.setAttribute("aria-label", `Who is here: ${this.place.label}`);
    this.place.box.append(this.row);
    this.replica = this.place.session.presence(this.place.key, this);
    this.draw();
  }

  destroy(): void {
    this.replica.listeners.delete(this);
    this.place.destroy();
  }

  private draw(): void {
    const before = this.avatars;
    this.avatars = new Map();
    const { people } = this.replica;
    for (const [client, person] of people) {
      if (this.avatars.size >= this.most) break;
      const [known, text] = [before.get(client), JSON.stringify(person)];
      const drawn = known?.text === text ? known.element : avatar(client, person);
      this.avatars.set(client, { text, element: drawn });
    }
    const drawn = [...this.avatars.values()].map(({ element }) => element);
    const left = people.size - drawn.length;
    if (left > 0) {
      const count = `+${left}`;
      if (this.more.textContent !== count) this.more.textContent = count;
      this.more.setAttribute("aria-label", `Show more of ${people.size} people`);
      drawn.push(this.others);
    }
    arrange(this.row, drawn.length === 0 ? [this.nobody] : drawn);
  }
}

function avatar(client: string, { value, user }: Person): HTMLLIElement {
  const claimed = valueField(value, "name");
  const proven = nameOf(user);
  // Anybody may call themselves anything: what the server knows stands beside it.
  const name = withUnseen(
    claimed !== null && proven !== null && ![claimed, `${claimed} (guest)`].includes(proven)
      ? `${claimed} (${proven})`
      : (proven ?? (claimed === null ? "Guest" : `${claimed} (guest)`)),
  );
  const face = element(
    "span",
    "driftdb-face",
    { "aria-hidden": "true" },
    initials(claimed ?? name),
  );
  const colour = colourOf(client, value, user);
  face.style.backgroundColor = colour;
  face.style.color = inkOn(colour);
  const label = element("span", "driftdb-name", { dir: "auto" }, name);
  const item = element("li", "driftdb-person", {}, face, label);
  const detail = typeof value === "string" || typeof value === "number" ? String(value) : null;
  item.title = detail === null ? name : `${name}: ${withUnseen(detail)}`;
  return item;
}

function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== "");
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters
    .map((word) => Array.from(word as string)[0] ?? "")
    .join("")
    .toUpperCase();
}

/** The colour that somebody chose, else one that stays the same for a client. */
function colourOf(client: string, value: Json, user: Json | undefined): string {
  for (const chosen of [
    valueField(value, "colour"),
    valueField(value, "color"),
    valueField(user, "color"),
  ]) {
    const colour = chosen === null ? null : solid(chosen);
    if (colour !== null) return colour;
  }
  let hash = 0;
  for (const letter of client) hash = (hash * 31 + letter.charCodeAt(0)) % 360;
  return `hsl(${hash} 55% 30%)`;
}

function valueField(value: Json | undefined, name: string): string | null {
  if (!isRecord(value)) return null;
  const field = value[name];
  return typeof field === "string" && field !== "" ? field : null;
}
