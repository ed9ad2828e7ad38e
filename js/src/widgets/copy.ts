/** Put a text on the clipboard; whether that worked. */
export async function copyText(text: string): Promise<boolean> {
  // A page that came by plain http has no such thing, except from localhost.
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed; the old way may be.
    }
  }
  const field = document.createElement("textarea");
  Object.assign(field.style, { position: "fixed", insetInlineStart: "-999px" });
  field.value = text;
  // In an open dialog nothing outside of it can be selected.
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  const focused = document.activeElement;
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
