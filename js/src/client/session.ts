import { type Codec, type Frame, JSON_CODEC } from "../protocol/codec";
import {
  type ClientMessage,
  type Init,
  type Json,
  type KeyInfo,
  META,
  parse,
  type ServerMessage,
} from "../protocol/messages";
import { Backoff } from "./backoff";
import { closedHere, Refused } from "./errors";
import { written } from "./form";
import { tellEach } from "./listeners";
import { type LogListener, LogReplica } from "./log";
import { type PresenceListener, PresenceReplica } from "./presence";
import { NOBODY, Queue, type QueueLimits } from "./queue";
import { randomText } from "./random";
import type { Replica } from "./replica";
import { type StateListener, StateReplica } from "./state";

const CLOSE_TOO_LARGE = 1009;

/** Hears all that the server says, before a session does. */
export interface Tap {
  /** A connection was opened. */
  connected(send: (frame: Frame) => void): void;
  disconnected(): void;
  /** What was refused for now may be asked again. */
  resumed(): void;
  /** Take a message; `true`: the session is to know nothing of it. */
  heard(frame: Frame): boolean;
}

/**
 * A client's part in one room, without a socket or a clock: what to send, what to send again
 * after a lost connection, and where to go on hearing. A connection drives it.
 */
export class Session {
  /** Hears when `waiting` may be another. */
  onChange: () => void = () => {};
  /** Hears of refusals that belong to no push. */
  onError: (code: string, message: string) => void = () => {};
  /** Hears of a write that was refused after whoever made it had gone, and its key. */
  onUnheard: (error: Refused, key: string) => void = ({ code, message }, key) =>
    this.onError(code, `${key}: ${message}`);
  /** Hears that nobody may write here with these rights. */
  onForbidden: () => void = () => {};
  /** Calls a function so many milliseconds later: a session has no clock. */
  later: (milliseconds: number, then: () => void) => void = () => {};
  /** How far apart own values of a presence are sent, at least. */
  presenceMilliseconds = 0;
  /** Hears each message of the server, before the replicas do. */
  onMessage: (message: ServerMessage) => void = () => {};
  /** Where somebody wants to hear more than the replicas do. */
  tap: Tap | null = null;
  /** What the server has not acknowledged yet. */
  readonly queue: Queue;
  /** By what the server knows this client again, on each of its connections. */
  readonly secret = randomText(20);
  private readonly replicas = new Map<string, (LogReplica | StateReplica)[]>();
  /** Those of `replicas` that are a stranger's, who may know nothing of the key's kind. */
  private readonly raw = new WeakSet<Replica>();
  /** Keys that nobody listens to, but of which something is under way. */
  private readonly leaving = new Set<string>();
  /** Who waits for the answer to a `get` of a key; its other replicas ask later. */
  private readonly asking = new Map<string, LogReplica | StateReplica>();
  private readonly presences = new Map<string, PresenceReplica>();
  private readonly listings = new Map<
    string,
    {
      resolve(keys: Readonly<Record<string, KeyInfo>>): void;
      reject(error: Refused): void;
    }[]
  >();
  private readonly drains = new Set<{ resolve(): void; reject(error: Refused): void }>();
  private readonly pings = new Map<number, { resolve(): void; reject(error: Refused): void }>();
  private lastPing = 0;
  /** Of which keys the room was told what they are. */
  private readonly hinted = new Set<string>();
  private readonly pause = new Backoff();
  private busy = false;
  /** Whether something was refused for now that has no id, and may be any question. */
  private unheard = false;
  private known: string | null = null;
  /** Whether the server takes more than DriftDB's own messages. */
  private ours = false;
  private send: ((frame: Frame) => void) | null = null;
  /** Why there is no connection, and won't be one by itself. */
  private stopped: Refused | null = null;

  /** `codec`: how messages travel; another one may be set while there is no connection. */
  constructor(
    limits?: QueueLimits,
    public codec: Codec = JSON_CODEC,
  ) {
    this.queue = new Queue(() => this.codec, limits);
    this.queue.onChange = () => {
      this.onChange();
      this.settleDrains();
    };
  }

