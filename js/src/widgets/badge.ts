import type { Connection } from "../client/connection";
import { element } from "./control";

/** What of a connection is shown. */
type Shown = Pick<Connection, "url" | "status" | "waiting" | "offlineSince" | "detoured">;

/** A shorter absence is not worth a word. */
const SHORT_MILLISECONDS = 5_000;

/** How it stands with the connection, quietly; with a button where a person can do something. */
export class Badge {
  readonly element = element("span", "driftdb-badge");
  private readonly text = element("span", "driftdb-badge-text", {
    role: "status",
    "aria-live": "polite",
  });
  private readonly button = element("button", "driftdb-retry", { type: "button" });
  private readonly page = element("a", "driftdb-page", { target: "_blank", rel: "noopener" });

  constructor(
    private readonly room: string,
    retry: () => void,
  ) {
    this.button.textContent = "Try again";
    this.button.addEventListener("click", retry);
    this.element.append(element("span", "driftdb-dot", { "aria-hidden": "true" }), this.text);
    this.page.textContent = "↗";
    this.page.setAttribute("aria-label", "Open the room's page");
    this.element.append(this.button, this.page);
  }

  show(shown: Shown, refusal: string | null): void {
    const { phase, text } = shown.status;
    const readOnly = phase === "connected" && refusal !== null;
    const label = readOnly ? refusal : this.label(shown);
    this.element.dataset.phase = readOnly ? "refused" : phase;
    // The same text anew would be read out anew.
    if (label !== this.text.textContent) this.text.textContent = label;
    this.element.title = `Room “${this.room}”. ${text}`;
    this.page.href = `${shown.url}/page`;
    this.page.hidden = phase !== "connected" || shown.detoured;
    this.button.hidden = !["reconnecting", "refused", "gone"].includes(phase);
  }

  private label({ status, waiting, offlineSince, detoured }: Shown): string {
    switch (status.phase) {
      case "connected":
        return detoured ? `${this.room} (through the kernel)` : this.room;
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
