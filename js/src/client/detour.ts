import { Connection, type Socket } from "./connection";

/** Another way into the room, for a page that can't reach its server: opens a socket there. */
export type Detour = (secret: string) => Socket;

/** How often the straight way is tried while there is another. */
const DETOUR_MILLISECONDS = 60_000;

/** A connection that may lead another way, through a kernel, where the straight one fails. */
export class DetouredConnection extends Connection {
  #around: {
    readonly detour: Detour;
    readonly socket: Socket;
    readonly since: number;
  } | null = null;
  readonly #detours = new Set<Detour>();

  /** Whether it leads through the kernel. */
  override get detoured(): boolean {
    return this.socket !== null && this.socket === this.#around?.socket;
  }

  /** Pages and widgets have one, where anybody does; a detour has the kernel's. */
  protected override get hasLogin(): boolean {
    return !this.detoured;
  }

  /** Another way may be taken where the straight one fails. */
  addDetour(detour: Detour): void {
    this.#detours.add(detour);
    if (this.socket === null && this.attempt === null) this.tryDetour();
  }

  /** A way is no more. */
  removeDetour(detour: Detour): void {
    this.#detours.delete(detour);
    if (this.#around?.detour !== detour) return;
    const lost = this.detoured;
    this.leaveDetour();
    if (lost) this.retry();
    else this.tryDetour();
  }

  override close(): void {
    this.#detours.clear();
    super.close();
    this.leaveDetour();
  }

  protected override tryDetour(): void {
    if (this.socket !== null) return;
    const now = performance.now();
    // Its kernel may be gone, which nobody tells.
    if (this.#around !== null && now - this.#around.since >= DETOUR_MILLISECONDS)
      this.leaveDetour();
    const [detour] = this.#detours;
    if (detour === undefined || this.#around !== null) return;
    const socket = detour(this.session.secret);
    this.#around = { detour, socket, since: now };
    socket.onopen = () => {
      this.adopt(socket);
      if (this.attempt === null) this.wait();
    };
    socket.onclose = () => this.leaveDetour();
  }

  protected override leaveDetour(): void {
    if (this.#around === null) return;
    const { detour, socket } = this.#around;
    this.#around = null;
    // Another one is first the next time.
    if (this.#detours.delete(detour)) this.#detours.add(detour);
    socket.onopen = socket.onmessage = socket.onclose = null;
    if (this.socket === socket) this.drop();
    socket.close();
    this.refuseWaiting();
  }

  protected override refuseWaiting(): void {
    if (this.#around === null) super.refuseWaiting();
  }

  protected override wait(text?: string, pause?: number): void {
    super.wait(text, this.detoured ? DETOUR_MILLISECONDS : pause);
  }
}
