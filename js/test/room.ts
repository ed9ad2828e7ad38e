import type { ClientMessage, Entry, Get, Json, Push } from "../src/protocol/messages";

/** Hears what the room tells one client. */
type Tell = (message: string) => void;

interface Broadcast extends Entry {
  readonly key: string;
}

/** How many values an answer brings at most where a client gave a limit: few, to have pages. */
const PAGE = 3;

/**
 * A small server, as docs/protocol.md has it: order, acks, ids, `if_seq`, epochs and a recovery
 * window. `epochs` false: one that knows part 1 only (but for the acks).
 */
export class SimulatedRoom {
  seq = 0;
  /** Refuse everything for now. */
  busy = false;
  /** How long a message may be. */
  mostBytes = Number.POSITIVE_INFINITY;
  /** Every push that was applied. */
  readonly applied: { readonly client: string; readonly id: number; readonly value: Json }[] = [];
  private epoch = 1;
  private forgotten = 0;
  private broadcasts: Broadcast[] = [];
  private streams = new Map<string, Entry[]>();
  private known = new Map<string, number>();
  private subscribers = new Map<string, Set<Tell>>();

  constructor(private readonly epochs = true) {}

  /** Restart with what a journal keeps: all but the recovery window. */
  restart(): void {
    this.forgotten = this.seq;
    this.broadcasts = [];
    this.subscribers.clear();
  }

  /** Restart with nothing: what a server in memory does. */
  forget(): void {
    this.restart();
    this.epoch += 1;
    this.seq = this.forgotten = 0;
    this.streams.clear();
    this.known.clear();
  }

  stream(key: string): readonly Entry[] {
    return this.streams.get(key) ?? [];
  }

  leave(tell: Tell): void {
    for (const tells of this.subscribers.values()) tells.delete(tell);
  }

  take(client: string, text: string, tell: Tell): void {
    const message = JSON.parse(text) as ClientMessage;
    if (message.type === "push" && text.length > this.mostBytes)
      tell(JSON.stringify({ type: "error", code: "too_large", message: "long", id: message.id }));
    else if (message.type === "get" && this.busy)
      tell(JSON.stringify({ type: "error", code: "unavailable", message: "not now" }));
    else if (message.type === "get") this.get(message, tell);
    else if (message.type === "push") this.push(client, message, tell);
  }

  private get(get: Get, tell: Tell): void {
    const { key, epoch, limit } = get;
    const above = (entry: Entry) => entry.seq > (get.seq ?? 0);
    const asked = this.epochs && epoch !== undefined;
    const recovered = asked && epoch === String(this.epoch) && (get.seq ?? 0) >= this.forgotten;
    let data = this.stream(key).filter((entry) => asked || above(entry));
    if (recovered) data = this.broadcasts.filter((entry) => entry.key === key && above(entry));
    const more = this.epochs && limit !== undefined && data.length > PAGE;
    tell(
      JSON.stringify({
        type: "init",
        key,
        data: (more ? data.slice(0, PAGE) : data).map(({ value, seq }) => ({ value, seq })),
        ...(asked ? { epoch: String(this.epoch), recovered } : {}),
        ...(more ? { more } : {}),
      }),
    );
    if (more) return;
    const tells = this.subscribers.get(key) ?? new Set();
    this.subscribers.set(key, tells.add(tell));
  }

  private push(client: string, push: Push, tell: Tell): void {
    const { key, value = null, action, id = 0 } = push;
    const known = this.known.get(`${client} ${id}`);
    const newest = this.stream(key).at(-1)?.seq ?? 0;
    const refuse = (code: string) =>
      tell(JSON.stringify({ type: "error", code, message: code, id, seq: newest }));
    if (this.busy) refuse("unavailable");
    else if (known !== undefined) tell(JSON.stringify({ type: "ack", id, seq: known }));
    else if (push.epoch !== undefined && push.epoch !== String(this.epoch)) refuse("conflict");
    else if (push.if_seq !== undefined && push.if_seq !== newest) refuse("conflict");
    else if (action.type === "compact") {
      const stream = this.stream(key);
      if (push.epoch !== undefined && stream.length === 0) {
        refuse("conflict");
        return;
      }
      const later = stream.filter(({ seq }) => seq > action.seq);
      if (later.length < stream.length)
        this.streams.set(key, [{ value, seq: action.seq }, ...later]);
      this.known.set(`${client} ${id}`, action.seq);
      tell(JSON.stringify({ type: "ack", id, seq: action.seq }));
    } else {
      const entry = { value, seq: ++this.seq };
      if (action.type === "append") this.streams.set(key, [...this.stream(key), entry]);
      else if (action.type === "replace") this.streams.set(key, [entry]);
      this.broadcasts.push({ key, ...entry });
      this.known.set(`${client} ${id}`, entry.seq);
      this.applied.push({ client, id, value });
      const told = JSON.stringify({ type: "push", key, ...entry });
      for (const hear of this.subscribers.get(key) ?? []) hear(told);
      tell(JSON.stringify({ type: "ack", id, seq: entry.seq }));
    }
  }
}
