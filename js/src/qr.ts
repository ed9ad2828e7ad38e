import { encode } from "uqr";

/** A QR code: so many dots wide and high, and the dark ones as the path of an SVG. */
export interface QrCode {
  readonly size: number;
  readonly path: string;
}

/** A text as a QR code; `null` for one that is too long for it. */
export function qrCodeOf(text: string): QrCode | null {
  try {
    const { data, size } = encode(text, { ecc: "M", border: 3 });
    const dots = data.flatMap((row, y) =>
      row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])),
    );
    return { size, path: dots.join("") };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
