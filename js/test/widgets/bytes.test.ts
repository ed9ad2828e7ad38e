import { expect, test } from "vitest";
import { bytes } from "../../src/widgets/bytes";

test.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [1023, "1023 bytes"],
  [1024, "1 KiB"],
  [512 * 1024, "512 KiB"],
  [1.234 * 1024 ** 2, "1.23 MiB"],
  [5e12, "4660 GiB"],
])("%d bytes are shown as %s", (amount, text) => {
  expect(bytes(amount)).toBe(text);
});
