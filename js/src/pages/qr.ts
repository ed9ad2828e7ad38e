import { qrCodeOf } from "../qr";

const SVG = "http://www.w3.org/2000/svg";

/**
 * A text as a QR code: dark on white, whatever the page's colours, as readers expect; `null` for a
 * text that is too long for one.
 */
export function qrCode(text: string, label: string): SVGSVGElement | null {
  const code = qrCodeOf(text);
  if (code === null) return null;
  const { size, path } = code;
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
  dots.setAttribute("d", path);
  dots.setAttribute("fill", "#000");
  svg.append(ground, dots);
  return svg;
}
