import { type Codec, type Frame, JSON_CODEC } from "../protocol/codec";
import {
  type ClientMessage,
  type Entry,
  type Init,
  type Json,
  type KeyInfo,
  META,
  parse,
  type ServerMessage,
} from "../protocol/messages";
import type { DescriptionForm } from "../protocol/objects";
import { Backoff } from "./backoff";
import { Deferred } from "./deferred";
import { closedHere, Refused, WrongKind } from "./errors";
import { wrap } from "./form";
import { type Kind, kindInMeta } from "./kind";
import { notifyEach } from "./listeners";
import { type LogListener, LogReplica } from "./log";
import { type PresenceListener, PresenceReplica } from "./presence";
import { NOBODY, type Pusher, Queue, type QueueLimits } from "./queue";
import { randomText } from "./random";
import type { Replica } from "./replica";
import { type StateListener, StateReplica } from "./state";

const CLOSE_TOO_LARGE = 1009;

/**
 * A client's part in one room, without a socket or a clock: what to send, what to send again
 * after a lost connection, and where to go on hearing. A connection drives it.
 */
export class Session {
  /** Hears when `waiting` may be another. */
  onWaiting: () => void = () => {};
  /** Hears of refusals that belong to no push. */
  onError: (code: string, message: string) => void = () => {};
  /** Hears of a write that was refused after whoever made it had gone, and its key. */
  onUnheard: (error: Refused, key: string) => void = ({ code, message }, key) =>
    this.onError(code, `${key}: ${message}`);
  /** Hears that what `allows` says of keys may be another. */
  onAllowed: () => void = () => {};
  /** The server says that what let in is about to end. */
  onExpires: () => void = () => {};
  /** Whose it is, in a word that tells people apart; empty for a guest, `undefined` before that is known. */
  person: string | undefined;
  /** When an earlier page left it, in milliseconds since 1970; `undefined` for the page's own. */
  leftAt: number | undefined;
  /** Calls a function so many milliseconds later: a session has no clock. */
  later: (milliseconds: number, then: () => void) => void = () => {};
  /** How far apart own values of a presence are sent, at least, in milliseconds. */
  presencePause = 0;
  /** Hears each message of the server, before the replicas do. */
  onMessage: (message: ServerMessage) => void = () => {};
  /** What the server has not acknowledged yet. */
  readonly queue: Queue;
  readonly #replicas = new Map<string, (LogReplica | StateReplica)[]>();
  /** Keys that nobody listens to, but of which something is under way. */
  readonly #leaving = new Set<string>();
  /** Who waits for the answer to a `get` of a key; its other replicas ask later. */
  readonly #asking = new Map<string, LogReplica | StateReplica>();
  readonly #presences = new Map<string, PresenceReplica>();
  readonly #listings = new Map<string, Deferred<Readonly<Record<string, KeyInfo>>>>();
  #drain: Deferred<void> | null = null;
  readonly #pings = new Map<number, Deferred<void>>();
  #lastPing = 0;
  /** The keys that may not be read. */
  readonly #withheld = new Set<string | undefined>();
  /** The actions that are allowed on keys, where somebody asked; `null`: not known yet. */
  readonly #allowed = new Map<string, readonly string[] | null>();
  #tellsAllowed = false;
  /** The keys of which it was asked what they are said to be. */
  readonly #asksKind = new Set<string>();
  /** The keys of which the room was told what they are, and the ids of those pushes. */
  readonly #hinted = new Map<string, number>();
  readonly #pause = new Backoff();
  #busy = false;
  /** Whether something was refused for now that has no id, and may be any question. */
  #unheard = false;
  /** The room's epoch as it was last heard; `null` before, and with a server that has none. */
  #known: string | null = null;
  /** Whether the server takes more than DriftDB's own messages. */
  #ours = false;
  #send: ((frame: Frame) => void) | null = null;
  /** Why there is no connection, and won't be one by itself. */
  #stopped: Refused | null = null;

  /** `codec`: how messages travel; another one may be set while there is no connection. */
  /** Whether values are read with bigints for integers beyond 2^53, not the nearest numbers. */
  bigint = false;

  constructor(
    limits?: QueueLimits,
    public codec: Codec = JSON_CODEC,
    /** By what the server knows this client again, on each of its connections. */
    readonly secret = randomText(20),
  ) {
    this.queue = new Queue(() => this.codec, limits);
    this.queue.onWaiting = () => {
      this.onWaiting();
      this.#settleDrain();
    };
  }

