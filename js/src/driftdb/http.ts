import type { MessageFromDb, MessageToDb } from "./types";

/** Sends single messages to a room, where there is no WebSocket. */
export class HttpConnection {
  readonly #httpUrl: string;

  /** `httpUrl`: the `http_url` of a room. */
  constructor(httpUrl: string) {
    this.#httpUrl = httpUrl;
  }

  /** Send a message; resolves with the answer, which is null for most pushes. */
  async send(message: MessageToDb): Promise<MessageFromDb> {
    const answer = await fetch(this.#httpUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(message),
    });
    if (!answer.ok) throw new Error(`HTTP error ${answer.status}: ${answer.statusText}`);
    return (await answer.json()) as MessageFromDb;
  }
}
