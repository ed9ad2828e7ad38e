import { element } from "../widgets/control";

let made = 0;

/** Panels of which one is shown, chosen by its name: with a pointer or the arrow keys. */
export class Tabs {
  readonly element = element("div", "tabs");
  private readonly list = element("div", "tab-list", { role: "tablist" });
  private readonly tabs: HTMLButtonElement[] = [];
  private readonly panels: HTMLElement[] = [];

  constructor(label: string) {
    this.list.setAttribute("aria-label", label);
    this.element.append(this.list);
    this.list.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (step === undefined) return;
      const now = this.tabs.indexOf(document.activeElement as HTMLButtonElement);
      const next = (now + step + this.tabs.length) % this.tabs.length;
      this.choose(next);
      this.tabs[next]?.focus();
    });
  }

  add(name: string, panel: HTMLElement): void {
    made += 1;
    const tab = element("button", "tab", { type: "button", role: "tab", id: `tab-${made}` }, name);
    panel.id = `panel-${made}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    tab.setAttribute("aria-controls", panel.id);
    const index = this.tabs.push(tab) - 1;
    this.panels.push(panel);
    tab.addEventListener("click", () => this.choose(index));
    this.list.append(tab);
    this.element.append(panel);
    this.choose(0);
  }

  private choose(chosen: number): void {
    this.tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === chosen));
      tab.tabIndex = index === chosen ? 0 : -1;
    });
    this.panels.forEach((panel, index) => {
      panel.hidden = index !== chosen;
    });
  }
}
