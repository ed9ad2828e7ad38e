import type { Frame } from "../protocol/codec";
import { Session } from "./session";

/** Hears all that the server says, before a session does. */
export interface Tap {
  /** A connection was opened. */
  connected(send: (frame: Frame) => void): void;
  disconnected(): void;
  /** What was refused for now may be asked again. */
  resumed(): void;
  /** Take a message; `true`: the session is to know nothing of it. */
  intercept(frame: Frame): boolean;
}

/** A session that somebody may hear more of than its replicas do. */
export class TappedSession extends Session {
  tap: Tap | null = null;

  override connected(send: (frame: Frame) => void): void {
    super.connected(send);
    this.tap?.connected(send);
  }

  override disconnected(code?: number): void {
    this.tap?.disconnected();
    super.disconnected(code);
  }

  override resume(): void {
    super.resume();
    this.tap?.resumed();
  }

  override received(frame: Frame): void {
    if (!this.tap?.intercept(frame)) super.received(frame);
  }
}
