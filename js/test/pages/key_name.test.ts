import { expect, test } from "vitest";
import { keyName } from "../../src/pages/key_name";

test.each([
  ["slider", "slider"],
  ["<b>é שלום 👩‍🔬", "<b>é שלום 👩‍🔬"],
  ["", "(the empty key)"],
  ["  ", '"  "'],
  [" a", '" a"'],
  ["abc\u202edef", "abc\\u202edef"],
  ["a\nb\u0000", "a\\u000ab\\u0000"],
])("the key %j is told apart as %j", (key, name) => {
  expect(keyName(key)).toBe(name);
});
