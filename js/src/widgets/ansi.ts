/** A piece of text, and how a terminal would show it: class names, never HTML. */
export interface Piece {
  readonly text: string;
  readonly classes: readonly string[];
}

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\u001b\[([0-9;]*)([A-Za-z])|\u001b\][^\u0007]*\u0007|[\u0000-\u0008\u000b-\u001f]/g;

/**
 * Read a line as a terminal does: SGR sequences colour what follows (of 256 and of 16 million
 * colours those that are among the 16), all others are taken out.
 */
export function readAnsi(line: string): Piece[] {
  if (!line.includes("\u001b")) return line === "" ? [] : [{ text: line, classes: [] }];
  const pieces: Piece[] = [];
  let style = new Map<string, string>();
  let from = 0;
  const take = (to: number): void => {
    if (to > from) pieces.push({ text: line.slice(from, to), classes: [...style.values()] });
  };
  for (const match of line.matchAll(SEQUENCE)) {
    take(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") style = restyle(style, (match[1] || "0").split(";").map(Number));
  }
  take(line.length);
  return pieces;
}

function restyle(before: ReadonlyMap<string, string>, codes: number[]): Map<string, string> {
  const style = new Map(before);
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] as number;
    if (code === 0) style.clear();
    else if (code === 1) style.set("weight", "driftdb-bold");
    else if (code === 2) style.set("weight", "driftdb-faint");
    else if (code === 3) style.set("slant", "driftdb-italic");
    else if (code === 4) style.set("line", "driftdb-underlined");
    else if (code === 22) style.delete("weight");
    else if (code === 23) style.delete("slant");
    else if (code === 24) style.delete("line");
    else if (code === 38 || code === 48) {
      const layer = code === 38 ? "fg" : "bg";
      const [kind, index = -1] = codes.slice(i + 1);
      style.delete(layer);
      if (kind === 5 && index < 16) colour(style, layer, index);
      i += kind === 5 ? 2 : 4;
    } else if (code === 39) style.delete("fg");
    else if (code === 49) style.delete("bg");
    else if (code >= 30 && code < 38) colour(style, "fg", code - 30);
    else if (code >= 40 && code < 48) colour(style, "bg", code - 40);
    else if (code >= 90 && code < 98) colour(style, "fg", code - 82);
    else if (code >= 100 && code < 108) colour(style, "bg", code - 92);
  }
  return style;
}

function colour(style: Map<string, string>, layer: "fg" | "bg", index: number): void {
  const bright = index >= 8 ? "bright-" : "";
  style.set(layer, `driftdb-${layer}-${bright}${COLOURS[index % 8]}`);
}
