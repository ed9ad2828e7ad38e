import { expect, test } from "vitest";
import { Session } from "../../src/client/session";
import type { Entry, Json } from "../../src/protocol/messages";
import { load } from "../vectors";

/** Carries out the steps of a vector; each takes what its name stands for in the data. */
class Driver {
  private readonly session = new Session();
  private frames: unknown[] = [];

  join(kind: string, { initial }: { initial?: Json } = {}): void {
    if (kind === "state") this.session.state("k", { changed() {} }, initial);
    else if (kind === "log") this.log;
    else this.presence;
  }

  connect(): void {
    this.frames = [];
    this.session.connected((frame) => this.frames.push(JSON.parse(frame as string)));
  }

  disconnect(): void {
    this.session.disconnected();
  }

  retry(): void {
    this.session.resume();
  }

  hear(message: object): void {
    this.session.received(JSON.stringify(message));
  }

  write(value: Json): void {
    this.state.write(value);
  }

  add(number: number): void {
    void this.state.update((base) => (base as number) + number);
  }

  append(value: Json): void {
    this.log.push(value, true);
  }

  say(value: Json): void {
    this.presence.set(value, this.me);
  }

  sent(messages: readonly object[]): void {
    expect(this.frames).toEqual(messages);
    this.frames = [];
  }

  shows(value: Json): void {
    expect(this.state.value).toEqual(value);
  }

  holds(values: readonly Json[]): void {
    expect(this.log.entries.map(({ value }: Entry) => value)).toEqual(values);
  }

  here(people: Readonly<Record<string, Json>>): void {
    const known = [...this.presence.people].map(([client, { value }]) => [client, value]);
    expect(Object.fromEntries(known)).toEqual(people);
  }

  waiting(count: number): void {
    expect(this.session.queue.waiting).toBe(count);
  }

  private get state() {
    return this.session.state("k", { changed() {} });
  }

  private get log() {
    return this.session.log("k", { pushed() {} }, true);
  }

  private readonly me = {};

  private get presence() {
    return this.session.presence("k", this.me);
  }
}

type Step = Readonly<Record<string, unknown>>;

test.each(load<{ rule: string; steps: readonly Step[] }[]>("clients"))("$rule", ({ steps }) => {
  const driver = new Driver() as unknown as Record<string, (told: unknown, options: Step) => void>;
  for (const step of steps) {
    const [[name, told] = ["", null], ...options] = Object.entries(step);
    expect(driver[name], name).toBeTypeOf("function");
    driver[name]?.(told, Object.fromEntries(options));
  }
});
