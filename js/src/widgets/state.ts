import type { StateListener, StateReplica } from "../client/state";
import type { Json } from "../protocol/messages";
import { Badge } from "./badge";
import { buttonControl } from "./button";
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
import { hasFocus } from "./focus";
import type { Home } from "./home";
import { dateControl, datetimeControl, MOMENTS, timeControl } from "./moment";
import { fieldControl, numberControl } from "./number";
import { rangeControl } from "./range";
import { readTable, tableControl } from "./table";
import { areaControl, lineControl } from "./text";
import { toggleControl } from "./toggle";
import { viewControl } from "./view";

/** What the author asked for (driftdb_jupyter.client.objects.control). */
export interface AskedFor {
  readonly kind?: string | null;
  readonly min?: number | null;
  readonly max?: number | null;
  readonly step?: number | null;
  readonly label?: string | null;
  readonly description?: string | null;
  readonly options?: readonly (readonly [string, Json])[];
  readonly disabled?: boolean;
  readonly read_only?: boolean;
  readonly limit_bytes?: number;
  readonly throttle_seconds?: number;
}

/** What to do where the room has no value. */
export interface WithoutValue {
  /** Is written there. */
  readonly initial?: Json | undefined;
  /** Is shown, as what was there once. */
  readonly remembered?: Json | undefined;
}

const LIMIT_BYTES = 512 * 1024;

let described = 0;

/** A shared state in a page: the control that fits its value, and a badge. */
export class StateView implements StateListener, Source {
  private readonly replica: StateReplica;
  /** How long nothing is sent after a write, in milliseconds; the last value always arrives. */
  private readonly pause: number;
  private readonly options: ControlOptions;
  private readonly badge: Badge;
  private readonly box = element("div", "driftdb-state");
  private readonly label = element("span", "driftdb-label", { "aria-hidden": "true" });
  /** Around the control, for what is in it can be disabled as a whole. */
  private readonly set = element("fieldset", "driftdb-set");
  private readonly kind: string | null;
  private make: MakeControl | null = null;
  private control: Control | null = null;

  constructor(
    private readonly home: Home,
    key: string,
    asked: AskedFor,
    private readonly without: WithoutValue,
    parent: HTMLElement,
  ) {
    const label = asked.label ?? key;
    const { min = null, max = null, step = null, options = [] } = asked;
    this.options = {
      ...{ label, min, max, step, options },
      limitBytes: asked.limit_bytes ?? LIMIT_BYTES,
    };
    this.kind = asked.kind ?? null;
    this.badge = new Badge(home);
    this.label.textContent = this.options.label;
    this.box.append(this.label, this.set, this.badge.element);
    if (asked.description) {
      described += 1;
      const id = `driftdb-${described}`;
      const description = element("p", "driftdb-description", { id });
      description.textContent = asked.description;
      this.set.setAttribute("aria-describedby", description.id);
      this.box.append(description);
    }
    parent.append(this.box);
    this.ask(asked);
    this.replica = home.connection.session.state(key, this, without.initial);
    this.pause = 1000 * (asked.throttle_seconds ?? 0);
    home.connection.listeners.add(this.redraw);
    this.set.addEventListener("focusout", ({ relatedTarget }) => {
      // From a part of the control to another it is in the same hand.
      if (!this.set.contains(relatedTarget as Node | null)) this.redraw();
    });
    this.redraw();
  }

  /** Let it be changed, or not, as is asked for now. */
  ask({ disabled = false, read_only = false }: AskedFor): void {
    this.set.disabled = disabled || read_only;
    this.box.classList.toggle("driftdb-disabled", disabled);
  }

  /** Leave the page and the room. */
  destroy(): void {
    this.home.connection.listeners.delete(this.redraw);
    this.badge.destroy();
    this.replica.listeners.delete(this);
    this.home.connection.session.leave(this.replica.key);
    this.home.leave();
    this.box.remove();
  }

  get value(): Json | undefined {
    return this.replica.value ?? this.without.remembered;
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
    const asked = CONTROLS.get(this.kind ?? "");
    if (asked !== undefined) return asked;
    const { make, value = null } = this;
    return make !== null && value === null && MOMENTS.includes(make) ? make : controlFor(value);
  }

  private readonly redraw = (): void => {
    const make = this.wanted;
    // A control that somebody is in stays, whatever they, or others, make of the value.
    if (make !== this.make && !hasFocus(this.set)) {
      this.make = make;
      this.control?.element.remove();
      this.control = make(this, this.options);
      this.set.append(this.control.element);
    } else {
      this.control?.show(this.value);
    }
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
