import { element } from "../widgets/control";
import { copyButton } from "./copy";
import { linksPanel } from "./links";
import { qrCode } from "./qr";
import { type Shell, shareable } from "./shell";

/** How to open a page elsewhere: its link, and a QR code; or what it takes to have them. */
export function invitation(shell: Shell, path: string): HTMLElement {
  const box = element("div", "invitation");
  const url = shareable(shell, path);
  const link = element("a", "link");
  link.href = url ?? shell.root + path;
  link.textContent = link.href;
  if (url !== null) {
    box.append(qrCode(url, "QR code of this link") ?? "This link is too long for a QR code.");
  } else {
    const why = element("p", "");
    const command = element("code", "", {}, shell.advice);
    why.append(
      "A phone can't open this address, because it is this machine's own. Start the server with ",
      command,
      " and everybody in your network can open the page that it then shows here.",
    );
    box.append(why);
  }
  box.append(
    link,
    copyButton("Copy the link", () => link.href),
  );
  if (shell.advice.startsWith("jupyter")) {
    const login = element("p", "quiet", {}, "Whoever opens it has to log in to Jupyter.");
    box.append(login);
  }
  return box;
}

/** A button that shows how to open a page elsewhere; `key`: the one that it shows, or `null`. */
export function shareButton(
  shell: Shell,
  path: string,
  key: string | null = null,
): HTMLButtonElement {
  const button = element(
    "button",
    "button",
    { type: "button", "aria-haspopup": "dialog" },
    "Share",
  );
  button.addEventListener("click", () => {
    const dialog = element("dialog", "dialog", { "aria-label": "Open this room elsewhere" });
    const close = element("button", "button", { type: "button" }, "Close");
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => dialog.remove());
    const title = element("h2", "", {}, "Open this room elsewhere");
    dialog.append(title, invitation(shell, path));
    if (shell.owned) dialog.append(linksPanel(shell, key)); // nobody else has links
    dialog.append(close);
    document.body.append(dialog);
    dialog.showModal();
  });
  return button;
}
