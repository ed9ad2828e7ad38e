import { unwrap } from "../src/client/form";
import type { QueueLimits } from "../src/client/queue";
import { Session } from "../src/client/session";
import { parse, stringify } from "../src/protocol/integers";
import type { ClientMessage, Push } from "../src/protocol/messages";

/** A session whose server the test plays. */
export class PlayedServer {
  readonly session: Session;
  /** What came over the connection that is open; of the values of pushes what they mean. */
  sent: ClientMessage[] = [];

  constructor(limits?: QueueLimits) {
    this.session = new Session(limits);
    this.connect();
  }

  get pushes(): Push[] {
    return this.sent.filter((message) => message.type === "push");
  }

  /** The same without those that say what a key is. */
  get writes(): Push[] {
    return this.pushes.filter(({ key }) => !key.startsWith("$meta/"));
  }

  connect(): void {
    this.sent = [];
    this.session.connected((frame) => {
      const message = parse(frame as string) as ClientMessage;
      this.sent.push(
        message.type === "push" && message.value !== undefined
          ? { ...message, value: unwrap(message.value) }
          : message,
      );
    });
  }

  /** Cut the connection, and take a new one. */
  reconnect(code?: number): void {
    this.session.disconnected(code);
    this.connect();
  }

  tell(message: object): void {
    this.session.received(stringify(message));
  }

  /** Answer a `get` of the key `k`. */
  init(data: readonly object[], more: object = { epoch: "E", recovered: false }): void {
    this.tell({ type: "init", key: "k", data, ...more });
  }

  push(value: unknown, seq: number): void {
    this.tell({ type: "push", key: "k", value, seq });
  }

  ack(id: number, seq = id): void {
    this.tell({ type: "ack", id, seq });
  }

  refuse(id: number, code: string): void {
    this.tell({ type: "error", code, message: `${code}!`, id });
  }
}
