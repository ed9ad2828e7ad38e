import { isRecord } from "./record";
import type { Carrier } from "./tunnel";

/** A way to ask the model's kernel for a file of the front end; `undefined` without a kernel. */
export function codeOf(model: Partial<Carrier>): ((name: string) => Promise<string>) | undefined {
  const { send, on, off } = model;
  if (send === undefined || on === undefined || off === undefined) return undefined;
  return (name) =>
    new Promise((resolve) => {
      const heard = (content: unknown) => {
        if (!isRecord(content as never)) return;
        const { code, source } = content as Record<string, unknown>;
        if (code !== name || typeof source !== "string") return;
        off.call(model, "msg:custom", heard);
        resolve(source);
      };
      on.call(model, "msg:custom", heard);
      send.call(model, { code: name });
    });
}
