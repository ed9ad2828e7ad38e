import { randomText } from "../client/random";

/** Why nobody is let in by a link, in words for people; `asksName`: until they say theirs. */
export class NotLetIn extends Error {
  constructor(
    message: string,
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
      body: JSON.stringify({ browser: browser(), name: this.name }),
    });
    const content: unknown = await answer.json().catch(() => ({}));
    const { ticket, action, code } = content as Record<string, unknown>;
    if (answer.ok && typeof ticket === "string") return ticket;
    if (answer.status === 403 && action === "name") throw new NotLetIn("", true);
    if (code === "quota") throw new NotLetIn("As many people came in by this link as may.");
    if ([401, 403, 404].includes(answer.status))
      throw new NotLetIn("This link has expired, or was taken back. Ask for another one.");
    throw new Error(`the server answered ${answer.status}`);
  }
}

let made = "";

/** What this browser calls itself, so that its person counts once. */
function browser(): string {
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
