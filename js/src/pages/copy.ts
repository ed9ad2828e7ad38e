import { element } from "../widgets/control";
import { copyText } from "../widgets/copy";

const THANKS_MILLISECONDS = 1_500;

/** A button that copies a text. */
export function copyButton(label: string, text: () => string): HTMLButtonElement {
  const button = element("button", "button", { type: "button" }, label);
  button.addEventListener("click", async () => {
    button.textContent = (await copyText(text())) ? "Copied" : "Not copied";
    setTimeout(() => {
      button.textContent = label;
    }, THANKS_MILLISECONDS);
  });
  return button;
}
