/** Lumino (JupyterLab, Notebook) takes no key that is pressed in an element with this for a shortcut. */
const NO_SHORTCUTS = "data-lm-suppress-shortcuts";

const ARROWS = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
const MOVES = [...ARROWS, "Home", "End", "PageUp", "PageDown"];
const EDITS = [...MOVES, "Enter", "Backspace", "Delete", "Insert", "Dead", "Process"];

/** Keys with a name that a control acts on, by what it is; the first that matches counts. */
const NAMED: readonly (readonly [selector: string, keys: readonly string[]])[] = [
  ["input[type=range]", MOVES],
  ["input[type=radio]", ARROWS],
  ["input[type=checkbox]", []],
  ["input[type=color], input[type=file], button, a", ["Enter"]],
  ["select", [...MOVES, "Enter"]],
  ["input, textarea", EDITS],
  ["*", MOVES], // scrolls
];
/** Those that are typed in. */
const FIELDS =
  "textarea, input:not([type=range], [type=radio], [type=checkbox], [type=color], [type=file])";

/**
 * Keep the keys that the controls in an element act on from the shortcuts of the notebook around
 * it; all others reach those. Escape leaves the controls for the cell. Returns what ends that.
 *
 * JupyterLab listens at the document after the controls, Notebook 7 before them: so what has the
 * focus is marked for the one before anybody hears of the key, and the key goes no further for the
 * other.
 */
export function keepKeys(element: HTMLElement): () => void {
  let marked: Element | null = null;
  const unmark = (): void => {
    marked?.removeAttribute(NO_SHORTCUTS);
    marked = null;
  };
  const mark = (event: KeyboardEvent): void => {
    unmark();
    const [target] = event.composedPath();
    if (!(target instanceof Element) || !element.contains(target) || !isMeant(event, target))
      return;
    marked = event.target as Element; // the host, where the element is in a shadow root
    marked.setAttribute(NO_SHORTCUTS, "");
  };
  const keep = (event: KeyboardEvent): void => {
    if (marked !== null) event.stopPropagation();
    else if (isEscape(event)) element.closest<HTMLElement>(".jp-Cell")?.focus();
    unmark();
  };
  addEventListener("keydown", mark, { capture: true });
  element.addEventListener("keydown", keep);
  return () => {
    removeEventListener("keydown", mark, { capture: true });
    element.removeEventListener("keydown", keep);
  };
}

/** Whether the control that has the focus acts on a key, or somebody types in it. */
export function isMeant(event: KeyboardEvent, target: Element): boolean {
  const { key, ctrlKey, altKey, metaKey, shiftKey } = event;
  const typed = [...key].length === 1;
  const inField = target.matches(FIELDS);
  if (event.isComposing) return true;
  const named = NAMED.find(([selector]) => target.matches(selector))?.[1].includes(key) === true;
  // Shift, Ctrl or Alt with Enter run a cell.
  if (key === "Enter" && (shiftKey || ctrlKey || altKey || metaKey)) return false;
  if (typed && event.getModifierState("AltGraph")) return true; // Windows has Ctrl and Alt with it
  if (ctrlKey || metaKey) {
    if (altKey || !inField) return false;
    return named || (shiftKey ? /^[vz]$/i : /^[acvxyz]$/i).test(key);
  }
  if (altKey) return named ? inField || target.matches("select") : typed && inField && isMac();
  // A letter that is typed at a slider or a button is no command to a cell either.
  return typed || named;
}

function isEscape({ key, ctrlKey, altKey, metaKey, shiftKey, isComposing }: KeyboardEvent) {
  return key === "Escape" && !(ctrlKey || altKey || metaKey || shiftKey || isComposing);
}

/** Whether Alt (Option) with a letter types another letter. */
function isMac(): boolean {
  return /^Mac/.test(navigator.platform);
}
