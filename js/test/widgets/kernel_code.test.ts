import { afterEach, expect, test, vi } from "vitest";
import { codeOf } from "../../src/widgets/kernel_code";

afterEach(() => {
  vi.useRealTimers();
});

/** A kernel's side: what it was sent, and a way to say something to those who listen. */
function kernel() {
  const heard = new Set<(content: unknown) => void>();
  const sent: unknown[] = [];
  const code = codeOf({
    send: (content) => sent.push(content),
    on: (_, listener) => heard.add(listener),
    off: (_, listener) => heard.delete(listener),
  }) as (name: string) => Promise<string>;
  const tell = (content: unknown) => {
    for (const listener of [...heard]) listener(content);
  };
  return { heard, sent, code, tell };
}

test("the kernel is asked for a file, and what else it says is none of it", async () => {
  const { heard, sent, code, tell } = kernel();
  const source = code("chart-A.js");
  expect(sent).toEqual([{ code: "chart-A.js" }]);
  for (const other of [null, { tunnel: "a" }, { code: "chart-B.js", source: "no" }]) tell(other);
  tell({ code: "chart-A.js", source: "yes" });
  expect(await source).toBe("yes");
  expect(heard.size).toBe(0);
  expect(codeOf({})).toBeUndefined();
});

test("a file that the kernel doesn't have is an error", async () => {
  const { heard, code, tell } = kernel();
  const source = code("chart-A.js");
  tell({ code: "chart-A.js", error: "no such file" });
  await expect(source).rejects.toThrow("the kernel has no chart-A.js: no such file");
  expect(heard.size).toBe(0);
});

test("a kernel that doesn't answer is not waited for for ever", async () => {
  vi.useFakeTimers();
  const { heard, code } = kernel();
  const late = expect(code("chart-A.js")).rejects.toThrow("did not send chart-A.js");
  await vi.runAllTimersAsync();
  await late;
  expect(heard.size).toBe(0);
});
