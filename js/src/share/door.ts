import { randomText } from "../client/random";

/** Nobody is let in by a link, for the reason that the message tells. */
export class NotLetIn extends Error {
  override readonly name = "NotLetIn";

  constructor(
    message: string,
    /** Whether it lets in whoever says a name. */
    readonly asksName = false,
  ) {
    super(message);
  }
}

const BROWSER = "driftdb-browser";
const BROWSER_BYTES = 16;

/**
 * The way into a room by a share link (docs/links.md). `url` is the room's, `secret` the link's,
 * which is shown to its server alone.
 */
export class Door {
  /** What the person is called, as the link may demand. */
  name = "";
  /** The text by which the person counts as one. */
  browser = "";
  #ready: string | null = null;

  constructor(
    private readonly url: string,
    private readonly secret: string,
  ) {}

  /**
   * Find out whether the link is good. Throws `NotLetIn` where it isn't, and what `fetch` does where
   * the server can't be reached.
   */
  async knock(): Promise<void> {
    this.#ready = await this.ticket();
  }

  /** A ticket, which opens one socket. Throws as `knock` does. */
  async ticket(): Promise<string> {
    const ready = this.#ready;
    this.#ready = null;
    if (ready !== null) return ready;
    const answer = await fetch(`${this.url}/ticket`, {
      method: "POST",
      // Whoever is logged in at the same server comes as who has the link, all the same.
      credentials: "omit",
      headers: { Authorization: `Bearer ${this.secret}` },
      body: JSON.stringify({ browser: this.browser || ownBrowser(), name: this.name }),
    });
    const content: unknown = await answer.json().catch(() => ({}));
    const { ticket, action, code } = content as Record<string, unknown>;
    if (answer.ok && typeof ticket === "string") return ticket;
    if (answer.status === 403 && action === "name")
      throw new NotLetIn("This link asks for a name.", true);
    if (code === "quota") throw new NotLetIn("As many people came in by this link as may.");
    if ([401, 403, 404].includes(answer.status))
      throw new NotLetIn("This link has expired, or was taken back. Ask for another one.");
    throw new Error(`the server answered ${answer.status}`);
  }
}

let made = "";

/** What this browser calls itself, so that its person counts once. */
function ownBrowser(): string {
  try {
    made ||= localStorage.getItem(BROWSER) ?? "";
    if (made === "") {
      made = randomText(BROWSER_BYTES);
      localStorage.setItem(BROWSER, made);
    }
  } catch {
    made ||= randomText(BROWSER_BYTES); // it keeps nothing
  }
  return made;
}
