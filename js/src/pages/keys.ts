import type { KeyInfo } from "../protocol/messages";
import { size } from "../widgets/bytes";
import { element } from "../widgets/control";
import { keyName } from "./key_name";
import { byName } from "./order";
import { type Cells, Rows } from "./rows";

const PIXELS = 40;

/** The keys of a room, with how much is in them and how much comes. */
export class KeyList {
  readonly element = element("section", "panel keys", { "aria-label": "Keys" });
  /** Somebody wants to see a key. */
  onChoose: (key: string) => void = () => {};
  chosen: string | null = null;
  private readonly search = element("input", "field", {
    type: "search",
    placeholder: "Find a key, or listen to one",
    "aria-label": "Find a key; Enter listens to one that holds nothing",
  });
  private readonly tally = element("p", "quiet tally", { role: "status" });
  private readonly rows: Rows;
  private infos: ReadonlyMap<string, KeyInfo> = new Map();
  private rates: ReadonlyMap<string, number> = new Map();
  /** All keys in order, and those of them that are found. */
  private sorted: string[] = [];
  private shown: string[] = [];

  constructor() {
    this.rows = new Rows({
      label: "Keys",
      pixels: PIXELS,
      follows: false,
      at: (index) => this.shown[index],
      cells: (index) => this.cells(this.shown[index] as string),
      chosen: () => (this.chosen === null ? -1 : this.shown.indexOf(this.chosen)),
      choose: (index) => this.choose(this.shown[index] as string),
    });
    const title = element("h2", "", {}, "Keys");
    this.search.addEventListener("input", () => this.filter());
    this.search.addEventListener("keydown", ({ key }) => {
      if (key === "Enter" && this.search.value !== "") this.choose(this.search.value);
    });
    this.element.append(title, this.search, this.tally, this.rows.element);
  }

  /** Show these keys; `rates` are messages a second, also of keys that hold nothing. */
  show(infos: ReadonlyMap<string, KeyInfo>, rates: ReadonlyMap<string, number>): void {
    this.infos = infos;
    this.rates = rates;
    this.filter();
  }

  private choose(key: string): void {
    this.chosen = key;
    this.onChoose(key);
    this.filter();
  }

  private filter(): void {
    const wanted = this.search.value.toLowerCase();
    const all = new Set([...this.infos.keys(), ...this.rates.keys()]);
    if (this.chosen !== null) all.add(this.chosen);
    // To sort thousands takes a while, and they are the same most of the time.
    if (this.sorted.length !== all.size || !this.sorted.every((key) => all.has(key)))
      this.sorted = [...all].sort(byName);
    this.shown =
      wanted === "" ? this.sorted : this.sorted.filter((key) => key.toLowerCase().includes(wanted));
    const { length } = this.shown;
    const text =
      wanted === ""
        ? `${all.size.toLocaleString()} in this room`
        : `${length.toLocaleString()} of ${all.size.toLocaleString()}`;
    if (text !== this.tally.textContent) this.tally.textContent = text;
    this.rows.show(length);
  }

  private cells(key: string): Cells {
    const info = this.infos.get(key);
    const rate = this.rates.get(key) ?? 0;
    const held =
      info === undefined ? "nothing held" : `${info.size.toLocaleString()} × · ${size(info.bytes)}`;
    return [
      ["name", keyName(key)],
      ["about", rate > 0 ? `${held} · ${rate.toLocaleString()}/s` : held],
    ];
  }
}