  /**
   * Resolves when all that was written was acknowledged or refused. Rejects where there won't be
   * a connection by itself.
   */
  drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.stopped !== null && this.queue.waiting > 0) throw this.stopped;
      this.drains.add({ resolve, reject });
      this.settleDrains();
    });
  }

  private settleDrains(): void {
    if (this.drains.size === 0 || this.queue.waiting > 0) return;
    // A write may be on its way from one place to the next.
    queueMicrotask(() => {
      if (this.queue.waiting > 0) return;
      for (const { resolve } of this.drains) resolve();
      this.drains.clear();
    });
  }

  /** The room's epoch as it was last heard; `null` before, and with a server that has none. */
  get epoch(): string | null {
    return this.known;
  }

  /** Take part in a state; the same replica for all who ask. */
  state(key: string, listener: StateListener, initial?: Json): StateReplica {
    const unheard = (error: Refused) => this.onUnheard(error, key);
    const make = () => new StateReplica(key, this.queue, initial, unheard, this.pauseFor);
    const replica = this.replica(key, StateReplica, make);
    if (initial !== undefined) replica.offer(initial);
    this.listen(replica, listener);
    return replica;
  }

  /**
   * Take part in a log; the same replica for all who ask, where it keeps what they want it to keep,
   * and has stamps if they ask for some.
   */
  log(
    key: string,
    listener: LogListener,
    keep: boolean,
    stamps = false,
    maxLength?: number,
  ): LogReplica {
    const fits = (each: LogReplica) =>
      (!keep || (each.keep && each.maxLength >= (maxLength ?? Number.POSITIVE_INFINITY))) &&
      (each.stamps || !stamps);
    const make = () => new LogReplica(key, this.queue, keep, stamps, maxLength);
    const replica = this.replica(key, LogReplica, make, fits);
    this.listen(replica, listener);
    return replica;
  }

  /** Hear all that comes under a key, whatever it is; a replica of one's own. */
  hear(key: string, listener: LogListener): LogReplica {
    const replica = new LogReplica(key, this.queue, false);
    replica.listeners.add(listener);
    this.raw.add(replica);
    this.add(replica);
    return replica;
  }

  /** Hear who is there under a key; the same replica for all who ask. */
  presence(key: string, listener: PresenceListener): PresenceReplica {
    let replica = this.presences.get(key);
    if (replica === undefined) {
      const left = () => {
        this.presences.delete(key);
        this.unsubscribe(key);
      };
      const made = new PresenceReplica(key, (message) => this.tell(message), left);
      made.sent = () => {
        if (this.presenceMilliseconds <= 0 || made.paused) return;
        made.paused = true;
        this.later(this.presenceMilliseconds, () => made.resume());
      };
      replica = made;
      this.presences.set(key, replica);
      replica.ask();
    }
    replica.stay();
    replica.listeners.add(listener);
    return replica;
  }

  /**
   * Say what a key is, once, where nobody described it: a channel holds nothing that tells a page
   * of it, and a stream of one value looks like a state. A help, and no write: nobody waits for it.
   */
  hint(key: string, kind: "channel" | "stream"): void {
    if (this.hinted.has(key) || key.startsWith("$")) return;
    this.hinted.add(key);
    const described = { key: META + key, value: written({ kind }), if_seq: 0 };
    this.queue.add(NOBODY, { ...described, action: { type: "replace" } }, "offered");
  }

  /** Ask for all that a key holds, as if nothing was known of it. */
  readAnew(replica: LogReplica): void {
    const isAsked = !replica.ready;
    replica.startAnew();
    if (!isAsked) this.ask(replica.key);
  }

  /** Hear no more of a key, and be there no more, if nobody listens and nothing is under way. */
  leave(key: string): void {
    this.presences.get(key)?.leave();
    const inUse = this.of(key).filter(({ listeners, pending }) => listeners.size > 0 || pending);
    if (inUse.length > 0) this.replicas.set(key, inUse);
    else this.replicas.delete(key);
    if (inUse.some(({ listeners }) => listeners.size === 0)) this.leaving.add(key);
    else this.leaving.delete(key);
    this.unsubscribe(key);
  }

  /** Something of ours was answered: leave what waited for that. */
  private leaveSettled(): void {
    for (const key of [...this.leaving]) this.leave(key);
  }

  private unsubscribe(key: string): void {
    // DriftDB's own server doesn't know the message.
    if (!this.presences.has(key) && !this.replicas.has(key) && this.ours)
      this.tell({ type: "unsubscribe", key });
  }

  /** Which keys there are that begin so. */
  keys(prefix = ""): Promise<Readonly<Record<string, KeyInfo>>> {
    return new Promise((resolve, reject) => {
      if (this.stopped !== null) throw this.stopped;
      const asked = this.listings.get(prefix);
      if (asked !== undefined) {
        asked.push({ resolve, reject });
        return;
      }
      this.listings.set(prefix, [{ resolve, reject }]);
      this.tell({ type: "keys", prefix });
    });
  }

  /** Resolves when the server has answered; rejects where there is no connection, or it breaks. */
  ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.send === null) throw offline();
      this.lastPing += 1;
      this.pings.set(this.lastPing, { resolve, reject });
      this.tell({ type: "ping", nonce: this.lastPing });
    });
  }

  /** Repeat a `get` that may have been refused for now. */
  private askAgain(key: string, replica: Replica): void {
    const sharers = this.of(key);
    if (sharers.length === 1 && sharers[0] === replica && replica.asked !== null) {
      this.tell(replica.asked);
      return;
    }
    // If it was not refused two answers come, and the second is not what another one missed.
    for (const each of sharers) if (!each.ready) each.startAnew();
    this.asking.delete(key);
    this.ask(key);
  }

  /** Empty a key for everybody; resolves when that is done. Throws `QueueFull`. */
  delete(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const pusher = {
        acknowledged: () => resolve(),
        refused: (_: number, code: string, message: string) => reject(new Refused(code, message)),
      };
      this.queue.add(pusher, { key, action: { type: "delete" } }, "each");
    });
  }

  /** A connection was opened: ask for all keys, and send again what was not acknowledged. */
  connected(send: (frame: Frame) => void): void {
    this.start();
    this.send = send;
    for (const key of this.replicas.keys()) this.ask(key);
    for (const presence of this.presences.values()) presence.ask();
    for (const prefix of this.listings.keys()) this.tell({ type: "keys", prefix });
    this.tap?.connected(send);
    this.queue.connected(send);
  }

  /** The connection was lost, with the server's close code; writes are kept. */
  disconnected(code?: number): void {
    this.send = null;
    this.tap?.disconnected();
    for (const { reject } of this.pings.values()) reject(offline());
    this.pings.clear();
    const sent = code === CLOSE_TOO_LARGE ? this.queue.longest() : undefined;
    this.queue.disconnected();
    if (code === CLOSE_TOO_LARGE) this.giveUpLongest(sent);
    this.asking.clear();
    for (const replicas of this.replicas.values())
      for (const replica of replicas) replica.disconnected();
    for (const presence of this.presences.values()) presence.disconnected();
  }

  /** The server doesn't say which message was far too long: the longest one under way. */
  private giveUpLongest(push: { readonly id: number; readonly bytes: number } | undefined): void {
    let presence: PresenceReplica | null = null;
    let bytes = push?.bytes ?? 0;
    for (const each of this.presences.values()) {
      if (each.bytes <= bytes) continue;
      presence = each;
      bytes = each.bytes;
    }
    const message = `the server takes no message of ${bytes} bytes`;
    if (presence !== null) {
      presence.giveUp();
      this.onError("too_large", message);
    } else if (push !== undefined) {
      this.queue.refused(push.id, "too_large", message);
    }
  }

  /**
   * There won't be another connection before `start`: what waits for an answer is refused, and so
   * is what was written. By default it is closed for good.
   */
  stop(error = closedHere()): void {
    this.queue.stop(error);
    for (const replica of [...this.replicas.values()].flat())
      if (replica instanceof StateReplica) replica.giveUp(error);
    this.interrupt(error);
  }

  /** The same, but for what was written: that is kept. */
  interrupt(error: Refused): void {
    this.stopped = error;
    for (const asked of this.listings.values()) for (const { reject } of asked) reject(error);
    this.listings.clear();
    for (const { reject } of this.drains) reject(error);
    this.drains.clear();
    tellEach(this.listeners(), (listener) => listener.closed?.(error));
  }

  /** There may be a connection again. */
  start(): void {
    if (this.stopped === null) return;
    this.stopped = null;
    this.queue.start();
    tellEach(this.listeners(), (listener) => listener.reopened?.());
  }

  private listeners(): (StateListener | LogListener)[] {
    const replicas = [...this.replicas.values()].flat();
    return replicas.flatMap(({ listeners }) => [...listeners]);
  }

  /** The pause of a server that was busy is over. */
  resume(): void {
    this.busy = false;
    if (this.unheard) {
      this.unheard = false;
      for (const [key, replica] of [...this.asking]) this.askAgain(key, replica);
      for (const presence of this.presences.values()) presence.retry();
      for (const prefix of this.listings.keys()) this.tell({ type: "keys", prefix });
      this.tap?.resumed();
    }
    this.queue.resume();
  }

  /** Take a message of the server; what is none is ignored. */
  received(frame: Frame): void {
    if (this.tap?.heard(frame)) return;
    const message = parse(frame, this.codec);
    if (message === null) return;
    this.onMessage(message);
    switch (message.type) {
      case "init":
        this.started(message);
        break;
      case "push":
        for (const replica of [...this.of(message.key)]) replica.pushed(message);
        break;
      case "delete":
        for (const replica of [...this.of(message.key)]) replica.deleted(message.seq);
        break;
      case "stream_size":
        for (const replica of this.of(message.key))
          if (replica instanceof LogReplica) replica.sized(message.size);
        break;
      case "ack":
        this.pause.reset();
        this.queue.acknowledged(message.id, message.seq);
        this.leaveSettled();
        break;
      case "presence_state":
        this.ours = true;
        if (this.presences.has(message.key)) this.presences.get(message.key)?.started(message);
        else this.unsubscribe(message.key); // it was left before the answer
        break;
      case "presence":
        this.presences.get(message.key)?.heard(message);
        break;
      case "keys":
        for (const { resolve } of this.listings.get(message.prefix) ?? []) resolve(message.keys);
        this.listings.delete(message.prefix);
        break;
      case "pong":
        if (message.nonce === null) break;
        this.pings.get(message.nonce)?.resolve();
        this.pings.delete(message.nonce);
        break;
      case "error":
        this.refused(message.id, message.code, message.message, message.seq);
        break;
    }
  }

  private started(init: Init): void {
    const { key, epoch = null } = init;
    const replica = this.asking.get(key);
    if (replica === undefined) return;
    this.known = epoch;
    this.ours = epoch !== null;
    if (!this.of(key).includes(replica)) {
      // It was left before the answer, which is nobody's.
      this.queue.inEpoch(epoch);
      this.asking.delete(key);
      this.ask(key);
      this.unsubscribe(key);
      return;
    }
    const next = replica.started(init);
    this.queue.inEpoch(epoch);
    if (next !== null) {
      this.tell(next);
    } else if (replica.ready) {
      this.asking.delete(key);
      tellEach<StateListener | LogListener>(replica.listeners, (each) => each.answered?.());
      this.ask(key);
    }
  }

  private refused(
    id: number | undefined,
    code: string,
    message: string,
    seq: number | undefined,
  ): void {
    if (code === "forbidden") this.onForbidden();
    if (code === "rate" || code === "unavailable") {
      this.queue.hold(id);
      this.unheard ||= id === undefined;
      if (!this.busy) this.later(this.pause.next(), () => this.resume());
      this.busy = true;
    } else if (id === undefined || !this.queue.refused(id, code, message, seq)) {
      this.onError(code, message);
    }
    this.leaveSettled();
  }

  private listen<L extends StateListener | LogListener>(
    replica: { readonly listeners: Set<L> },
    listener: L,
  ): void {
    replica.listeners.add(listener);
    if (this.stopped === null) return;
    queueMicrotask(() => this.stopped !== null && listener.closed?.(this.stopped));
  }

  private replica<R extends LogReplica | StateReplica>(
    key: string,
    kind: new (...options: never[]) => R,
    make: () => R,
    fits: (replica: R) => boolean = () => true,
  ): R {
    const known = this.of(key).filter((each) => !this.raw.has(each));
    for (const each of known) if (each instanceof kind && fits(each)) return each;
    if (known.some((each) => !(each instanceof kind)))
      throw new TypeError(`expected ${JSON.stringify(key)} to be of one kind, got another`);
    const replica = make();
    this.add(replica);
    return replica;
  }

  private of(key: string): readonly (LogReplica | StateReplica)[] {
    return this.replicas.get(key) ?? [];
  }

  private add(replica: LogReplica | StateReplica): void {
    this.replicas.set(replica.key, [...this.of(replica.key), replica]);
    this.ask(replica.key);
  }

  /** Send the `get` of a replica that has had no answer on this connection: one at a time. */
  private ask(key: string): void {
    if (this.send === null || this.asking.has(key)) return;
    const next = this.of(key).find(({ ready }) => !ready);
    if (next === undefined) return;
    this.asking.set(key, next);
    this.tell(next.ask());
  }

  private readonly pauseFor = (milliseconds: number, then: () => void): void =>
    this.later(milliseconds, then);

  private tell(message: ClientMessage): void {
    this.send?.(this.codec.encode(message));
  }
}

function offline(): Refused {
  return new Refused("offline", "there is no connection");
}
