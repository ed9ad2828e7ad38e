/**
 * For servers alone: whoever has the key can sign for every room, so it belongs in no page.
 *
 * @module
 */
import { check, checkOptions, type Rule } from "../client/check";

/** What a token says: which room, what may be done there, who it is, and how long. */
export interface TokenOptions {
  /** The room's name or id. */
  readonly room?: string;
  /** In place of `room`: how the names of all rooms begin that are meant. */
  readonly roomPrefix?: string;
  /** A secret of 32 bytes or more, or what a key file holds: a JWK or JWK Set with secrets. */
  readonly key: string;
  /** The id of the key that signs, where there are several; the first by default. */
  readonly kid?: string;
  /** What it allows; without `role` and `grants` what the room's policy gives to its holder. */
  readonly role?: "read" | "write" | "admin";
  /** Roles and grants, as a policy has them. */
  readonly grants?: readonly (string | TokenGrant)[];
  /** How long it is good, in seconds; 3600 by default. */
  readonly expiresSeconds?: number;
  /** As whom a policy's `users` knows its holder. */
  readonly subject?: string;
  /** What others are shown. */
  readonly name?: string;
  /** The groups of a policy that its holder is in. */
  readonly groups?: readonly string[];
  /** The server's `token_audience`. */
  readonly audience?: string;
  /** The server's `token_issuer`. */
  readonly issuer?: string;
  /** By which it can be taken back; a random one by default. */
  readonly id?: string;
  /** When it was signed, in seconds since 1970; now by default. */
  readonly issuedAt?: number;
}

/** Some actions (or roles), on keys, or on keys that begin so; without either on all of them. */
export interface TokenGrant {
  /** Actions and roles. */
  readonly can: string | readonly string[];
  /** Whole keys. */
  readonly keys?: readonly string[];
  /** Beginnings of keys. */
  readonly prefixes?: readonly string[];
}

const LEAST_BYTES = 32;

const ROLES = ["read", "write", "admin"];

/** What each option has to be, but for the key, which is told to nobody. */
const OPTIONS: Record<Exclude<keyof TokenOptions, "key">, Rule> = {
  room: "string",
  roomPrefix: "string",
  kid: "string",
  role: "string",
  grants: "object",
  expiresSeconds: 0,
  subject: "string",
  name: "string",
  groups: "object",
  audience: "string",
  issuer: "string",
  id: "string",
  issuedAt: 0,
};

/**
 * Sign a token (HS256): whoever has it may use a room, as it says, until it ends. Rejects with a
 * `TypeError` for a key or options that no server would take.
 */
export async function createToken(options: TokenOptions): Promise<string> {
  const { key: _, ...others } = options;
  checkOptions(others, OPTIONS);
  const { room, roomPrefix, role, grants, groups, subject, name, audience, issuer } = options;
  const named =
    (room ?? roomPrefix ?? "") !== "" && (room === undefined) !== (roomPrefix === undefined);
  check(named, "either room or roomPrefix", room ?? roomPrefix);
  check(role === undefined || ROLES.includes(role), `a role (${ROLES.join(", ")})`, role);
  check(typeof options.key === "string", "a string as key", typeof options.key);
  const { expiresSeconds = 3600, issuedAt = Date.now() / 1000 } = options;
  const [kid, secret] = keyOf(options.key, options.kid);
  const claims = {
    ...{
      room,
      room_prefix: roomPrefix,
      role,
      grants,
      iat: issuedAt,
      exp: issuedAt + expiresSeconds,
    },
    ...{ sub: subject, name, groups, aud: audience, iss: issuer },
    jti: options.id ?? crypto.randomUUID(),
  };
  const header = { alg: "HS256", typ: "JWT", kid };
  const text = new TextEncoder();
  const unsigned = [header, claims]
    .map((part) => base64url(text.encode(JSON.stringify(part))))
    .join(".");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", key, text.encode(unsigned));
  return `${unsigned}.${base64url(new Uint8Array(signature))}`;
}

/** The id and bytes of the key that signs. What is wrong is told without the key. */
function keyOf(content: string, kid?: string): [string | undefined, Uint8Array<ArrayBuffer>] {
  const found = content.trimStart().startsWith("{") ? ofSet(content, kid) : undefined;
  const secret = found === undefined ? new TextEncoder().encode(content.trim()) : bytesOf(found.k);
  check(secret.length >= LEAST_BYTES, `a key of at least ${LEAST_BYTES} bytes`, secret.length);
  return [found === undefined ? kid : found.kid, secret];
}

interface SecretKey {
  kty?: unknown;
  kid?: string;
  k: string;
}

function ofSet(content: string, kid?: string): SecretKey {
  let keys: SecretKey[] = [];
  try {
    const set = JSON.parse(content) as { keys?: SecretKey[] } & SecretKey;
    keys = set.keys ?? [set];
  } catch {
    // No JSON: there is no key in it.
  }
  const key = keys.find((each) => each.kty === "oct" && (kid === undefined || each.kid === kid));
  if (key === undefined) throw new TypeError("expected a secret (kty: oct) in key, got none");
  return key;
}

function bytesOf(encoded: string): Uint8Array<ArrayBuffer> {
  const binary = atob(encoded.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function base64url(bytes: Uint8Array): string {
  const binary = String.fromCharCode(...bytes);
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