  /**
   * Resolves when all that was written was acknowledged or refused. Rejects where there won't be
   * a connection by itself.
   */
  drained(): Promise<void> {
    if (this.#stopped !== null && this.queue.waiting > 0) return Promise.reject(this.#stopped);
    this.#drain ??= new Deferred();
    const { promise } = this.#drain;
    this.#settleDrain();
    return promise;
  }

  #settleDrain(): void {
    if (this.#drain === null || this.queue.waiting > 0) return;
    // A write may be on its way from one place to the next.
    queueMicrotask(() => {
      if (this.queue.waiting > 0) return;
      this.#drain?.resolve();
      this.#drain = null;
    });
  }

  /**
   * Take part in a state; the same replica for all who ask. With a `kind` the key is used as that,
   * and as nothing else (protocol, "What a key is"): throws `WrongKind` where it is in use here as
   * another, and `closed` hears of it where it is so elsewhere.
   */
  state(
    key: string,
    listener: StateListener,
    initial?: Json,
    kind: Kind | null = null,
  ): StateReplica {
    const make = () => new StateReplica(key, this, initial, kind);
    const replica = this.#replica(key, StateReplica, kind, make);
    if (initial !== undefined) replica.offer(initial);
    this.#addListener(replica, listener);
    return replica;
  }

  /**
   * Take part in a log; the same replica for all who ask, where it keeps what they want it to keep,
   * and has stamps if they ask for some. `kind`, and what it throws, as of `state`.
   */
  log(
    key: string,
    listener: LogListener,
    keep: boolean,
    stamps = false,
    maxLength?: number,
    kind: Kind | null = null,
  ): LogReplica {
    const fits = (each: LogReplica) =>
      (!keep || (each.keep && each.maxLength >= (maxLength ?? Number.POSITIVE_INFINITY))) &&
      (each.stamps || !stamps);
    const make = () => new LogReplica(key, this.queue, keep, stamps, maxLength, kind);
    const replica = this.#replica(key, LogReplica, kind, make, fits);
    this.#addListener(replica, listener);
    return replica;
  }

  /** Hear who is there under a key; the same replica for all who ask. */
  presence(key: string, listener: PresenceListener): PresenceReplica {
    let replica = this.#presences.get(key);
    if (replica === undefined) {
      const left = () => this.#presences.delete(key);
      const { presencePause: pause } = this;
      const later = (then: () => void) => (pause > 0 ? this.later(pause, then) : then());
      replica = new PresenceReplica(key, (message) => this.#post(message), left, later);
      this.#presences.set(key, replica);
      replica.subscribe();
    }
    replica.cancelLeave();
    replica.listeners.add(listener);
    return replica;
  }

  /**
   * Say what a key is before it is written to, once, where nobody described it: a channel holds
   * nothing that tells of it, and a stream of one value looks like a state. A help, and no write:
   * nobody waits for it.
   */
  describe(replica: LogReplica): void {
    const { key, kind, meta } = replica;
    if (meta !== null || this.#hinted.has(key) || key.startsWith("$")) return;
    const push = {
      key: META + key,
      value: wrap({ kind } satisfies DescriptionForm),
      action: { type: "replace" },
      if_seq: 0,
    } as const;
    const by: Pusher = {
      ...NOBODY,
      get unsure() {
        return replica.unsure;
      },
      acknowledged: () => {
        replica.meta = kind;
      },
    };
    this.#hinted.set(key, this.queue.add(by, push, "offered"));
  }

  /** Ask for all that a key holds, as if nothing was known of it. */
  readAnew(replica: LogReplica): void {
    const isAsked = !replica.ready;
    replica.startAnew();
    if (!isAsked) this.#sendGet(replica.key);
  }

  /**
   * Remove a listener of a key. If nobody listens to it any more and nothing is under way, hear no
   * more of it, and be there no more.
   */
  leave(key: string, listener?: StateListener | LogListener | PresenceListener): void {
    for (const { listeners } of this.replicasOf(key)) (listeners as Set<unknown>).delete(listener);
    this.#presences.get(key)?.leave(listener);
    const inUse = this.replicasOf(key).filter(
      ({ listeners, pending }) => listeners.size > 0 || pending,
    );
    if (inUse.length > 0) this.#replicas.set(key, inUse);
    else this.#replicas.delete(key);
    if (inUse.some(({ listeners }) => listeners.size === 0)) this.#leaving.add(key);
    else this.#leaving.delete(key);
    this.#unsubscribe(key);
  }

  /** Something of ours was answered: leave what waited for that. */
  #leaveSettled(): void {
    for (const key of [...this.#leaving]) this.leave(key);
  }

  #unsubscribe(key: string): void {
    // DriftDB's own server doesn't know the message.
    if (this.#presences.has(key) || this.#replicas.has(key) || !this.#ours) return;
    this.#allowed.delete(key);
    this.#post({ type: "unsubscribe", key });
  }

  /**
   * Return whether an action may be done to a key that is in use here, as far as is known. The server
   * is asked the first time, and tells again whenever that changes (protocol, "Grants").
   */
  allows(key: string, action: string): boolean {
    const isUsed = this.#replicas.has(key) || this.#presences.has(key);
    if (isUsed && !this.#allowed.has(key)) {
      this.#allowed.set(key, null);
      if (this.#ours) this.#post({ type: "can", key });
    }
    return this.#allowed.get(key)?.includes(action) ?? true;
  }

  /** The server takes more than DriftDB's own messages. */
  #isOurs(): void {
    if (this.#ours) return;
    this.#ours = true;
    for (const key of this.#allowed.keys()) this.#post({ type: "can", key });
  }

  #setAllowed(key: string, actions: readonly string[]): void {
    if (!this.#allowed.has(key)) return;
    this.#allowed.set(key, actions);
    // Where the rights of many keys change at once, that is told once.
    if (!this.#tellsAllowed)
      this.later(0, () => {
        this.#tellsAllowed = false;
        this.onAllowed();
      });
    this.#tellsAllowed = true;
  }

  /** Which keys there are that begin so. */
  keys(prefix = ""): Promise<Readonly<Record<string, KeyInfo>>> {
    if (this.#stopped !== null) return Promise.reject(this.#stopped);
    const asked = this.#listings.get(prefix) ?? new Deferred();
    if (!this.#listings.has(prefix)) this.#post({ type: "keys", prefix });
    this.#listings.set(prefix, asked);
    return asked.promise;
  }

  /** Resolves when the server has answered; rejects where there is no connection, or it breaks. */
  ping(): Promise<void> {
    if (this.#send === null) return Promise.reject(offline());
    const ping = new Deferred<void>();
    this.#lastPing += 1;
    this.#pings.set(this.#lastPing, ping);
    this.#post({ type: "ping", nonce: this.#lastPing });
    return ping.promise;
  }

  /** Repeat a `get` that may have been refused for now. */
  #repeatGet(key: string, replica: Replica): void {
    const sharers = this.replicasOf(key);
    if (sharers.length === 1 && sharers[0] === replica && replica.asked !== null) {
      this.#post(replica.asked);
      return;
    }
    // If it was not refused two answers come, and the second is not what another one missed.
    for (const each of sharers) if (!each.ready) each.startAnew();
    this.#asking.delete(key);
    this.#sendGet(key);
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

  /** Send what is held back to save messages: the page may go, or does (`isLeft`), or `forGood`. */
  sendHeldBack(isLeft: boolean, forGood: boolean): void {
    for (const replica of this.#every)
      if (replica instanceof StateReplica) replica.sendHeldBack(isLeft);
    if (forGood) this.queue.sendAll();
  }

  /** A connection was opened: ask for all keys, and send again what was not acknowledged. */
  connected(send: (frame: Frame) => void): void {
    this.start();
    this.#send = send;
    for (const [key, replicas] of this.#replicas) {
      if (replicas.some(({ unsure }) => unsure)) this.#getKind(key);
      this.#sendGet(key);
    }
    for (const presence of this.#presences.values()) presence.subscribe();
    for (const prefix of this.#listings.keys()) this.#post({ type: "keys", prefix });
    this.queue.connected(send);
  }

  /** The connection was lost, with the server's close code; writes are kept. */
  disconnected(code?: number): void {
    this.#send = null;
    this.#ours = false;
    this.#asksKind.clear();
    this.#withheld.clear();
    for (const { reject } of this.#pings.values()) reject(offline());
    this.#pings.clear();
    const sent = code === CLOSE_TOO_LARGE ? this.queue.longest() : undefined;
    this.queue.disconnected();
    if (code === CLOSE_TOO_LARGE) this.#giveUpLongest(sent);
    this.#asking.clear();
    for (const replica of this.#every) replica.disconnected();
    for (const presence of this.#presences.values()) presence.disconnected();
  }

  /** The server doesn't say which message was far too long: the longest one under way. */
  #giveUpLongest(push: { readonly id: number; readonly bytes: number } | undefined): void {
    let presence: PresenceReplica | null = null;
    let bytes = push?.bytes ?? 0;
    for (const each of this.#presences.values()) {
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
    for (const replica of this.#every) replica.giveUp(error);
    this.interrupt(error);
  }

  /** The same, but for what was written: that is kept. */
  interrupt(error: Refused): void {
    this.#stopped = error;
    for (const asked of [...this.#listings.values(), this.#drain]) asked?.reject(error);
    this.#listings.clear();
    this.#drain = null;
    notifyEach(this.#listeners(), (listener) => listener.closed?.(error));
  }

  /** There may be a connection again. */
  start(): void {
    if (this.#stopped === null) return;
    this.#stopped = null;
    this.queue.start();
    notifyEach(this.#listeners(), (listener) => listener.reopened?.());
  }

  get #every(): (StateReplica | LogReplica)[] {
    return [...this.#replicas.values()].flat();
  }

  #listeners(): (StateListener | LogListener)[] {
    return this.#every.flatMap(({ listeners }) => [...listeners]);
  }

  /** The pause of a server that was busy is over. */
  resume(): void {
    this.#busy = false;
    if (this.#unheard) {
      this.#unheard = false;
      for (const [key, replica] of [...this.#asking]) this.#repeatGet(key, replica);
      for (const presence of this.#presences.values()) presence.retry();
      for (const prefix of this.#listings.keys()) this.#post({ type: "keys", prefix });
    }
    this.queue.resume();
  }

  /** Take a message of the server; what is none is ignored. */
  received(frame: Frame): void {
    const message = parse(frame, this.codec);
    if (message === null) return;
    this.onMessage(message);
    switch (message.type) {
      case "init":
        this.#started(message);
        break;
      case "push":
        for (const replica of this.replicasOf(message.key)) replica.pushed(message);
        break;
      case "compact":
        for (const replica of this.replicasOf(message.key))
          if (replica instanceof LogReplica) replica.compacted(message);
        break;
      case "delete":
        this.#hinted.delete(message.key);
        for (const replica of this.replicasOf(message.key)) replica.deleted(message.seq);
        break;
      case "stream_size":
        for (const replica of this.replicasOf(message.key))
          if (replica instanceof LogReplica) replica.sized(message.size);
        break;
      case "ack":
        this.#pause.reset();
        this.queue.acknowledged(message.id, message.seq);
        this.#leaveSettled();
        break;
      case "presence_state":
        this.#isOurs();
        this.#presences.get(message.key)?.started(message);
        this.#unsubscribe(message.key); // where it was left
        break;
      case "presence":
        this.#presences.get(message.key)?.received(message);
        break;
      case "keys":
        this.#listings.get(message.prefix)?.resolve(message.keys);
        this.#listings.delete(message.prefix);
        break;
      case "can":
        this.#setAllowed(message.key, message.actions);
        break;
      case "renewed":
        this.person = message.person ?? "";
        break;
      case "expires":
        this.onExpires();
        break;
      case "pong":
        if (message.nonce === null) break;
        this.#pings.get(message.nonce)?.resolve();
        this.#pings.delete(message.nonce);
        break;
      case "error":
        if (message.action === "read") this.#withheld.add(message.key);
        this.#refused(message.id, message.code, message.message, message.seq);
        break;
    }
  }

  #started(init: Init): void {
    const { key, epoch = null } = init;
    // A room that forgot has to be told anew.
    if (this.#known !== null && epoch !== this.#known) this.#hinted.clear();
    this.#known = epoch;
    if (epoch !== null) this.#isOurs();
    if (key.startsWith(META)) this.#setKind(key.slice(META.length), init.data);
    const replica = this.#asking.get(key);
    if (replica === undefined) {
      // It may be read now (protocol, "Grants").
      if (this.#withheld.delete(key))
        for (const each of this.replicasOf(key)) {
          each.startAnew();
          this.#sendGet(key);
        }
      return;
    }
    if (!this.replicasOf(key).includes(replica)) {
      // It was left before the answer, which is nobody's.
      this.queue.inEpoch(epoch);
      this.#asking.delete(key);
      this.#sendGet(key);
      this.#unsubscribe(key);
      return;
    }
    const isWithheld = this.#withheld.has(key) && replica.begun && init.data.length === 0;
    if (isWithheld) replica.withhold();
    const next = isWithheld ? null : replica.started(init);
    const wrong = replica.ready ? replica.wrong : null;
    if (wrong !== null) this.#giveUp(replica, wrong);
    this.queue.inEpoch(epoch);
    if (next !== null) {
      this.#post(next);
    } else if (replica.ready) {
      this.#asking.delete(key);
      notifyEach<StateListener | LogListener>(replica.listeners, (each) =>
        wrong === null ? each.answered?.() : each.closed?.(wrong),
      );
      this.#sendGet(key);
    }
  }

  /** A key is of another kind than it is used as. */
  #giveUp(replica: LogReplica | StateReplica, wrong: WrongKind): void {
    const { key } = replica;
    const hint = this.#hinted.get(key);
    replica.giveUp(wrong, hint === undefined ? [] : [hint]);
    this.onUnheard(wrong, key);
  }

  #refused(id: number | undefined, code: string, message: string, seq: number | undefined): void {
    if (code === "rate" || code === "unavailable") {
      this.queue.hold(id);
      this.#unheard ||= id === undefined;
      if (!this.#busy) this.later(this.#pause.next(), () => this.resume());
      this.#busy = true;
    } else if (id === undefined || !this.queue.refused(id, code, message, seq)) {
      this.onError(code, message);
    }
    this.#leaveSettled();
  }

  #addListener<L extends StateListener | LogListener>(
    replica: { readonly listeners: Set<L> },
    listener: L,
  ): void {
    replica.listeners.add(listener);
    if (this.#stopped === null) return;
    queueMicrotask(() => this.#stopped !== null && listener.closed?.(this.#stopped));
  }

  #replica<R extends LogReplica | StateReplica>(
    key: string,
    type: new (...options: never[]) => R,
    kind: Kind | null,
    make: () => R,
    fits: (replica: R) => boolean = () => true,
  ): R {
    for (const each of this.replicasOf(key)) {
      // A channel may hear a stream: neither destroys the other.
      const other = each.kind === "stream" && kind === "channel" ? kind : each.kind;
      const beside = kind === "stream" && other === "channel";
      if (kind !== null && other !== null && other !== kind && !beside)
        throw new WrongKind(key, kind, other);
      if (other === kind && each.constructor === type && fits(each as R)) return each as R;
    }
    const replica = make();
    replica.meta = this.replicasOf(key).find(({ meta }) => meta !== null)?.meta ?? null;
    if (kind !== null) this.#getKind(key);
    this.add(replica);
    return replica;
  }

  /** Ask what a key is said to be; before its own answer, so that this one is there then. */
  #getKind(key: string): void {
    if (key.startsWith("$")) return;
    this.#asksKind.add(key);
    this.#post({ type: "get", key: META + key, seq: 0, epoch: null });
  }

  /** What a key is said to be, which only counts where that was asked. */
  #setKind(key: string, data: readonly Entry[]): void {
    if (!this.#asksKind.delete(key)) return;
    const newest = data[data.length - 1];
    for (const replica of this.replicasOf(key))
      replica.meta = newest === undefined ? null : kindInMeta(newest.value);
    this.#unsubscribe(META + key);
  }

  /** What takes part in a key here. */
  replicasOf(key: string): readonly (LogReplica | StateReplica)[] {
    return this.#replicas.get(key) ?? [];
  }

  /** Let another replica take part in its key. */
  add(replica: LogReplica | StateReplica): void {
    this.#replicas.set(replica.key, [...this.replicasOf(replica.key), replica]);
    this.#sendGet(replica.key);
  }

  /** Send the `get` of a replica that has had no answer on this connection: one at a time. */
  #sendGet(key: string): void {
    if (this.#send === null || this.#asking.has(key)) return;
    const next = this.replicasOf(key).find(({ ready }) => !ready);
    if (next === undefined) return;
    this.#asking.set(key, next);
    this.#post(next.firstGet());
  }

  #post(message: ClientMessage): void {
    this.#send?.(this.codec.encode(message));
  }
}

function offline(): Refused {
  return new Refused("offline", "there is no connection");
}
