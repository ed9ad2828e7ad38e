import { check, checkOptions, type Rule } from "../client/check";
import { authorization } from "../client/connection";
import { Refused } from "../client/errors";
import { xsrf } from "../client/xsrf";
import { roomOf, tokenOf } from "../room/address";

/** Some actions (or roles), on keys, or on keys that begin so; without either on all of them. */
export interface LinkGrant {
  /** Actions and roles. */
  readonly can: string | readonly string[];
  /** Whole keys. */
  readonly keys?: readonly string[];
  /** Beginnings of keys. */
  readonly prefixes?: readonly string[];
}

/** What a new link gives, to how many, and until when. */
export interface LinkOptions {
  /** What it allows: `"read"` or `"write"`, or grants, as a policy has them. */
  readonly role: string | LinkGrant | readonly (string | LinkGrant)[];
  /** The keys that `role` is about, else the whole room; not beside grants. */
  readonly keys?: readonly string[];
  /** The one key that the page shows; without `keys` the link is about it alone. */
  readonly key?: string;
  /** How long it is good, in seconds; `null`: for ever. A day by default. */
  readonly expiresSeconds?: number | null;
  /** How it is listed. */
  readonly name?: string;
  /** How many people may come in by it; as many as the server lets by default. */
  readonly people?: number;
  /** Whether people have to give a name. */
  readonly askName?: boolean;
}

/** A share link, as the room lists it. */
export interface ShareLink {
  readonly id: string;
  readonly name: string;
  /** All that who comes in by it may do. */
  readonly grants: readonly unknown[];
  /** When it ends, in seconds since 1970; `null`: never. */
  readonly expiresAt: number | null;
  /** Whether it has ended. */
  readonly expired: boolean;
  readonly askName: boolean;
  /** How many came in by it, each of them one browser. */
  readonly people: number;
  readonly peopleLimit: number;
  /** How many of them are in the room now, and by how many connections. */
  readonly peopleHere: number;
  readonly connections: number;
}

/** A link that was just made. */
export interface NewLink extends ShareLink {
  /** What lets people in; it holds the link's secret, and is told only now. */
  readonly url: string;
  /** With what to start the server so that others reach it; `null` where they do. */
  readonly advice: string | null;
}

/** How whoever owns the room shows that. */
export interface OwnerOptions {
  /** The owner's secret, a signed token or a Jupyter server's; a function that returns it. */
  readonly token?: string | (() => string | Promise<string>);
}

type Told = Record<string, unknown>;

/** What each option of a link has to be, but for those that may be of several types. */
const OPTIONS: Record<string, Rule> = {
  keys: "object",
  key: "string",
  name: "string",
  people: 1,
  askName: "boolean",
};

/**
 * The share links of a room, for who owns it (docs/links.md). Its methods reject with a `Refused`,
 * and with what `fetch` rejects where the server can't be reached.
 */
export class ShareLinks {
  readonly #url: string;
  readonly #ask: () => string | undefined | Promise<string>;

  /** `url`: the room's, as `room` takes it, also with its `?token=`. */
  constructor(url: string, options: OwnerOptions = {}) {
    checkOptions(options, { token: "string or function" });
    const { token = tokenOf(url) ?? undefined } = options;
    this.#url = `${roomOf(url)}/links`;
    this.#ask = typeof token === "function" ? token : () => token;
  }

  /** Make a link. */
  async make(options: LinkOptions): Promise<NewLink> {
    const { role, expiresSeconds, ...others } = options;
    checkOptions(others, OPTIONS);
    const { key, keys = key === undefined ? undefined : [key], name, people, askName } = others;
    check(role !== undefined, 'a role ("read" or "write")', role);
    check(keys === undefined || typeof role === "string", "a role beside keys", typeof role);
    const told = (await this.#send("POST", "", {
      ...{ grants: keys === undefined ? role : { can: role, keys }, name, ask_name: askName },
      ...{ people_limit: people, lifetime_seconds: expiresSeconds },
    })) as Told;
    const [path, secret] = String(told.url).split("#");
    const query = key === undefined ? "" : `?key=${encodeURIComponent(key)}`;
    const advice = (told.advice ?? null) as string | null;
    return { ...listed(told), url: `${path}${query}#${secret}`, advice };
  }

  /** List the links, the oldest first. */
  async list(): Promise<ShareLink[]> {
    return ((await this.#send("GET")) as Told[]).map(listed);
  }

  /** Take back a link, by its id, or all of a name; whoever is in by one is put out at once. */
  async revoke(idOrName: string): Promise<number> {
    check(typeof idOrName === "string" && idOrName, "a link's id or name", idOrName);
    return (await this.#send("DELETE", `/${encodeURIComponent(idOrName)}`)) as number;
  }

  async #send(method: string, path = "", body?: object): Promise<unknown> {
    const token = await this.#ask();
    const answer = await fetch(this.#url + path, {
      ...{ method, headers: { ...xsrf(this.#url), ...authorization(token) }, cache: "no-store" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (answer.ok) return answer.json();
    const told = ((await answer.json().catch(() => null)) ?? {}) as Told;
    const { code = answer.status === 401 ? "forbidden" : "unavailable", message } = told;
    throw new Refused(String(code), String(message ?? `the server answered ${answer.status}`));
  }
}

function listed(told: Told): ShareLink {
  const { id, name, grants, expired = false, people = 0, connections = 0 } = told;
  return {
    ...{ id, name, grants, expired, people, connections },
    ...{ expiresAt: told.expires_at, peopleLimit: told.people_limit },
    ...{ peopleHere: told.people_here ?? 0, askName: told.ask_name },
  } as ShareLink;
}
