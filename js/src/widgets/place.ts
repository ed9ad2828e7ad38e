import { roomUrl } from "../client/address";
import type { Connection } from "../client/connection";
import { join, leave } from "../client/rooms";
import type { Session } from "../client/session";
import type { Json } from "../protocol/messages";
import { Badge } from "./badge";
import { element } from "./control";
import { type Carrier, throughKernel } from "./tunnel";

/** The kernel's side of a view, as far as the front end reads it. */
export interface PlaceModel extends Partial<Carrier> {
  get(name: "_server" | "_room" | "_key" | "_kind"): string;
  get(name: "_options"): { readonly [name: string]: Json };
}

/** Where a view is: in a room, under a label, with a badge. */
export class Place {
  readonly box: HTMLElement;
  readonly key: string;
  readonly label: string;
  private readonly connection: Connection;
  private readonly leaveKernel: () => void;
  private readonly badge: Badge;

  constructor(model: PlaceModel, parent: HTMLElement, className: string) {
    const room = model.get("_room");
    const { label } = model.get("_options");
    this.key = model.get("_key");
    this.label = typeof label === "string" ? label : this.key;
    this.connection = join(roomUrl(model.get("_server"), room));
    this.leaveKernel = throughKernel(model, this.connection);
    this.badge = new Badge(room, () => this.connection.retry());
    this.box = element("div", `driftdb-place ${className}`);
    const head = element("div", "driftdb-head");
    const title = element("span", "driftdb-label", { "aria-hidden": "true" });
    title.textContent = this.label;
    head.append(title, this.badge.element);
    this.box.append(head);
    parent.append(this.box);
    this.connection.listeners.add(this.update);
    this.update();
  }

  get session(): Session {
    return this.connection.session;
  }

  destroy(): void {
    this.connection.listeners.delete(this.update);
    this.connection.session.leave(this.key);
    this.leaveKernel();
    leave(this.connection);
    this.box.remove();
  }

  private readonly update = (): void => this.badge.show(this.connection, null);
}
