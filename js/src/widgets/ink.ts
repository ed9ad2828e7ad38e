/** What is read well on a colour: black on a light one, as far as that can be told (`#rrggbb`). */
export function inkOn(colour: string): string {
  const short = /^#(.)(.)(.).?$/
    .exec(colour)
    ?.slice(1)
    .map((digit) => digit + digit);
  const pairs = short ?? /^#(..)(..)(..)(?:..)?$/.exec(colour)?.slice(1);
  if (pairs === undefined) return "white";
  const [red = 0, green = 0, blue = 0] = pairs.map(
    (pair) => (Number.parseInt(pair, 16) / 255) ** 2.2,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "black" : "white";
}
