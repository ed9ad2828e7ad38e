/** Save what was made of a chart as a file of whoever looks at it. */
export function save(label: string, ending: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = `${fileName(label)}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A name without what file systems take for something else. */
export function fileName(label: string): string {
  const plain = label.normalize("NFC").replace(/[^\p{L}\p{M}\p{N}_-]+/gu, "-");
  return plain.replace(/^-+|-+$/g, "").slice(0, 60) || "chart";
}
