import { roomUrl } from "../client/address";
import type { Connection } from "../client/connection";
import { join, leave } from "../client/rooms";
import type { StateListener, StateReplica } from "../client/state";
import type { Json } from "../protocol/messages";
import { Badge } from "./badge";
import {
  type Control,
  type ControlOptions,
  element,
  type MakeControl,
  type Source,
} from "./control";
import { numberControl } from "./number";
import { areaControl, lineControl } from "./text";
import { toggleControl } from "./toggle";
import { viewControl } from "./view";

/** The kernel's side of a shared state, as far as the front end reads it. */
export interface StateModel {
  get(name: "_server" | "_room" | "_key"): string;
  get(name: "_initial"): Json;
  get(name: "_control"): { [Name in "min" | "max" | "step"]?: number | null } & {
    label?: string | null;
  };
}

/** A shared state in a page: the control that fits its value, and a badge. */
export class StateView implements StateListener, Source {
  private readonly connection: Connection;
  private readonly replica: StateReplica;
  private readonly options: ControlOptions;
  private readonly badge: Badge;
  private readonly box = element("div", "driftdb-state");
  private readonly label = element("span", "driftdb-label", { "aria-hidden": "true" });
  private make: MakeControl | null = null;
  private control: Control | null = null;
  private refusal: string | null = null;

  constructor(model: StateModel, parent: HTMLElement) {
    const room = model.get("_room");
    const key = model.get("_key");
    const { label, min, max, step } = model.get("_control");
    this.options = { label: label ?? key, min: min ?? null, max: max ?? null, step: step ?? null };
    this.connection = join(roomUrl(model.get("_server"), room));
    this.badge = new Badge(room, () => this.connection.retry());
    this.label.textContent = this.options.label;
    this.box.append(this.label, this.badge.element);
    parent.append(this.box);
    const initial = model.get("_initial") ?? undefined;
    this.replica = this.connection.session.state(key, this, initial);
    this.connection.listeners.add(this.update);
    this.update();
  }

  /** Leave the page and the room. */
  destroy(): void {
    this.connection.listeners.delete(this.update);
    this.replica.listeners.delete(this);
    leave(this.connection);
    this.box.remove();
  }

  get value(): Json | undefined {
    return this.replica.value;
  }

  get pending(): boolean {
    return this.replica.pending;
  }

  write(value: Json): void {
    this.refusal = null;
    this.replica.write(value);
  }

  changed(): void {
    this.update();
  }

  refused(code: string, message: string): void {
    this.refusal = code === "forbidden" ? "read only" : message;
    this.update();
  }

  private readonly update = (): void => {
    const make = controlFor(this.value);
    if (make !== this.make) {
      this.make = make;
      this.control?.element.remove();
      this.control = make(this, this.options);
      this.label.after(this.control.element);
    } else {
      this.control?.show(this.value);
    }
    this.box.classList.toggle("driftdb-stale", !this.replica.ready);
    this.badge.show(this.connection, this.refusal);
  };
}

/** The control for a kind of value. */
function controlFor(value: Json | undefined): MakeControl {
  switch (typeof value) {
    case "number":
      return numberControl;
    case "boolean":
      return toggleControl;
    case "string":
      return value.includes("\n") ? areaControl : lineControl;
    default:
      return viewControl;
  }
}
