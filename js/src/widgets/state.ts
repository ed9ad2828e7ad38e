import type { StateListener, StateReplica } from "../client/state";
import { type LongInteger, rounded, stringify } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { Badge } from "./badge";
import { buttonControl } from "./button";
import { chartControl } from "./chart_control";
import { dropdownControl, multiselectControl, radioControl } from "./choice";
import { colourControl } from "./colour";
import {
  type Control,
  type ControlOptions,
  element,
  type MakeControl,
  type Source,
  tagged,
} from "./control";
import { fileControl } from "./file";
import { focusedIn } from "./focus";
import type { Home } from "./home";
import { dateControl, datetimeControl, MOMENTS, timeControl } from "./moment";
import { fieldControl, numberControl } from "./number";
import { rangeControl } from "./range";
import { readTable, tableControl } from "./table";
import { areaControl, lineControl } from "./text";
import { toggleControl } from "./toggle";
import { proseControl, viewControl } from "./view";

/** What the author asked for (driftdb_jupyter.client.objects.control). */
export interface AskedFor {
  readonly kind?: string | null;
  readonly min?: number | LongInteger | null;
  readonly max?: number | LongInteger | null;
  readonly step?: number | LongInteger | null;
  readonly label?: string | null;
  readonly description?: string | null;
  readonly options?: readonly (readonly [string, Json])[];
  readonly disabled?: boolean;
  readonly read_only?: boolean;
  readonly limit_bytes?: number;
  readonly throttle_seconds?: number;
  /** How a chart is to look (driftdb_jupyter.client.objects.chart). */
  readonly chart?: Json;
}

/** What to do where the room has no value. */
export interface WithoutValue {
  /** Is written there. */
  readonly initial?: Json | undefined;
  /** Is shown, as what was there once. */
  readonly remembered?: Json | undefined;
}

const LIMIT_BYTES = 512 * 1024;

/** What is held, or typed in. */
const HELD = "textarea, input:not([type=radio], [type=checkbox], [type=color], [type=file])";

let made = 0;

/** A name for an element that another one is to find. */
function freshId(): string {
  made += 1;
  return `driftdb-${made}`;
}

/** A shared state in a page: the control that fits its value, and a badge. */
export class StateView implements StateListener, Source {
  private readonly replica: StateReplica;
  private readonly badge: Badge;
  private readonly label = element("label", "driftdb-label", { dir: "auto" });
  private readonly description = element("p", "driftdb-description", {
    id: freshId(),
    dir: "auto",
  });
  /** Around the control, for what is in it can be disabled as a whole. */
  private readonly set = element("fieldset", "driftdb-set");
  private readonly box: HTMLElement;
  /** How long nothing is sent after a write, in milliseconds; the last value always arrives. */
  private pause = 0;
  /** Whether its author wants nobody to change it here. */
  private fixed = false;
  private readOnly = false;
  private options!: ControlOptions;
  private kind: string | null = null;
  private make: MakeControl | null = null;
  /** Whether the control is not the one that is asked for now. */
  private outdated = false;
  private control: Control | null = null;
  private readonly chart: MakeControl;

  constructor(
    private readonly home: Home,
    private readonly key: string,
    asked: AskedFor,
    private readonly without: WithoutValue,
    parent: HTMLElement,
  ) {
    this.badge = new Badge(home);
    this.chart = chartControl(home);
    const parts = [this.label, this.set, this.badge.element, this.description];
    this.box = element("div", "driftdb-state", {}, ...parts);
    parent.append(this.box);
    this.configure(asked);
    this.replica = home.connection.session.state(key, this, without.initial);
    home.connection.listeners.add(this.redraw);
    this.set.addEventListener("focusout", ({ relatedTarget }) => {
      // From a part of the control to another it is in the same hand.
      if (!this.set.contains(relatedTarget as Node | null)) this.redraw();
    });
    this.redraw();
  }

  /** Show it as is asked for now; what somebody holds or types in stays until they leave it. */
  reconfigure(asked: AskedFor): void {
    this.configure(asked);
    this.redraw();
  }

  private configure(asked: AskedFor): void {
    const { min = null, max = null, step = null, options = [], description } = asked;
    const label = asked.label ?? this.key;
    const limitBytes = asked.limit_bytes ?? LIMIT_BYTES;
    const bounds = { min, max, step: step && rounded(step) };
    const wanted = { label, ...bounds, options, limitBytes, chart: asked.chart ?? null };
    const kind = asked.kind ?? null;
    this.outdated ||= stringify([kind, wanted]) !== stringify([this.kind, this.options ?? null]);
    this.options = wanted;
    this.kind = kind;
    this.pause = 1000 * (asked.throttle_seconds ?? 0);
    this.label.textContent = label;
    this.description.textContent = description ?? "";
    this.description.hidden = !description;
    if (description) this.set.setAttribute("aria-describedby", this.description.id);
    else this.set.removeAttribute("aria-describedby");
    this.fixed = asked.disabled === true || asked.read_only === true;
    this.readOnly = asked.read_only === true;
    this.box.classList.toggle("driftdb-read-only", this.readOnly);
    this.box.classList.toggle("driftdb-disabled", asked.disabled === true);
  }

