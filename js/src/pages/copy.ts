import { element } from "../widgets/control";

const THANKS_MILLISECONDS = 1_500;

/** A button that copies a text. */
export function copyButton(label: string, text: () => string): HTMLButtonElement {
  const button = element("button", "button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text())) ? "Copied" : "Not copied";
    setTimeout(() => {
      button.textContent = label;
    }, THANKS_MILLISECONDS);
  });
  return button;
}

/** Put a text on the clipboard; whether that worked. */
async function copy(text: string): Promise<boolean> {
  // A page that came by plain http has no such thing, except from localhost.
  if (navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed; the old way may be.
    }
  }
  const field = element("textarea", "out-of-sight");
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
