/** A data channel whose far end the test plays. */
export class FakeChannel {
  readyState = "connecting";
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly sent: string[] = [];

  send(text: string): void {
    this.sent.push(text);
  }

  open(): void {
    this.readyState = "open";
    this.onopen?.();
  }
}

interface Description {
  readonly type: string;
  readonly sdp: string;
}

/** An RTCPeerConnection that only notes what it is told. */
export class FakePeerConnection {
  static made: FakePeerConnection[] = [];
  readonly channel = new FakeChannel();
  /** What was applied, in order. */
  readonly applied: unknown[] = [];
  readonly tracks: unknown[] = [];
  signalingState = "stable";
  connectionState = "new";
  remoteDescription: Description | null = null;
  localDescription: (Description & { toJSON(): Description }) | null = null;
  sctp = { maxMessageSize: 100 };
  restarts = 0;
  onnegotiationneeded: (() => void) | null = null;
  onicecandidate: ((event: { candidate: object | null }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  ontrack: ((event: { streams: object[] }) => void) | null = null;

  constructor(readonly configuration?: object) {
    FakePeerConnection.made.push(this);
  }

  static get last(): FakePeerConnection {
    return FakePeerConnection.made[FakePeerConnection.made.length - 1] as FakePeerConnection;
  }

  createDataChannel(): FakeChannel {
    return this.channel;
  }

  addTrack(track: unknown): void {
    this.tracks.push(track);
  }

  async setLocalDescription(): Promise<void> {
    const offers = this.remoteDescription?.type !== "offer" || this.signalingState === "stable";
    const made = { type: offers ? "offer" : "answer", sdp: "mine" };
    this.signalingState = offers ? "have-local-offer" : "stable";
    this.localDescription = { ...made, toJSON: () => made };
  }

  async setRemoteDescription(description: Description): Promise<void> {
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    this.applied.push(description);
  }

  async addIceCandidate(candidate: object): Promise<void> {
    this.applied.push(candidate);
  }

  restartIce(): void {
    this.restarts += 1;
  }

  close(): void {
    this.signalingState = "closed";
  }
}
