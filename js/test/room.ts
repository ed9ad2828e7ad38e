import { meant } from "../src/client/form";
import type { ClientMessage, Entry, Json } from "../src/protocol/messages";

/** Hears what the room tells one client. */
type Tell = (message: string) => void;

/** The server's part for `replace`, as docs/protocol.md has it: order, acks, `if_seq`, ids. */
export class SimulatedRoom {
  seq = 0;
  readonly applied: { readonly client: string; readonly id: number }[] = [];
  private values = new Map<string, Entry>();
  private known = new Map<string, number>();
  private subscribers = new Map<string, Set<Tell>>();

  /** Restart with nothing: what a server in memory does. */
  forget(): void {
    this.seq = 0;
    this.values.clear();
    this.known.clear();
    this.subscribers.clear();
  }

  value(key: string): Json | undefined {
    const held = this.values.get(key);
    return held === undefined ? undefined : meant(held.value);
  }

  leave(tell: Tell): void {
    for (const tells of this.subscribers.values()) tells.delete(tell);
  }

  take(client: string, text: string, tell: Tell): void {
    const message = JSON.parse(text) as ClientMessage;
    if (message.type === "get") {
      const entry = this.values.get(message.key);
      const data = entry === undefined ? [] : [entry];
      tell(JSON.stringify({ type: "init", key: message.key, data }));
      const tells = this.subscribers.get(message.key) ?? new Set();
      this.subscribers.set(message.key, tells.add(tell));
    } else if (message.type === "push") {
      this.push(client, message, tell);
    }
  }

  private push(client: string, message: ClientMessage & { type: "push" }, tell: Tell): void {
    const id = message.id ?? 0;
    const known = this.known.get(`${client} ${id}`);
    const newest = this.values.get(message.key)?.seq ?? 0;
    if (known !== undefined) {
      tell(JSON.stringify({ type: "ack", id, seq: known }));
    } else if (message.if_seq !== undefined && message.if_seq !== newest) {
      tell(JSON.stringify({ type: "error", code: "conflict", message: "late", id }));
    } else {
      const entry = { value: message.value, seq: ++this.seq };
      this.values.set(message.key, entry);
      this.known.set(`${client} ${id}`, entry.seq);
      this.applied.push({ client, id });
      const push = JSON.stringify({ type: "push", key: message.key, ...entry });
      for (const hear of this.subscribers.get(message.key) ?? []) hear(push);
      tell(JSON.stringify({ type: "ack", id, seq: entry.seq }));
    }
  }
}
