/** How a terminal shows what it writes next. A colour is a name of the 16, or `#rrggbb`. */
export interface Style {
  readonly weight?: "bold" | "faint" | undefined;
  readonly italic?: boolean | undefined;
  readonly underlined?: boolean | undefined;
  readonly inverse?: boolean | undefined;
  readonly fg?: string | undefined;
  readonly bg?: string | undefined;
}

/** A piece of text, and its look: class names and colours made of numbers, never HTML. */
export interface Piece {
  readonly text: string;
  readonly classes: readonly string[];
  /** Of 256 and of 16 million colours, as CSS has them; those among the 16 are classes. */
  readonly fg: string | null;
  readonly bg: string | null;
}

/** A colour with a name as CSS has it; of the page and its text, too. */
export function namedColour(name: string): string {
  if (name === "page") return "var(--driftdb-ground)";
  if (name === "text") return "var(--driftdb-ink)";
  const [, bright, plain = ""] = /^(bright-)?(.+)$/.exec(name) ?? [];
  return `var(--jp-ansi-${plain}${bright ? "-intense" : ""}, ${PLAIN_COLOURS[plain]})`;
}

/** What is read on one of the 16: a page whose own they are says so, others have middling ones. */
export function inkOnNamed(name: string): string {
  return `var(--driftdb-on-colour, ${name.endsWith("black") ? "white" : "black"})`;
}

/** The look of a terminal's first line. */
export const PLAIN: Style = {};

/** What the 16 colours are where JupyterLab's theme has none. */
const PLAIN_COLOURS: Readonly<Record<string, string>> = {
  black: "#000000",
  red: "#b71c1c",
  green: "#1b5e20",
  yellow: "#8d6e00",
  blue: "#0d47a1",
  magenta: "#7b1fa2",
  cyan: "#006064",
  white: "#757575",
};
const COLOURS = Object.keys(PLAIN_COLOURS);
/** So many parameters of a sequence are read; no terminal reads more. */
const MOST_PARAMETERS = 64;
/** The steps of the 6×6×6 cube among the 256 colours. */
const STEPS = [0, 95, 135, 175, 215, 255];
/**
 * A control sequence (CSI), a text that is for the terminal (OSC: a title, a link; DCS and the
 * like), another escape, a character; also where eight bits have one for ESC and a letter.
 */
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /(?:\u001b\[|\u009b)([0-?]*)[ -/]*([@-~])|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?|[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;

/**
 * Read a line as a terminal does, that goes on as the line before ended: SGR sequences style what
 * follows, a carriage return has it written over what stands there, and all others are taken out.
 */
export function readAnsi(line: string, before: Style = PLAIN): { pieces: Piece[]; after: Style } {
  let pieces: Piece[] = [];
  let style = before;
  let from = 0;
  let returned = false;
  const addUpTo = (to: number): void => {
    if (to <= from) return;
    if (returned) pieces = [];
    returned = false;
    pieces.push(piece(line.slice(from, to), style));
  };
  for (const match of line.matchAll(SEQUENCE)) {
    addUpTo(match.index);
    from = match.index + match[0].length;
    if (match[2] === "m") style = restyled(style, match[1] ?? "");
    if (match[0] === "\r") returned = true;
  }
  addUpTo(line.length);
  return { pieces, after: style };
}

function piece(text: string, style: Style): Piece {
  const { weight, italic, underlined, inverse } = style;
  let { fg, bg } = style;
  if (inverse) [fg, bg] = [bg ?? "page", fg ?? "text"];
  const classes: string[] = [];
  if (weight !== undefined) classes.push(`driftdb-${weight}`);
  if (italic) classes.push("driftdb-italic");
  if (underlined) classes.push("driftdb-underlined");
  const exact = (layer: "fg" | "bg", colour: string | undefined): string | null => {
    if (colour?.startsWith("#")) return colour;
    if (colour !== undefined) classes.push(`driftdb-${layer}-${colour}`);
    return null;
  };
  return { text, fg: exact("fg", fg), bg: exact("bg", bg), classes };
}

function restyled(before: Style, parameters: string): Style {
  let style = before;
  // "38;2;1;2;3" and "38:2::1:2:3" are the same; in the latter what is left out is the space.
  const codes = parameters
    .replace(/([34]8):2:\d*:(\d+:\d+:\d+)/g, "$1:2:$2")
    .replace(/(?<!\d)([34]8):/g, "$1;")
    .split(";", MOST_PARAMETERS)
    .flatMap((code) => (/^[25]:/.test(code) ? code.split(":") : [code.split(":")[0] ?? ""]))
    .map(Number);
  for (let i = 0; i < codes.length; i += 1) {
    const code = codes[i] as number;
    if (code === 38 || code === 48) {
      const kind = codes[i + 1];
      const colour = kind === 5 ? ofMany(codes[i + 2]) : rgb(codes.slice(i + 2, i + 5));
      style = { ...style, [code === 38 ? "fg" : "bg"]: colour };
      i += kind === 5 ? 2 : 4;
    } else {
      style = code === 0 ? PLAIN : { ...style, ...change(code) };
    }
  }
  return style;
}

function change(code: number): Style {
  switch (code) {
    case 1:
      return { weight: "bold" };
    case 2:
      return { weight: "faint" };
    case 3:
      return { italic: true };
    case 4:
      return { underlined: true };
    case 7:
      return { inverse: true };
    case 22:
      return { weight: undefined };
    case 23:
      return { italic: false };
    case 24:
      return { underlined: false };
    case 27:
      return { inverse: false };
    case 39:
      return { fg: undefined };
    case 49:
      return { bg: undefined };
  }
  if (code >= 30 && code < 38) return { fg: ofMany(code - 30) };
  if (code >= 40 && code < 48) return { bg: ofMany(code - 40) };
  if (code >= 90 && code < 98) return { fg: ofMany(code - 82) };
  if (code >= 100 && code < 108) return { bg: ofMany(code - 92) };
  return {};
}

/** One of 256 colours: the 16 with names, a cube, and greys. */
function ofMany(index = -1): string | undefined {
  if (index < 0 || index > 255) return undefined;
  if (index < 16) return `${index >= 8 ? "bright-" : ""}${COLOURS[index % 8]}`;
  if (index >= 232) return rgb(Array(3).fill(8 + 10 * (index - 232)));
  const place = index - 16;
  return rgb([place / 36, place / 6, place].map((step) => STEPS[Math.floor(step) % 6] ?? -1));
}

function rgb(numbers: readonly number[]): string | undefined {
  const fits = (each: number) => Number.isInteger(each) && each >= 0 && each <= 255;
  return numbers.length === 3 && numbers.every(fits) ? `#${numbers.map(hex).join("")}` : undefined;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
