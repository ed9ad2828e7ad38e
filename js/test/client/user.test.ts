import { expect, test } from "vitest";
import { nameOf } from "../../src/client/user";
import type { Json } from "../../src/protocol/messages";
import { load } from "../vectors";

interface User {
  readonly rule: string;
  readonly told: Json;
  readonly name: string | null;
}

test.each(load<User[]>("users"))("a user's name: $rule", ({ told, name }) => {
  expect(nameOf(told)).toBe(name);
});
