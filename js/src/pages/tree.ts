import { LongInteger, stringify } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { arrange } from "../widgets/arrange";
import { element } from "../widgets/control";
import { withUnseen } from "../widgets/unseen";

/** So many children are shown at once; more stand in groups. */
const GROUP = 100;
const LONGEST_TEXT = 5_000;
/** What has no more children than that is open at first, one level deep. */
const FEW = 20;

type Child = readonly [name: string, value: Json];

/** A part of a value: a branch, which can be opened, or a leaf. */
interface Part {
  /** The same for the same place in the next value. */
  readonly path: string;
  readonly name: string | null;
  readonly text: string;
  readonly style: string;
  /** Whether it is open at first; `null`: it is a leaf. */
  readonly open: boolean | null;
  parts(): readonly Part[];
}

/** A value as a tree that can be opened, also with the keyboard; made only as far as it is open. */
export class Tree {
  readonly element = element("div", "tree");
  private text: string | undefined;
  private root = new Nodes(new Map());

  /** Show a value; what is open stays so, and so does each element of what is there again. */
  show(value: Json | undefined): void {
    const text = stringify(value);
    if (text === this.text && this.element.firstChild !== null) return;
    this.text = text;
    if (value === undefined) {
      const nothing = element("p", "quiet", {}, "no value");
      arrange(this.element, [nothing]);
    } else {
      arrange(this.element, this.root.show([part(null, value, "", 0)]));
    }
  }

  /** Forget what somebody opened or closed: another value is to be shown. */
  forget(): void {
    this.root = new Nodes(new Map());
    this.text = undefined;
  }
}

/** The elements of parts that stand below each other. */
class Nodes {
  private nodes = new Map<string, Branch | Leaf>();

  /** `turned`: what somebody opened or closed, by path. */
  constructor(private readonly turned: Map<string, boolean>) {}

  show(parts: readonly Part[]): Element[] {
    const nodes = parts.map((part) => {
      const before = this.nodes.get(part.path);
      const Kind = part.open === null ? Leaf : Branch;
      const node = before instanceof Kind ? before : new Kind(part, this.turned);
      node.show(part);
      return [part.path, node] as const;
    });
    this.nodes = new Map(nodes);
    return nodes.map(([, node]) => node.element);
  }
}

class Branch {
  readonly element = element("details", "branch");
  private readonly summary = element("summary", "");
  private readonly name = element("span", "name");
  private readonly text = element("span", "size");
  private readonly below: Nodes;
  /** Whether it is open as it was left here; a browser tells of each turn, also of ours. */
  private open = false;

  constructor(
    private part: Part,
    private readonly turned: Map<string, boolean>,
  ) {
    this.below = new Nodes(turned);
    this.summary.append(this.name, this.text);
    this.element.addEventListener("toggle", () => {
      if (this.element.open === this.open) return;
      turned.set(this.part.path, this.element.open);
      this.open = this.element.open;
      this.show(this.part);
    });
  }

  show(part: Part): void {
    this.part = part;
    write(this.name, part.name === null ? null : withUnseen(part.name));
    write(this.text, part.text);
    this.open = this.turned.get(part.path) ?? (this.open || part.open === true);
    this.element.open = this.open;
    const below = this.open ? this.below.show(part.parts()) : [];
    arrange(this.element, [this.summary, ...below]);
  }
}

class Leaf {
  readonly element = element("div", "leaf");
  private readonly name = element("span", "name");
  private readonly text = element("span", "");

  constructor() {
    this.element.append(this.name, this.text);
  }

  show({ name, text, style }: Part): void {
    write(this.name, name === null ? null : withUnseen(name));
    write(this.text, text);
    this.text.className = style;
  }
}

function part(name: string | null, value: Json, path: string, depth: number): Part {
  if (typeof value !== "object" || value === null || value instanceof LongInteger)
    return leaf(name, value, path);
  const children: Child[] = Array.isArray(value)
    ? value.map((each, index) => [String(index), each])
    : Object.entries(value);
  const text = Array.isArray(value) ? `[${children.length}]` : `{${children.length}}`;
  const few = depth === 0 || (depth === 1 && children.length <= FEW);
  const open = few && children.length > 0;
  return { path, name, text, style: "", open, parts: () => parts(children, path, depth + 1) };
}

function parts(children: readonly Child[], path: string, depth: number): Part[] {
  if (children.length <= GROUP)
    return children.map(([name, each]) =>
      part(name, each, `${path}/${JSON.stringify(name)}`, depth),
    );
  const groups: Part[] = [];
  // Groups of groups, where there are very many.
  const size = GROUP ** Math.floor(Math.log(children.length - 1) / Math.log(GROUP));
  for (let from = 0; from < children.length; from += size) {
    const group = children.slice(from, from + size);
    const name = `${group[0]?.[0]} … ${group[group.length - 1]?.[0]}`;
    const below = () => parts(group, path, depth + 1);
    groups.push({
      ...{ path: `${path}/${from}+${size}`, name, text: "", style: "", open: false },
      parts: below,
    });
  }
  return groups;
}

function leaf(name: string | null, value: Exclude<Json, object> | LongInteger, path: string): Part {
  const text = withUnseen(stringify(value));
  const shown =
    text.length > LONGEST_TEXT
      ? `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)`
      : text;
  const kind = value instanceof LongInteger ? "number" : typeof value;
  const style = `json-${value === null ? "null" : kind}`;
  return { path, name, text: shown, style, open: null, parts: () => [] };
}

/** Set a text; the same anew would take away what is selected in it. */
function write(element: HTMLElement, text: string | null): void {
  element.hidden = text === null;
  if (element.textContent !== (text ?? "")) element.textContent = text;
}
