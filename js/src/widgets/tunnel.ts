import type { Socket } from "../client/connection";
import type { Detour, DetouredConnection } from "../client/detour";
import type { Json } from "../protocol/messages";

/** What carries messages to the kernel and back: a widget's model (a comm). */
export interface Carrier {
  send(content: Json): void;
  on(event: string, heard: (content: unknown) => void): void;
  off(event: string, heard: (content: unknown) => void): void;
}

/** The kernel was restarted, or ended. */
const COMM_CLOSED = "comm_live_update";
/** The kernel tells that it is there every ten seconds, and expects the same. */
const BEAT_MILLISECONDS = 10_000;
const SILENCE_MILLISECONDS = 35_000;

/** What the kernel says (driftdb_jupyter.widgets.tunnel); to all pages, so each looks whom. */
interface Told {
  readonly tunnel: string;
  /** Counts from 0: Jupyter may drop messages where there are too many. */
  readonly n: number;
  readonly opened?: true;
  /** Messages of the room. */
  readonly heard?: readonly string[];
  readonly closed?: number;
}

let tunnels = 0;

/**
 * Let a connection go through the kernel where it must, as long as the model's comm lives; returns
 * what ends that. A page without a kernel has no such way.
 */
export function throughKernel(model: Partial<Carrier>, connection: DetouredConnection): () => void {
  const { send, on, off } = model;
  if (send === undefined || on === undefined || off === undefined) return () => {};
  const carrier: Carrier = {
    send: send.bind(model),
    on: on.bind(model),
    off: off.bind(model),
  };
  const detour: Detour = (secret) => new Tunnel(carrier, secret);
  const end = () => {
    carrier.off(COMM_CLOSED, end);
    connection.removeDetour(detour);
  };
  carrier.on(COMM_CLOSED, end);
  connection.addDetour(detour);
  return end;
}

/** A socket to the model's room that leads through the kernel. */
export class Tunnel implements Socket {
  onopen: Socket["onopen"] = null;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  readonly text =
    "Connected through the kernel, because this page can't reach the room's server: what others " +
    "change is seen at once; what you change may wait until the kernel is free.";
  private readonly tunnel: string;
  private expected = 0;
  private ended = false;
  private opened = false;
  private lastHeard = 0;
  private readonly beating = setInterval(() => this.beat(), BEAT_MILLISECONDS);

  constructor(
    private readonly carrier: Carrier,
    secret: string,
  ) {
    tunnels += 1;
    this.tunnel = `${secret.slice(0, 8)}${tunnels}`;
    carrier.on("msg:custom", this.onContent);
    this.post({ tunnel: this.tunnel, open: secret });
  }

  send(text: string): void {
    this.post({ tunnel: this.tunnel, send: text });
  }

  close(): void {
    if (this.ended) return;
    this.end();
    this.post({ tunnel: this.tunnel, close: true });
  }

  private post(content: Json): void {
    try {
      this.carrier.send(content);
    } catch {
      // The kernel is gone, or is being restarted; its silence tells.
    }
  }

  private end(): void {
    this.ended = true;
    clearInterval(this.beating);
    this.carrier.off("msg:custom", this.onContent);
  }

  private beat(): void {
    if (!this.opened) return;
    this.post({ tunnel: this.tunnel });
    if (Date.now() - this.lastHeard >= SILENCE_MILLISECONDS) this.lose(1006);
  }

  private readonly onContent = (content: unknown): void => {
    const told = content as Told | null;
    if (told?.tunnel !== this.tunnel) return;
    this.lastHeard = Date.now();
    if (told.n !== this.expected) {
      this.lose(1006);
      return;
    }
    this.expected += 1;
    if (told.opened) {
      this.opened = true;
      this.onopen?.(new Event("open"));
    }
    for (const data of told.heard ?? []) this.onmessage?.(new MessageEvent("message", { data }));
    if (told.closed !== undefined) {
      this.end();
      this.onclose?.(new CloseEvent("close", { code: told.closed }));
    }
  };

  private lose(code: number): void {
    const { onclose } = this;
    this.close();
    onclose?.(new CloseEvent("close", { code }));
  }
}
