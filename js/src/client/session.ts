import { type ClientMessage, type Entry, type Json, parse } from "../protocol/messages";
import { meant, written } from "./form";
import { type ReplicaListener, StateReplica } from "./replica";

/**
 * A client's part in one room, without a socket or a clock: what to send, what to send again
 * after a lost connection, and how the values of its keys converge. A connection drives it.
 */
export class Session {
  private readonly replicas = new Map<string, StateReplica>();
  private nextId = 1;
  private send: ((message: string) => void) | null = null;
  /** Hears of refusals that belong to no write. */
  onError: (code: string, message: string) => void = () => {};

  /** Take part in a key; the same replica for all who ask. */
  subscribe(key: string, listener: ReplicaListener, offer?: Json): StateReplica {
    let replica = this.replicas.get(key);
    if (replica === undefined) {
      replica = new StateReplica(key, offer);
      this.replicas.set(key, replica);
      this.tell({ type: "get", key, seq: 0 });
    } else if (offer !== undefined && replica.offer === undefined) {
      replica.offer = offer;
      this.offer(replica);
    }
    replica.listeners.add(listener);
    return replica;
  }

  /** End what `subscribe` began. The key itself stays known: the server tells of it anyway. */
  unsubscribe(replica: StateReplica, listener: ReplicaListener): void {
    replica.listeners.delete(listener);
  }

  /** Write a value: shown at once, sent as soon as the write before it has arrived. */
  write(replica: StateReplica, value: Json): void {
    if (replica.inFlight === null) this.push(replica, value, false);
    else replica.waiting = { value };
    replica.notify();
  }

  /** A connection was opened: ask for all keys, and send again what was not acknowledged. */
  connected(send: (message: string) => void): void {
    this.send = send;
    for (const key of this.replicas.keys()) this.tell({ type: "get", key, seq: 0 });
    const lost = [...this.replicas.values()].filter((replica) => replica.inFlight !== null);
    lost.sort((a, b) => (a.inFlight?.id ?? 0) - (b.inFlight?.id ?? 0));
    for (const replica of lost) this.resend(replica);
  }

  /** The connection was lost; writes are kept. */
  disconnected(): void {
    this.send = null;
    for (const replica of this.replicas.values()) replica.ready = false;
  }

  /** Take a message of the server; what is none is ignored. */
  received(text: string): void {
    const message = parse(text);
    switch (message?.type) {
      case "init":
        this.started(message.key, message.data);
        break;
      case "push":
        this.confirmed(message.key, message);
        break;
      case "ack":
        this.settled(message.id);
        break;
      case "error":
        this.refused(message.id, message.code, message.message);
        break;
    }
  }

  private started(key: string, data: readonly Entry[]): void {
    const replica = this.replicas.get(key);
    if (replica === undefined) return;
    const newest = data[data.length - 1];
    replica.ready = true;
    if (newest === undefined) {
      // The room is new, or the server forgot it: the last value that is known goes back there.
      if (replica.confirmed !== null) replica.offer = replica.confirmed.value;
      replica.confirmed = null;
      this.offer(replica);
    } else {
      replica.confirmed = { value: meant(newest.value), seq: newest.seq };
    }
    replica.notify();
  }

  private confirmed(key: string, entry: Entry): void {
    const replica = this.replicas.get(key);
    if (replica === undefined) return;
    replica.confirmed = { value: meant(entry.value), seq: entry.seq };
    replica.notify();
  }

  private settled(id: number): StateReplica | undefined {
    for (const replica of this.replicas.values()) {
      if (replica.inFlight?.id !== id) continue;
      replica.inFlight = null;
      if (replica.waiting !== null) {
        const { value } = replica.waiting;
        replica.waiting = null;
        this.push(replica, value, false);
      }
      replica.notify();
      return replica;
    }
    return undefined;
  }

  private refused(id: number | undefined, code: string, message: string): void {
    const write = [...this.replicas.values()].find(
      (r) => id !== undefined && r.inFlight?.id === id,
    );
    const offered = write?.inFlight?.offered ?? false;
    const replica = id === undefined ? undefined : this.settled(id);
    if (replica === undefined) this.onError(code, message);
    // An offer that came too late is none: somebody was faster, and their value is here already.
    else if (!(offered && code === "conflict"))
      for (const listener of [...replica.listeners]) listener.refused?.(code, message);
  }

  private offer(replica: StateReplica): void {
    const { offer } = replica;
    if (replica.ready && replica.confirmed === null && replica.inFlight === null)
      if (offer !== undefined) this.push(replica, offer, true);
  }

  private push(replica: StateReplica, value: Json, offered: boolean): void {
    replica.inFlight = { id: this.nextId++, value, offered };
    this.resend(replica);
  }

  private resend(replica: StateReplica): void {
    const write = replica.inFlight;
    if (write === null) return;
    this.tell({
      type: "push",
      key: replica.key,
      value: written(write.value),
      action: { type: "replace" },
      id: write.id,
      ...(write.offered ? { if_seq: 0 } : {}),
    });
  }

  private tell(message: ClientMessage): void {
    this.send?.(JSON.stringify(message));
  }
}
