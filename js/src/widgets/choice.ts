import { stringify } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";
import { inWords } from "./readable";

const same = (one: Json | undefined, other: Json): boolean => stringify(one) === stringify(other);

/** A list to choose one from. */
export function dropdownControl(source: Source, options: ControlOptions): Control {
  const list = element("select", "driftdb-dropdown", { "aria-label": options.label, dir: "auto" });
  const other = option("", "");
  other.hidden = true;
  list.append(other);
  for (const [index, [label]] of options.options.entries())
    list.append(option(label, String(index)));
  const show = (value: Json | undefined): void => {
    const index = options.options.findIndex(([, each]) => same(value, each));
    // A value that is none of the choices is shown, and can't be chosen.
    other.text =
      index < 0 && value !== undefined && value !== null
        ? (inWords(value) ?? stringify(value))
        : "";
    list.value = index < 0 ? "" : String(index);
  };
  list.addEventListener("change", () => {
    const chosen = options.options[Number(list.value)];
    if (chosen !== undefined) source.write(chosen[1]);
  });
  show(source.value);
  return { element: list, field: list, show };
}

function option(text: string, value: string): HTMLOptionElement {
  return element("option", "", { value, dir: "auto" }, text);
}

let groups = 0;

/** Buttons of which one is pressed. */
export function radioControl(source: Source, options: ControlOptions): Control {
  return boxes(source, options, "radio", {
    isChosen: (value, each) => same(value, each),
    choose: (_value, each) => each,
  });
}

/** Boxes of which any number is ticked; the value is the list of those. */
export function multiselectControl(source: Source, options: ControlOptions): Control {
  const list = (value: Json | undefined): Json[] => (Array.isArray(value) ? value : []);
  return boxes(source, options, "checkbox", {
    isChosen: (value, each) => list(value).some((chosen) => same(chosen, each)),
    // In the order of the choices, so that the same choice is the same value.
    choose: (value, each, ticked) =>
      options.options
        .map(([, known]) => known)
        .filter((known) =>
          same(known, each) ? ticked : list(value).some((chosen) => same(chosen, known)),
        ),
  });
}

interface Rule {
  isChosen(value: Json | undefined, each: Json): boolean;
  choose(value: Json | undefined, each: Json, ticked: boolean): Json;
}

function boxes(
  source: Source,
  options: ControlOptions,
  type: "radio" | "checkbox",
  rule: Rule,
): Control {
  groups += 1;
  const name = `driftdb-choice-${groups}`;
  const group = element("div", "driftdb-choices", {
    role: type === "radio" ? "radiogroup" : "group",
    "aria-label": options.label,
  });
  const inputs = options.options.map(([label, each]) => {
    const input = element("input", "", { type, name });
    input.addEventListener("change", () => {
      // Of a multiselect only the own tick changes, whatever others tick meanwhile.
      if (type === "checkbox") source.update((value) => rule.choose(value, each, input.checked));
      else source.write(rule.choose(source.value, each, true));
    });
    const text = element("span", "", { dir: "auto" }, label);
    group.append(element("label", "driftdb-choice", {}, input, text));
    return [input, each] as const;
  });
  const show = (value: Json | undefined): void => {
    for (const [input, each] of inputs) input.checked = rule.isChosen(value, each);
  };
  show(source.value);
  return { element: group, show };
}
