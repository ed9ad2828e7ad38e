// @vitest-environment happy-dom
import { afterEach, expect, test } from "vitest";
import { keepKeys } from "../../src/widgets/keys";

let giveBack = () => {};
afterEach(() => giveBack());

/** An element in a cell, and who hears of keys before and after it. */
function inCell(html: string) {
  document.body.innerHTML = `<div class="jp-Cell" tabindex="0"><div id="view">${html}</div></div>`;
  giveBack = keepKeys(document.getElementById("view") as HTMLElement);
  const target = document.querySelector("#view > *") as HTMLElement;
  target.focus();
  /** Whether Notebook 7, and JupyterLab, may take a key for a shortcut. */
  const press = (key: string, more: KeyboardEventInit = {}): boolean[] => {
    let inNotebook = false;
    let inLab = false;
    const capture = () => {
      inNotebook = !target.hasAttribute("data-lm-suppress-shortcuts");
    };
    const bubble = () => {
      inLab = true;
    };
    document.addEventListener("keydown", capture, { capture: true, once: true });
    document.addEventListener("keydown", bubble);
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
    document.removeEventListener("keydown", bubble);
    return [inNotebook, inLab];
  };
  return { target, press };
}

const KINDS = [
  ["<input type=range>", "ArrowRight Home End PageUp", "Backspace Delete"],
  ["<input type=radio>", "ArrowDown ArrowUp", "Home Enter"],
  ["<input type=checkbox>", "", "ArrowDown Enter"],
  ["<input type=color>", "Enter", "ArrowDown"],
  ["<input type=file>", "Enter", "ArrowDown"],
  ["<button></button>", "Enter", "ArrowDown ArrowUp Delete"],
  ["<a href='#'></a>", "Enter", "ArrowDown"],
  ["<select></select>", "ArrowDown Home Enter", "Backspace"],
  ["<input type=text>", "ArrowDown Home Enter Backspace Delete", "Tab"],
  ["<input type=number>", "ArrowDown Enter Backspace", "Tab"],
  ["<input type=date>", "ArrowDown Enter Backspace", "Tab"],
  ["<input type=search>", "ArrowDown Enter Backspace", "Tab"],
  ["<textarea></textarea>", "ArrowDown Enter Backspace", "Tab"],
  ["<div tabindex=0></div>", "ArrowDown PageDown Home", "Enter Delete"],
] as const;

test.each(KINDS)("%s keeps the keys that it acts on, and no others", (html, kept, given) => {
  const { press } = inCell(html);
  for (const key of `x D 0 ${kept}`.split(" ").filter((each) => each !== ""))
    expect([key, press(key)]).toEqual([key, [false, false]]);
  expect(press(" ")).toEqual([false, false]);
  for (const key of `F9 ${given}`.split(" "))
    expect([key, press(key)]).toEqual([key, [true, true]]);
});

test.each(KINDS)("of %s the notebook hears Escape, Ctrl-S and what runs a cell", (html) => {
  const { press } = inCell(html);
  for (const [key, more] of [
    ["Enter", { shiftKey: true }],
    ["Enter", { ctrlKey: true }],
    ["Enter", { altKey: true }],
    ["s", { ctrlKey: true }],
    ["s", { metaKey: true }],
    ["C", { ctrlKey: true, shiftKey: true }],
    ["ArrowUp", { ctrlKey: true, altKey: true }],
    ["Escape", {}],
  ] as const)
    expect([key, more, press(key, more)]).toEqual([key, more, [true, true]]);
});

test("what edits a text is kept where a text is edited", () => {
  const edits = [
    ["a", { ctrlKey: true }],
    ["z", { metaKey: true }],
    ["Z", { ctrlKey: true, shiftKey: true }],
    ["Backspace", { ctrlKey: true }],
    ["ArrowLeft", { ctrlKey: true, shiftKey: true }],
    ["ArrowLeft", { altKey: true }],
    ["Insert", { shiftKey: true }],
  ] as const;
  const { press } = inCell("<input type=text>");
  for (const [key, more] of edits) expect([key, press(key, more)]).toEqual([key, [false, false]]);
  giveBack();
  const slider = inCell("<input type=range>");
  for (const [key, more] of edits.slice(0, 6))
    expect([key, slider.press(key, more)]).toEqual([key, [true, true]]);
});

test("a composition is kept, whatever its keys are", () => {
  const { press } = inCell("<input type=text>");
  expect(press("Escape", { isComposing: true })).toEqual([false, false]);
});

test("Escape leaves a control for its cell", () => {
  const { target, press } = inCell("<input type=range>");
  expect(document.activeElement).toBe(target);
  press("Escape");
  expect(document.activeElement?.className).toBe("jp-Cell");
});

test("a key that is pressed elsewhere is not kept", () => {
  inCell("<input type=text>");
  const elsewhere = document.body.appendChild(document.createElement("input"));
  let heard = false;
  document.addEventListener("keydown", () => {
    heard = true;
  });
  elsewhere.dispatchEvent(new KeyboardEvent("keydown", { key: "x", bubbles: true }));
  expect([heard, document.querySelector("[data-lm-suppress-shortcuts]")]).toEqual([true, null]);
});
