/**
 * How a connection is: `reconnecting` by itself, `refused` for want of permission (until `retry`),
 * `gone` because the server has no such room, `closed` for good.
 */
export type Phase = "connecting" | "connected" | "reconnecting" | "refused" | "gone" | "closed";

/** How a connection is, in a word and in a sentence. */
export interface Status {
  /** In a word. */
  readonly phase: Phase;
  /** A sentence for people. */
  readonly text: string;
}
