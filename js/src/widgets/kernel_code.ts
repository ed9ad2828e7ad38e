import { isRecord } from "./record";
import { settleWithin } from "./settle_within";
import type { Carrier } from "./tunnel";

/** A kernel that computes answers when it is free. */
const ANSWER_MILLISECONDS = 120_000;

/**
 * A way to ask the model's kernel for a file of the front end; `undefined` without a kernel. What
 * the kernel doesn't have, and what it doesn't send in time, is an error.
 */
export function codeOf(model: Partial<Carrier>): ((name: string) => Promise<string>) | undefined {
  const { send, on, off } = model;
  if (send === undefined || on === undefined || off === undefined) return undefined;
  return (name) => {
    let heard: (content: unknown) => void = () => {};
    const answer = new Promise<string>((resolve, reject) => {
      heard = (content) => {
        if (!isRecord(content as never)) return;
        const { code, source, error } = content as Record<string, unknown>;
        if (code !== name) return;
        if (typeof source === "string") resolve(source);
        else reject(new Error(`the kernel has no ${name}: ${error}`));
      };
      on.call(model, "msg:custom", heard);
      send.call(model, { code: name });
    });
    const late = `the kernel did not send ${name}`;
    return settleWithin(ANSWER_MILLISECONDS, answer, late).finally(() =>
      off.call(model, "msg:custom", heard),
    );
  };
}
