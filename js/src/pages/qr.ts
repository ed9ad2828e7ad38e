import { encode, type QrCodeGenerateResult } from "uqr";

const SVG = "http://www.w3.org/2000/svg";

/**
 * A text as a QR code: dark on white, whatever the page's colours, as readers expect; `null` for a
 * text that is too long for one.
 */
export function qrCode(text: string, label: string): SVGSVGElement | null {
  const code = encoded(text);
  if (code === null) return null;
  const { size, data } = code;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "qr");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("shape-rendering", "crispEdges");
  const ground = document.createElementNS(SVG, "rect");
  for (const side of ["width", "height"]) ground.setAttribute(side, String(size));
  ground.setAttribute("fill", "#fff");
  const dots = document.createElementNS(SVG, "path");
  const path = data.flatMap((row, y) =>
    row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])),
  );
  dots.setAttribute("d", path.join(""));
  dots.setAttribute("fill", "#000");
  svg.append(ground, dots);
  return svg;
}

function encoded(text: string): QrCodeGenerateResult | null {
  try {
    return encode(text, { ecc: "M", border: 3 });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
