import { encode } from "uqr";

const SVG = "http://www.w3.org/2000/svg";

/** A text as a QR code: dark on white, whatever the page's colours, as readers expect. */
export function qrCode(text: string, label: string): SVGSVGElement {
  const { size, data } = encode(text, { ecc: "M", border: 3 });
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
