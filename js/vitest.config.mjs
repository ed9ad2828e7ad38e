import { defineConfig } from "vitest/config";

export default defineConfig({
  // A busy machine may take its time: no test is about how long something takes.
  test: { include: ["test/**/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
