import type { Status } from "../client/connection";
import { element } from "./control";

/** How it stands with the connection, quietly; with a button where a person can do something. */
export class Badge {
  readonly element = element("span", "driftdb-badge");
  private readonly text = element("span", "driftdb-badge-text", { role: "status" });
  private readonly button = element("button", "driftdb-retry", { type: "button" });

  constructor(
    private readonly room: string,
    retry: () => void,
  ) {
    this.button.textContent = "Retry";
    this.button.addEventListener("click", retry);
    this.element.append(element("span", "driftdb-dot", { "aria-hidden": "true" }), this.text);
    this.element.append(this.button);
  }

  show(status: Status, refusal: string | null, pending: boolean): void {
    const readOnly = status.phase === "connected" && refusal !== null;
    this.element.dataset.phase = readOnly ? "refused" : status.phase;
    this.text.textContent = readOnly ? refusal : this.label(status, pending);
    this.element.title = `Room “${this.room}”. ${status.text}`;
    this.button.hidden = !["reconnecting", "refused", "gone"].includes(status.phase);
  }

  private label(status: Status, pending: boolean): string {
    switch (status.phase) {
      case "connected":
        return this.room;
      case "connecting":
        return "connecting…";
      case "reconnecting":
        return pending ? "offline, your change is kept" : "offline";
      case "refused":
        return "no permission";
      case "gone":
        return "room is gone";
      case "closed":
        return "closed";
    }
  }
}
