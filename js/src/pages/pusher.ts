import type { Session } from "../client/session";
import { parse } from "../protocol/integers";
import type { Action, Json } from "../protocol/messages";
import { element } from "../widgets/control";

const ACTIONS = ["replace", "append", "relay", "compact", "delete"] as const;

/** A form to push a value by hand, with any action. */
export class PushForm {
  readonly element = element("form", "push-form", { "aria-label": "Push by hand" });
  readonly key = element("input", "field code", {
    type: "text",
    required: "",
    spellcheck: "false",
  });
  private readonly action = element("select", "field");
  private readonly seq = element("input", "field", { type: "number", min: "1", value: "1" });
  private readonly value = element("textarea", "field code", { rows: "3", spellcheck: "false" });
  private readonly outcome = element("p", "outcome", { role: "status" });
  private readonly rows: { readonly seq: HTMLElement; readonly value: HTMLElement };

  constructor(private readonly session: Session) {
    for (const action of ACTIONS) this.action.append(new Option(action, action));
    this.value.placeholder = 'JSON: 42, "text", {"a": [1, 2]}';
    const push = element("button", "button main", { type: "submit" }, "Push");
    this.rows = { seq: labelled("Up to number", this.seq), value: labelled("Value", this.value) };
    this.rows.value.classList.add("wide");
    const end = element("div", "push-end");
    end.append(push, this.outcome);
    this.element.append(labelled("Key", this.key), labelled("Action", this.action));
    this.element.append(this.rows.seq, this.rows.value, end);
    this.action.addEventListener("change", () => this.adapt());
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.push();
    });
    this.adapt();
  }

  private adapt(): void {
    this.rows.seq.hidden = this.action.value !== "compact";
    this.rows.value.hidden = this.action.value === "delete";
  }

  private push(): void {
    const type = this.action.value as (typeof ACTIONS)[number];
    const action: Action = type === "compact" ? { type, seq: Number(this.seq.value) } : { type };
    let value: Json | undefined;
    if (type !== "delete") {
      try {
        value = parse(this.value.value) as Json;
      } catch (error) {
        this.report(`Expected JSON (text in double quotes): ${(error as Error).message}`, true);
        return;
      }
    }
    const pusher = {
      acknowledged: (_: number, seq: number | null) =>
        this.report(`Arrived as ${seq ?? "before"}.`),
      refused: (_: number, code: string, message: string) =>
        this.report(`Refused (${code}): ${message}`, true),
    };
    this.report("On its way…");
    const push = { key: this.key.value, action, ...(value === undefined ? {} : { value }) };
    try {
      this.session.queue.add(pusher, push, "each");
    } catch (error) {
      this.report((error as Error).message, true);
    }
  }

  private report(text: string, wrong = false): void {
    this.outcome.textContent = text;
    this.outcome.classList.toggle("wrong", wrong);
  }
}

function labelled(text: string, field: HTMLElement): HTMLLabelElement {
  const label = element("label", "labelled");
  const name = element("span", "quiet", {}, text);
  label.append(name, field);
  return label;
}
