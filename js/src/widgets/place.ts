import type { Session } from "../client/session";
import type { Json } from "../protocol/messages";
import { Badge } from "./badge";
import { element } from "./control";
import type { Home } from "./home";

/** How a view is to be shown; a kernel, or anybody, said so. */
export type ViewOptions = { readonly [name: string]: Json };

/** Where a view is: in a room, under a label, with a badge. */
export class Place {
  readonly box: HTMLElement;
  readonly label: string;
  private readonly badge: Badge;

  constructor(
    private readonly home: Home,
    readonly key: string,
    { label }: ViewOptions,
    parent: HTMLElement,
    className: string,
  ) {
    this.label = typeof label === "string" ? label : key;
    this.badge = new Badge(home);
    const hidden = { "aria-hidden": "true", dir: "auto" }; // the list is called so
    const title = element("span", "driftdb-label", hidden, this.label);
    const head = element("div", "driftdb-head", {}, title, this.badge.element);
    this.box = element("div", `driftdb-place ${className}`, {}, head);
    parent.append(this.box);
  }

  get session(): Session {
    return this.home.connection.session;
  }

  /** A write was refused; `null`: it is as if none had been. */
  refuse(refusal: string | null): void {
    this.badge.refuse(refusal);
  }

  /** Whether the server lets the value be changed. */
  allow(allowed: boolean): void {
    this.badge.allow(allowed);
  }

  destroy(): void {
    this.badge.destroy();
    this.session.leave(this.key);
    this.home.leave();
    this.box.remove();
  }
}
