import type { Json } from "../protocol/messages";
import { element } from "../widgets/control";

/** So many children are shown at once; more stand in groups. */
const GROUP = 100;
const LONGEST_TEXT = 5_000;
/** What has no more children than that is open at first, one level deep. */
const FEW = 20;

type Child = readonly [name: string, value: Json];

/** A value as a tree that can be opened, also with the keyboard; made only as far as it is open. */
export class Tree {
  readonly element = element("div", "tree");
  private text: string | undefined;
  /** What somebody opened or closed, by path. */
  private readonly turned = new Map<string, boolean>();

  /** Show a value; what is open stays so. */
  show(value: Json | undefined): void {
    const text = JSON.stringify(value);
    if (text === this.text && this.element.firstChild !== null) return;
    this.text = text;
    const focused = document.activeElement;
    const path =
      focused instanceof HTMLElement && this.element.contains(focused)
        ? focused.dataset.path
        : undefined;
    if (value === undefined) {
      const nothing = element("p", "quiet");
      nothing.textContent = "no value";
      this.element.replaceChildren(nothing);
      return;
    }
    this.element.replaceChildren(this.node(null, value, "", 0));
    if (path === undefined) return;
    for (const summary of this.element.querySelectorAll<HTMLElement>("summary"))
      if (summary.dataset.path === path) summary.focus();
  }

  private node(name: string | null, value: Json, path: string, depth: number): HTMLElement {
    if (typeof value !== "object" || value === null) return leaf(name, value);
    const children: Child[] = Array.isArray(value)
      ? value.map((each, index) => [String(index), each])
      : Object.entries(value);
    const size = Array.isArray(value) ? `[${children.length}]` : `{${children.length}}`;
    const open = depth === 0 || (depth === 1 && children.length <= FEW);
    return this.branch(name, size, path, open && children.length > 0, () =>
      this.nodes(children, path, depth + 1),
    );
  }

  private nodes(children: readonly Child[], path: string, depth: number): HTMLElement[] {
    if (children.length <= GROUP)
      return children.map(([name, each]) =>
        this.node(name, each, `${path}/${JSON.stringify(name)}`, depth),
      );
    const groups = [];
    // Groups of groups, where there are very many.
    const size = GROUP ** Math.floor(Math.log(children.length - 1) / Math.log(GROUP));
    for (let from = 0; from < children.length; from += size) {
      const group = children.slice(from, from + size);
      const label = `${group[0]?.[0]} … ${group[group.length - 1]?.[0]}`;
      const fill = () => this.nodes(group, path, depth + 1);
      groups.push(this.branch(label, "", `${path}/${from}+${size}`, false, fill));
    }
    return groups;
  }

  private branch(
    name: string | null,
    size: string,
    path: string,
    open: boolean,
    fill: () => HTMLElement[],
  ): HTMLElement {
    const branch = element("details", "branch");
    const summary = element("summary", "");
    summary.dataset.path = path;
    summary.append(...(name === null ? [] : [label(name)]), span("size", size));
    branch.append(summary);
    const turn = () => {
      if (branch.open && branch.childElementCount === 1) branch.append(...fill());
    };
    branch.open = this.turned.get(path) ?? open;
    turn();
    branch.addEventListener("toggle", () => {
      this.turned.set(path, branch.open);
      turn();
    });
    return branch;
  }
}

function leaf(name: string | null, value: Json): HTMLElement {
  const line = element("div", "leaf");
  const text = JSON.stringify(value);
  const shown =
    text.length > LONGEST_TEXT
      ? `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)`
      : text;
  const kind = value === null ? "null" : typeof value;
  line.append(...(name === null ? [] : [label(name)]), span(`json-${kind}`, shown));
  return line;
}

function label(name: string): HTMLElement {
  return span("name", name);
}

function span(className: string, text: string): HTMLElement {
  const made = element("span", className);
  made.textContent = text;
  return made;
}
