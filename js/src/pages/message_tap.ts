import type { Tap } from "../client/tap";
import type { Frame } from "../protocol/codec";
import { type ClientMessage, type Entry, parse } from "../protocol/messages";

/** So many messages, of so many characters in all, are kept to be reading at, and somewhat more. */
const KEPT = 20_000;
const KEPT_LENGTH = 64 * 1024 ** 2;
/** So many a second are kept at most; of more each so-manieth. */
const KEPT_A_SECOND = 1_000;
const WINDOW_MILLISECONDS = 100;
/** So many keys at most are asked for at once. */
const AT_ONCE = 200;

/** A message as it came: a push, or that a key was deleted. */
export interface Heard {
  readonly key: string;
  readonly text: string;
  /** When it came here, in milliseconds since 1970. */
  readonly at: number;
}

const START = /^\{"type":"(?:push|delete)","key":"((?:[^"\\]|\\.)*)"/;

/**
 * All that happens in a room under the keys that are watched, counted; of what is kept to be read
 * only a sample, where there is more than anybody reads. No message is decoded before it is read.
 */
export class MessageTap implements Tap {
  /** All that came, in messages and in characters. */
  count = 0;
  length = 0;
  /** What was kept, the oldest first. */
  kept: Heard[] = [];
  /** How often the connection was lost; what came meanwhile is not here. */
  losses = 0;
  /** Of how many messages one is kept now. */
  every = 1;
  /** How many came of each key. */
  readonly tallies = new Map<string, number>();
  /** Hears what is kept. */
  onKept: (heard: Heard) => void = () => {};
  /** The oldest are kept no more. */
  onForgotten: () => void = () => {};
  /** Hears of each push and deletion. */
  onHeard: (heard: Heard) => void = () => {};
  /** Hears what a stream holds above a number, as `look` asked. */
  onHeld: (key: string, held: readonly Entry[], above: number) => void = () => {};
  private send: ((frame: Frame) => void) | null = null;
  private readonly watched = new Set<string>();
  /** Of those watched: still to be asked for, and asked for without an answer yet. */
  private waiting = new Set<string>();
  private readonly asked = new Set<string>();
  /** What `look` asked for and has no answer to yet. */
  private reading: { readonly key: string; readonly above: number } | null = null;
  private keptLength = 0;
  private windowBegan = 0;
  private inWindow = 0;

  constructor(private readonly now: () => number = Date.now) {}

  /** Hear of these keys, too, from now on. */
  watch(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.watched.has(key)) continue;
      this.watched.add(key);
      this.waiting.add(key);
    }
    this.subscribeNext();
  }

  /** Ask what the stream of a key holds above a number; the next question takes its place. */
  read(key: string, above: number): void {
    this.watched.add(key);
    this.reading = { key, above };
    this.post({ type: "get", key, seq: above, stamps: true });
  }

  connected(send: (frame: Frame) => void): void {
    this.send = send;
    this.asked.clear();
    this.waiting = new Set(this.watched);
    this.subscribeNext();
    this.readAgain();
  }

  resumed(): void {
    for (const key of this.asked) this.subscribe(key);
    this.readAgain();
  }

  disconnected(): void {
    this.losses += 1;
    this.send = null;
  }

  intercept(text: Frame): boolean {
    if (typeof text !== "string") return false;
    const start = START.exec(text);
    if (start !== null) {
      const key = start[1] as string;
      this.record(key.includes("\\") ? (JSON.parse(`"${key}"`) as string) : key, text);
      return true;
    }
    if (!text.startsWith('{"type":"init"')) return false;
    const message = parse(text);
    if (message?.type === "init") this.answered(message.key, message.data);
    return true;
  }

  private answered(key: string, held: readonly Entry[]): void {
    if (held.length === 0 && this.asked.delete(key)) {
      this.subscribeNext();
      return;
    }
    if (key !== this.reading?.key) return;
    const { above } = this.reading;
    this.reading = null;
    this.onHeld(key, held, above);
  }

  private readAgain(): void {
    if (this.reading !== null) this.read(this.reading.key, this.reading.above);
  }

  private record(key: string, text: string): void {
    const at = this.now();
    const heard = { key, text, at };
    this.count += 1;
    this.length += text.length;
    this.tallies.set(key, (this.tallies.get(key) ?? 0) + 1);
    this.sample(heard);
    this.onHeard(heard);
  }

  private sample(heard: Heard): void {
    const passed = heard.at - this.windowBegan;
    if (passed >= WINDOW_MILLISECONDS) {
      const perSecond = (this.inWindow * 1000) / passed;
      this.every = Math.max(1, Math.ceil(perSecond / KEPT_A_SECOND));
      this.windowBegan = heard.at;
      this.inWindow = 0;
    }
    this.inWindow += 1;
    if (this.count % this.every !== 0) return;
    this.kept.push(heard);
    this.keptLength += heard.text.length;
    this.onKept(heard);
    if (this.kept.length > 1.2 * KEPT || this.keptLength > 1.2 * KEPT_LENGTH) this.forget();
  }

  private forget(): void {
    let from = this.kept.length;
    let length = 0;
    for (; from > this.kept.length - KEPT; from -= 1) {
      const next = this.kept[from - 1]?.text.length;
      if (next === undefined || length + next > KEPT_LENGTH) break;
      length += next;
    }
    this.kept = this.kept.slice(from);
    this.keptLength = length;
    this.onForgotten();
  }

  /** Ask for the next keys, so few at once that a server that limits its clients' rate keeps up. */
  private subscribeNext(): void {
    if (this.send === null) return;
    for (const key of this.waiting) {
      if (this.asked.size >= AT_ONCE) return;
      this.waiting.delete(key);
      this.asked.add(key);
      this.subscribe(key);
    }
  }

  /** Subscribe to a key, with an answer that brings nothing. */
  private subscribe(key: string): void {
    this.post({ type: "get", key, seq: Number.MAX_SAFE_INTEGER, stamps: true });
  }

  private post(message: ClientMessage): void {
    this.send?.(JSON.stringify(message));
  }
}

/** What is in a message; `null` where it tells of a deletion. */
export function entryOf({ text }: Heard): Entry | null {
  const message = parse(text);
  return message?.type === "push" ? message : null;
}
