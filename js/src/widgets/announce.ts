/** What is said is gathered so long: of much at once the newest is read out. */
const GATHER_MILLISECONDS = 200;
/** Then it is taken away, so that the same is read out again when it is said again. */
const STAY_MILLISECONDS = 5_000;

let region: HTMLElement | null = null;
let next: (() => string) | null = null;
let clearing: ReturnType<typeof setTimeout> | undefined;

/** Have screen readers read something out: once for a page, however many views say the same. */
export function announce(text: () => string): void {
  if (region === null || !region.isConnected)
    region = document.querySelector<HTMLElement>("body > .driftdb-announced"); // another copy's
  if (region === null) {
    region = document.createElement("div");
    region.className = "driftdb-announced";
    region.setAttribute("role", "status");
    document.body.append(region);
  }
  if (next === null) setTimeout(say, GATHER_MILLISECONDS);
  next = text;
}

function say(): void {
  const text = next?.() ?? "";
  if (region !== null && region.textContent !== text) region.textContent = text;
  next = null;
  clearTimeout(clearing);
  clearing = setTimeout(() => region?.replaceChildren(), STAY_MILLISECONDS);
}
