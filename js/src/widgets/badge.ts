import type { Connection } from "../client/connection";
import type { PresenceListener, PresenceReplica } from "../client/presence";
import { nameOf } from "../client/user";
import { announce } from "./announce";
import { element } from "./control";
import type { Home } from "./home";
import { withUnseen } from "./unseen";

/** Under this key each page says that it is there. */
const HERE = "$here";
/** So many names are told. */
const NAMES = 20;

const READ_ONLY = "Connected: you see what others change; you have no permission to change it.";

/** A shorter absence is not worth a word. */
const SHORT_MILLISECONDS = 5_000;

/**
 * How it stands with the connection, and who else is there, quietly; with a button where a person
 * can do something.
 */
export class Badge implements PresenceListener {
  readonly element = element("span", "driftdb-badge");
  private readonly text = element("span", "driftdb-badge-text", { dir: "auto" });
  private readonly others = element("span", "driftdb-others");
  private readonly button = element("button", "driftdb-retry", { type: "button" }, "Try again");
  private readonly page = element("a", "driftdb-page", { target: "_blank", rel: "noopener" });
  private readonly here: PresenceReplica;
  private refusal: string | null = null;
  private allowed = true;

  constructor(private readonly home: Home) {
    this.button.addEventListener("click", () => home.connection.retry());
    this.page.textContent = "↗";
    this.page.setAttribute("aria-label", "Open the room's page");
    const dot = element("span", "driftdb-dot", { "aria-hidden": "true" });
    this.element.append(dot, this.text, this.others, this.button, this.page);
    this.here = home.connection.session.presence(HERE, this);
    this.here.set(true, this);
    home.connection.listeners.add(this.redraw);
    this.redraw();
  }

  destroy(): void {
    this.home.connection.listeners.delete(this.redraw);
    this.here.listeners.delete(this);
    this.home.connection.session.leave(HERE);
  }

  /** A write was refused; `null`: it is as if none had been. */
  refuse(refusal: string | null): void {
    this.refusal = refusal;
    this.redraw();
  }

  /** Whether the server lets the value be changed. */
  allow(allowed: boolean): void {
    if (allowed === this.allowed) return;
    this.refusal = null;
    this.allowed = allowed;
    this.redraw();
  }

  updated(): void {
    this.redraw();
  }

  private readonly redraw = (): void => {
    const { room, connection } = this.home;
    const { phase } = connection.status;
    const connected = phase === "connected";
    const text = connected && !this.allowed ? READ_ONLY : connection.status.text;
    const refusal = this.refusal ?? (this.allowed ? null : "read only");
    const label = connected && refusal !== null ? refusal : this.label(connection);
    this.element.dataset.room = connection.url;
    const [first = this.element] =
      this.element
        .closest(".widget-box, .driftdb-box")
        ?.querySelectorAll<HTMLElement>(".driftdb-badge") ?? [];
    // In a box the first one says it for all of its room.
    const repeats = first !== this.element && first.dataset.room === connection.url;
    this.element.classList.toggle("driftdb-repeats", repeats && connected && refusal === null);
    this.element.dataset.phase = connected && refusal !== null ? "refused" : phase;
    if (label !== this.text.textContent) {
      if (this.text.textContent !== "") announce(() => label);
      this.text.textContent = label;
    }
    this.element.title = `Room “${room}”. ${text}${this.names()}`;
    const { size } = this.here.people;
    this.others.textContent = connected && size > 1 ? `${size} here` : "";
    this.page.href = `${connection.url}/page`;
    this.page.hidden = !connected || connection.detoured;
    this.button.hidden = !["reconnecting", "refused", "gone"].includes(phase);
  };

  private names(): string {
    const people = [...this.here.people.values()];
    if (people.length < 2) return "";
    const windows = new Map<string, number>();
    for (const { user } of people) {
      const name = withUnseen(nameOf(user) ?? "a guest");
      windows.set(name, (windows.get(name) ?? 0) + 1);
    }
    const names = [...windows].map(([name, count]) =>
      count > 1 ? `${name} (${count} windows)` : name,
    );
    const more = names.length > NAMES ? " …" : "";
    return ` Here: ${names.slice(0, NAMES).join(", ")}${more}.`;
  }

  private label({ status, waiting, offlineSince, detoured }: Connection): string {
    switch (status.phase) {
      case "connected":
        return detoured ? `${this.home.room} (through the kernel)` : this.home.room;
      case "connecting":
        return "connecting…";
      case "reconnecting":
        if (waiting > 0) return `offline (${count(waiting)} kept, sent when it is back)`;
        return Date.now() - (offlineSince ?? 0) < SHORT_MILLISECONDS ? "reconnecting…" : "offline";
      case "refused":
        return "stopped: no permission";
      case "gone":
        return "stopped: the room is gone";
      case "closed":
        return "closed";
    }
  }
}

function count(writes: number): string {
  return writes === 1 ? "1 write" : `${writes} writes`;
}
