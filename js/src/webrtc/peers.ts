import { checkOptions } from "../client/check";
import { Listeners } from "../client/listeners";
import type { Person, Presence } from "../room/presence";
import type { PubSub } from "../room/pubsub";
import type { Room } from "../room/room";
import type { Value } from "../room/values";
import { Peer, type Signal } from "./peer";

/** How direct connections are made. */
export interface PeersOptions {
  /** The key of the room under which clients find each other; `webrtc` by default. */
  readonly key?: string;
  /** STUN and TURN servers, and all else that `RTCPeerConnection` takes. */
  readonly configuration?: RTCConfiguration;
  /** Audio and video to send to the others. */
  readonly media?: MediaStream;
}

/**
 * A signal on its way from one client to another. `run` tells the sender's connections to the same
 * client apart, and `for` is the receiver's, as far as it is known.
 */
type Envelope = {
  readonly to: string;
  readonly run: string;
  readonly for: string | null;
  readonly signal: Signal;
};

/**
 * Direct connections (WebRTC) to all clients of a room that use the same key: each with a data
 * channel, and media where some is given. Clients are connected as they come and go, and a
 * connection that fails is made again. The room carries only the signals that this takes.
 */
export class Peers {
  readonly #presence: Presence<true>;
  readonly #channel: PubSub<Envelope>;
  readonly #peers = new Map<string, Peer>();
  readonly #messages = new Listeners<[Value, string]>();
  readonly #changes = new Listeners<[readonly Peer[]]>();
  readonly #ends: (() => void)[];

  readonly #options: PeersOptions;

  constructor(room: Room, options: PeersOptions = {}) {
    checkOptions(options, { key: "string", configuration: "object", media: "object" });
    this.#options = options;
    const key = options.key ?? "webrtc";
    // Nothing for people to read; and who sent a signal is what the room says, not the signal.
    this.#channel = room.pubsub<Envelope>(key, { stamps: true, describe: false });
    this.#presence = room.presence<true>(key, true);
    this.#ends = [
      this.#channel.subscribe((envelope, { client }) => this.#onSignal(envelope, client)),
      this.#presence.subscribe((people) => this.#follow(people)),
    ];
    this.#follow(this.#presence.people);
  }

  /** The own public id; `null` until the room has answered. */
  get ownId(): string | null {
    return this.#presence.people.find(({ isMe }) => isMe)?.client ?? null;
  }

  /** The connections to the others, also those that are about to open. */
  get connections(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /**
   * Send a value to one client, or to all; returns to how many. Throws a `RangeError` for a value
   * that is too large for a data channel (in today's browsers 256 KiB).
   */
  send(value: Value, to?: string): number {
    const wanted = this.connections.filter(({ id }) => to === undefined || id === to);
    return wanted.filter((peer) => peer.send(value)).length;
  }

  /** Call a function with each value that is received, and the sender's id. */
  onMessage(listener: (value: Value, from: string) => void): () => void {
    return this.#messages.add(listener);
  }

  /** Call a function when a connection comes, goes, or changes its state or media. */
  onChange(listener: (connections: readonly Peer[]) => void): () => void {
    return this.#changes.add(listener);
  }

  /** End all connections, and accept no others. */
  close(): void {
    for (const end of this.#ends) end();
    for (const peer of this.#peers.values()) peer.close();
    this.#peers.clear();
    this.#messages.clear();
    this.#changes.clear();
    this.#presence.close();
    this.#channel.close();
  }

  #follow(people: readonly Person<true>[]): void {
    const there = new Set(people.filter(({ isMe }) => !isMe).map(({ client }) => client));
    const before = this.#peers.size;
    for (const [id, peer] of [...this.#peers]) {
      if (there.has(id)) continue;
      peer.close();
      this.#peers.delete(id);
    }
    const left = before !== this.#peers.size;
    const { ownId } = this;
    if (ownId === null) return;
    const fresh = [...there].filter((id) => !this.#peers.has(id));
    for (const id of fresh) this.#meet(ownId, id);
    if (left || fresh.length > 0) this.#changes.notify(this.connections);
  }

  #meet(ownId: string, id: string): Peer {
    const { configuration, media } = this.#options;
    const peer: Peer = new Peer({
      id,
      // Of two, the same one always gives way: so they never wait for each other.
      polite: ownId < id,
      configuration,
      media,
      signal: (signal) => {
        const { run, theirs } = peer;
        this.#channel.publish({ to: id, run, for: theirs, signal }).catch(() => {});
      },
      onMessage: (value) => this.#messages.notify(value, id),
      changed: () => this.#changes.notify(this.connections),
    });
    this.#peers.set(id, peer);
    return peer;
  }

  #onSignal(envelope: Envelope, from: string | null): void {
    const { ownId } = this;
    if (ownId === null || from === null || !isEnvelope(envelope) || envelope.to !== ownId) return;
    const { run, for: meant, signal } = envelope;
    // A signal may come before the word that its sender is there.
    let peer = this.#peers.get(from) ?? this.#meet(ownId, from);
    if (meant !== null && meant !== peer.run) return; // for one that is closed
    if (peer.theirs !== null && peer.theirs !== run) {
      // The other began anew.
      peer.close();
      peer = this.#meet(ownId, from);
    }
    peer.theirs = run;
    peer.onSignal(signal);
  }
}

/** Anybody may publish anything. */
function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== "object" || value === null) return false;
  const { to, run, signal } = value as Record<string, unknown>;
  return (
    typeof to === "string" &&
    typeof run === "string" &&
    typeof signal === "object" &&
    signal !== null
  );
}
