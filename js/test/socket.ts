import { vi } from "vitest";

/** Have each request for a ticket answered, and no other, as long as globals are stubbed. */
export function giveTickets() {
  const asked = vi.fn<typeof fetch>(async (url) => {
    if (!String(url).endsWith("/ticket")) throw new TypeError("not reached");
    return new Response('{"ticket":"a ticket"}');
  });
  vi.stubGlobal("fetch", asked);
  return asked;
}

/** A WebSocket whose far end the test plays. */
export class FakeSocket extends EventTarget {
  static opened: FakeSocket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => unknown) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onerror: ((event: object) => void) | null = null;
  readonly sent: string[] = [];
  closedWith: number | undefined;

  constructor(
    readonly url: string,
    readonly offered: string[] = [],
  ) {
    super();
    FakeSocket.opened.push(this);
  }

  /** The secret of the client, which stands in no URL. */
  get secret(): string | undefined {
    const [ours, secret] = this.offered;
    return ours === "driftdb" ? secret : undefined;
  }

  static get last(): FakeSocket {
    return FakeSocket.opened[FakeSocket.opened.length - 1] as FakeSocket;
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1005;
  }

  accept(): void {
    this.onopen?.();
  }

  hear(message: object): void {
    const event = new MessageEvent("message", { data: JSON.stringify(message) });
    const { onmessage } = this;
    this.onmessage = null; // or happy-dom would call it as well
    this.dispatchEvent(event);
    this.onmessage = onmessage;
    onmessage?.(event);
  }

  lose(code = 1006): void {
    this.onclose?.({ code });
  }
}
