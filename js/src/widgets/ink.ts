/** What draws nothing, and knows the names of colours; a page may have none. */
let brush: CanvasRenderingContext2D | null | undefined;

/** A colour's digits, for a name, too (`#rrggbb`); `null` for what is none, or is seen through. */
export function solid(colour: string): string | null {
  if (/^#([0-9a-f]{3}){1,2}$/i.test(colour)) return colour;
  if (!/^[a-z]{3,30}$/i.test(colour)) return null;
  if (brush === undefined) brush = document.createElement("canvas").getContext("2d");
  if (brush === null) return null;
  brush.fillStyle = "transparent"; // and so it stays where there is no such name
  brush.fillStyle = colour;
  return /^#[0-9a-f]{6}$/.test(brush.fillStyle) ? brush.fillStyle : null;
}

/** What is read well on a colour: black on a light one, as far as that can be told (`#rrggbb`). */
export function inkOn(colour: string): string {
  const short = /^#(.)(.)(.)$/
    .exec(colour)
    ?.slice(1)
    .map((digit) => digit + digit);
  const pairs = short ?? /^#(..)(..)(..)$/.exec(colour)?.slice(1);
  if (pairs === undefined) return "white";
  const [red = 0, green = 0, blue = 0] = pairs.map(
    (pair) => (Number.parseInt(pair, 16) / 255) ** 2.2,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "black" : "white";
}
