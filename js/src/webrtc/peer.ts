import { randomText } from "../client/random";
import { parse, stringify } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { decode, encode, type Value } from "../room/values";

/** What two clients tell each other in order to connect. */
export type Signal = { description: Json } | { candidate: Json } | { hello: true };

interface PeerOptions {
  readonly id: string;
  /** Which of two offers that cross is dropped: the polite one's. */
  readonly polite: boolean;
  readonly configuration: RTCConfiguration | undefined;
  readonly media: MediaStream | undefined;
  readonly signal: (signal: Signal) => void;
  readonly onMessage: (value: Value) => void;
  readonly changed: () => void;
}

/**
 * A direct connection to one other client. Both sides may begin to negotiate it at once ("perfect
 * negotiation", WebRTC 1.0, 10.7).
 */
export class Peer {
  /** The other client's public id. */
  readonly id: string;
  /** @internal Tells this connection from earlier ones to the same client. */
  readonly run = randomText(9);
  /** @internal The other end's `run`, once it is known. */
  theirs: string | null = null;
  /** The browser's own object, for its statistics, say. */
  readonly connection: RTCPeerConnection;
  /** The other's audio and video. */
  readonly streams: MediaStream[] = [];
  readonly #channel: RTCDataChannel;
  readonly #early: RTCIceCandidateInit[] = [];
  #applied: Promise<void> = Promise.resolve();
  #offering = false;
  #ignores = false;

  readonly #options: PeerOptions;

  /** @internal */
  constructor(options: PeerOptions) {
    this.#options = options;
    this.id = options.id;
    this.connection = new RTCPeerConnection(options.configuration);
    // Both make it, under one number: so nobody has to wait for the other's.
    this.#channel = this.connection.createDataChannel("data", { negotiated: true, id: 0 });
    this.#channel.onopen = this.#channel.onclose = () => options.changed();
    this.#channel.onmessage = ({ data }) => {
      if (typeof data !== "string") return;
      let value: Value;
      try {
        value = decode(parse(data) as Json);
      } catch (error) {
        console.warn("driftdb:", error); // the other sent what is no value
        return;
      }
      options.onMessage(value);
    };
    for (const track of options.media?.getTracks() ?? [])
      this.connection.addTrack(track, options.media as MediaStream);
    this.connection.ontrack = ({ streams }) => {
      for (const stream of streams) if (!this.streams.includes(stream)) this.streams.push(stream);
      options.changed();
    };
    this.connection.onnegotiationneeded = () => {
      // The other one makes the first offer, as soon as it knows of this end: when two cross,
      // browsers may come out of it without a candidate.
      if (options.polite && this.connection.remoteDescription === null) {
        options.signal({ hello: true });
        return;
      }
      this.#offer().catch((error: unknown) => console.warn("driftdb:", error));
    };
    this.connection.onicecandidate = ({ candidate }) => {
      if (candidate !== null) options.signal({ candidate: plain(candidate) });
    };
    this.connection.onconnectionstatechange = () => {
      if (this.connection.connectionState === "failed") this.connection.restartIce();
      options.changed();
    };
  }

  /** Whether values can be sent. */
  get open(): boolean {
    return this.#channel.readyState === "open";
  }

  /**
   * Send a value; returns whether it was sent: not while the connection isn't open, or too much is
   * buffered. Throws a `RangeError` for a value that is too large.
   */
  send(value: Value): boolean {
    if (!this.open) return false;
    const text = stringify(encode(value));
    const most = this.connection.sctp?.maxMessageSize ?? Number.POSITIVE_INFINITY;
    const { length } = new TextEncoder().encode(text);
    if (length > most)
      throw new RangeError(`expected a value of at most ${most} bytes, got one of ${length}`);
    try {
      this.#channel.send(text);
      return true;
    } catch {
      return false; // what is on its way fills the browser's queue
    }
  }

  /** How many bytes are buffered on their way to the other. */
  get buffered(): number {
    return this.#channel.bufferedAmount;
  }

  /** End this connection. */
  close(): void {
    this.connection.close();
  }

  /** @internal Apply a signal of the other's; one after the other, in their order. */
  onSignal(signal: Signal): void {
    this.#applied = this.#applied
      .then(() => this.#apply(signal))
      .catch((error: unknown) => {
        if (this.connection.signalingState !== "closed") console.warn("driftdb:", error);
      });
  }

  async #apply(signal: Signal): Promise<void> {
    const { connection } = this;
    if (connection.signalingState === "closed" || "hello" in signal) return;
    if ("candidate" in signal) {
      const candidate = signal.candidate as RTCIceCandidateInit;
      // Those of an offer that was dropped belong to nothing.
      if (this.#ignores) return;
      if (connection.remoteDescription === null) this.#early.push(candidate);
      else await connection.addIceCandidate(candidate);
      return;
    }
    const description = signal.description as unknown as RTCSessionDescriptionInit;
    const offered = description.type === "offer";
    const crossed = offered && (this.#offering || connection.signalingState !== "stable");
    this.#ignores = !this.#options.polite && crossed;
    if (this.#ignores) return;
    await connection.setRemoteDescription(description);
    for (const candidate of this.#early.splice(0)) await connection.addIceCandidate(candidate);
    if (!offered) return;
    await connection.setLocalDescription();
    this.#tellDescription();
  }

  async #offer(): Promise<void> {
    try {
      this.#offering = true;
      await this.connection.setLocalDescription();
      this.#tellDescription();
    } finally {
      this.#offering = false;
    }
  }

  #tellDescription(): void {
    const { localDescription } = this.connection;
    if (localDescription !== null) this.#options.signal({ description: plain(localDescription) });
  }
}

function plain(value: RTCIceCandidate | RTCSessionDescription): Json {
  return value.toJSON() as Json;
}
