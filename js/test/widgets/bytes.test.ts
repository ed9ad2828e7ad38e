import { expect, test } from "vitest";
import { bytes, size } from "../../src/widgets/bytes";

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

test.each([
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1.0 kB"],
  [17_260, "17.3 kB"],
  [999_949, "999.9 kB"],
  [999_950, "1.0 MB"],
  [1_234_567_890, "1,234.6 MB"],
])("where there are %d bytes the command line says %s, too", (amount, text) => {
  expect(size(amount)).toBe(text);
});