  /** Leave the page and the room. */
  destroy(): void {
    this.control?.destroy?.();
    this.home.connection.listeners.delete(this.redraw);
    this.badge.destroy();
    this.replica.listeners.delete(this);
    this.home.connection.session.leave(this.replica.key);
    this.home.leave();
    this.box.remove();
  }

  get value(): Json | undefined {
    const { value } = this.replica; // which may be null
    return value === undefined ? this.without.remembered : value;
  }

  write(value: Json): void {
    this.badge.refuse(null);
    this.replica.write(value, this.pause);
  }

  update(step: (value: Json | undefined) => Json): void {
    this.badge.refuse(null);
    // What it is refused with is told to `refused`, or is shown by the value.
    this.replica.update(step, this.pause).catch(() => {});
  }

  changed(): void {
    this.redraw();
  }

  refused(code: string, message: string): void {
    this.badge.refuse(code === "forbidden" ? "read only" : message);
    this.redraw();
  }

  private get wanted(): MakeControl {
    const asked = this.kind === "chart" ? this.chart : CONTROLS.get(this.kind ?? "");
    if (asked !== undefined) return asked;
    const { make, value = null } = this;
    if (value === null) {
      // Whoever sees an empty control can set a value again.
      if (make !== null && KEPT_EMPTY.includes(make)) return make;
      const { min, max, step } = this.options;
      if (min !== null || max !== null || step !== null) return numberControl;
    }
    return typeof value === "string" && this.readOnly ? proseControl : controlFor(value);
  }

  /**
   * A control that somebody is in stays, whatever they, or others, make of the value. Where another
   * is asked for it stays only while it is held, or typed in.
   */
  private get stays(): boolean {
    const focused = focusedIn(this.set);
    return focused !== null && (!this.outdated || focused.matches(HELD));
  }

  private readonly redraw = (): void => {
    const make = this.wanted;
    if ((make !== this.make || this.outdated) && !this.stays) {
      const focused = focusedIn(this.set) !== null;
      this.make = make;
      this.outdated = false;
      this.control?.element.remove();
      this.control?.destroy?.();
      this.control = make(this, this.options);
      const { element, field } = this.control;
      this.set.append(element);
      if (field === undefined) this.label.removeAttribute("for");
      else this.label.htmlFor = field.id ||= freshId();
      if (focused) (field ?? element.querySelector<HTMLElement>("input, button"))?.focus();
    } else {
      this.control?.show(this.value);
    }
    // Before the room has said what there is, keys and clicks would change what nobody has seen.
    const allowed = this.home.connection.session.allows(this.key, "replace");
    // A chart changes nothing.
    const fixed = this.fixed || !allowed || !this.replica.begun;
    this.set.disabled = fixed && this.kind !== "chart";
    this.badge.allow(allowed);
    this.box.classList.toggle("driftdb-stale", !this.replica.ready);
  };
}

/** The controls that can be asked for (driftdb_jupyter.client.objects.control.Kind). */
const CONTROLS: ReadonlyMap<string, MakeControl> = new Map(
  Object.entries({
    area: areaControl,
    button: buttonControl,
    colour: colourControl,
    date: dateControl,
    datetime: datetimeControl,
    dropdown: dropdownControl,
    file: fileControl,
    multiselect: multiselectControl,
    number: fieldControl,
    radio: radioControl,
    range: rangeControl,
    slider: numberControl,
    table: tableControl,
    text: lineControl,
    time: timeControl,
    toggle: toggleControl,
    view: viewControl,
  }),
);

/** The controls that stay where a value is emptied: they are of use without one. */
const KEPT_EMPTY: readonly MakeControl[] = [
  ...MOMENTS,
  numberControl,
  lineControl,
  areaControl,
  toggleControl,
];

/** The control that fits a value where none was asked for. */
function controlFor(value: Json | undefined): MakeControl {
  switch (typeof value) {
    case "number":
      return numberControl;
    case "boolean":
      return toggleControl;
    case "string":
      return value.includes("\n") ? areaControl : lineControl;
  }
  if (tagged(value, "$date") !== null) return dateControl;
  if (tagged(value, "$datetime") !== null) return datetimeControl;
  if (tagged(value, "$time") !== null) return timeControl;
  return readTable(value) === null ? viewControl : tableControl;
}
