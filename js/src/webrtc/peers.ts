import { Listeners } from "../client/listeners";
import type { Person, Presence } from "../room/presence";
import type { PubSub } from "../room/pubsub";
import type { Room } from "../room/room";
import type { Value } from "../room/values";
import { Peer, type Signal } from "./peer";

export interface PeersOptions {
  /** The key of the room under which they find each other. */
  readonly key?: string;
  /** Servers for those behind a NAT, and all else that `RTCPeerConnection` takes. */
  readonly configuration?: RTCConfiguration;
  /** Audio and video for the others. */
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
 * Direct connections (WebRTC) to everybody who is in the room with the same: each with a data
 * channel, and media where some is given. The room carries only what they need to find each other;
 * who comes is connected, who leaves is not, and a connection that fails is made again.
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

  /** The own public id, once the room has answered. */
  get ownId(): string | null {
    return this.#presence.people.find(({ isMe }) => isMe)?.client ?? null;
  }

  /** The others, connected or about to be. */
  get connections(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /**
   * Send a value to one of them, or to all; returns to how many it went. Throws a `RangeError` for
   * one that is too large for a data channel (in today's browsers 256 KiB).
   */
  send(value: Value, to?: string): number {
    const wanted = this.connections.filter(({ id }) => to === undefined || id === to);
    return wanted.filter((peer) => peer.send(value)).length;
  }

  /** Call a function with each value that comes, and the id of who sent it. */
  onMessage(listener: (value: Value, from: string) => void): () => void {
    return this.#messages.add(listener);
  }

  /** Call a function when any connection is another: its state, its media, or that it is there. */
  onChange(listener: (connections: readonly Peer[]) => void): () => void {
    return this.#changes.add(listener);
  }

  /** End all connections, and be found no more. */
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
