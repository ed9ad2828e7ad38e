import { describe, expect, test } from "vitest";
import { LongInteger, parse, stringify } from "../../src/protocol/integers";

const ID = "1009513310189256287";

describe("an integer that no double holds", () => {
  test.each([
    ID,
    `-${ID}`,
    "9007199254740993",
    "9007199254740992",
    `[${ID},1,2.5,"a"]`,
    `{"id":${ID},"n":9007199254740991}`,
    "123456789012345678901234567890123456789012345678901234567890",
    `{"a":[{"b":-${ID}}],"c":${ID}}`,
  ])("keeps its digits: %s", (text) => {
    expect(stringify(parse(text))).toBe(text);
  });

  test.each([
    "0.12345678901234567",
    "1e300",
    "1234567890123456",
    "9007199254740991",
    `"${ID}"`,
    `{"${ID}":"\\"${ID},"}`,
    `["a\\\\",${"1".repeat(15)}]`,
  ])("is not seen where there is none: %s", (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test("is found beside text that looks so", () => {
    const text = `{"x":"\\\\",":[${ID}]":"[${ID}]","y":[ ${ID} ]}`;
    const value = parse(text) as { y: unknown[] };
    expect(value).toEqual({
      x: "\\",
      [`:[${ID}]`]: `[${ID}]`,
      y: [new LongInteger(ID)],
    });
  });

  test("is written with white space as JSON.stringify writes it", () => {
    expect(stringify({ id: new LongInteger(ID) }, null, 2)).toBe(`{\n  "id": ${ID}\n}`);
  });

  test.each(["", "[", `[${ID}`, `{"a":${ID}e}`, "01234567890123456789"])(
    "makes no JSON of what is none: %s",
    (text) => {
      expect(() => parse(text)).toThrow(SyntaxError);
    },
  );

  test("in any text reads as JSON.parse would, but for its digits", () => {
    const texts = ['{"a":', "[", "]", "}", ",", `"x${ID}"`, ID, "-1", "0.5", "1e5", " "];
    let seed = 1;
    const random = (n: number) => {
      seed = (seed * 48271) % 2147483647;
      return seed % n;
    };
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + random(6) }, () => texts[random(texts.length)]).join(
        "",
      );
      let plain: string | null = null;
      try {
        plain = JSON.stringify(JSON.parse(text));
      } catch {}
      if (plain === null) expect(() => parse(text), text).toThrow(SyntaxError);
      else expect(JSON.stringify(JSON.parse(stringify(parse(text)))), text).toBe(plain);
    }
  });
});
