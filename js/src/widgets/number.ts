import { isNumber, type LongInteger, parse, rounded, stringify } from "../protocol/integers";
import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";

/** A slider with a number field beside it. */
export function numberControl(source: Source, options: ControlOptions): Control {
  const box = element("div", "driftdb-number");
  const slider = element("input", "driftdb-slider", { type: "range", "aria-label": options.label });
  const { element: field, show: showInField } = fieldControl(source, {
    ...options,
    label: `${options.label}, as a number`,
    step: null,
  });
  box.append(slider, field);

  let held = false;
  let drawn = false;
  const show = (value: Json | undefined): void => {
    if (value === undefined && drawn) return; // a key that was deleted: what was there stays
    drawn = true;
    const isEmpty = (value ?? null) === null;
    slider.classList.toggle("driftdb-empty", isEmpty);
    if (isEmpty) slider.setAttribute("aria-valuetext", "no value");
    const number = isEmpty ? (options.min ?? 0) : value;
    if (!isNumber(number)) return;
    if (!held) {
      const near = rounded(number);
      const scale = scaleFor(near, options);
      slider.min = String(scale.min);
      slider.max = String(scale.max);
      slider.step = String(scale.step);
      slider.value = String(near);
      if (!isEmpty) slider.setAttribute("aria-valuetext", String(near));
    }
    showInField(value);
  };
  const release = (): void => {
    held = false;
    show(source.value);
  };

  slider.addEventListener("pointerdown", () => {
    held = true;
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
    slider.addEventListener(end, release);
  slider.addEventListener("input", () => source.write(Number(slider.value)));
  show(source.value);
  return { element: box, field: slider, show };
}

/** A field for a number, without a slider. */
export function fieldControl(source: Source, options: ControlOptions): Control {
  const bounds = Object.fromEntries(
    (["min", "max", "step"] as const)
      .filter((name) => options[name] !== null)
      .map((name) => [name, stringify(options[name])]),
  );
  const field = element("input", "driftdb-field", {
    type: "number",
    "aria-label": options.label,
    step: "any",
    ...bounds,
  });
  const notice = element("span", "driftdb-notice", { role: "status" });
  const box = element("span", "driftdb-entry", {}, field, notice);
  let typing = false;
  const show = (value: Json | undefined): void => {
    if (typing) return;
    if (isNumber(value)) field.value = stringify(value);
    else if (value === null) field.value = "";
  };
  const done = () => {
    typing = false;
    show(source.value);
  };
  field.addEventListener("input", () => {
    typing = true;
    notice.textContent = "";
  });
  field.addEventListener("change", () => {
    const text = field.value.trim();
    if (text !== "" && Number.isFinite(Number(text))) {
      const typed = exactly(text);
      const within = clamped(typed, options);
      if (within !== typed)
        notice.textContent = `${expected(options)}: ${stringify(typed)} became ${stringify(within)}.`;
      source.write(within);
    } else if (field.validity?.badInput) {
      notice.textContent = "Expected a number: nothing was changed.";
    }
    done();
  });
  // Escape takes back what was typed.
  field.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") done();
  });
  field.addEventListener("blur", done);
  field.addEventListener("wheel", () => leaveToThePage(field), { passive: true });
  show(source.value);
  return { element: box, field, show };
}

/** Which numbers are allowed, in words. */
function expected({ min, max }: ControlOptions): string {
  if (min === null) return `At most ${stringify(max)}`;
  return max === null
    ? `At least ${stringify(min)}`
    : `From ${stringify(min)} to ${stringify(max)}`;
}

/** Let a wheel that is turned over a field scroll the page: browsers count the number up and down. */
function leaveToThePage(field: HTMLInputElement): void {
  if (field.readOnly) return;
  field.readOnly = true;
  setTimeout(() => {
    field.readOnly = false;
  });
}

/** The number that a text means: an integer with all of its digits. */
function exactly(text: string): number | LongInteger {
  const integer = /^\s*-?[1-9]\d*\s*$/.test(text);
  return integer ? (parse(text) as number | LongInteger) : Number(text);
}

/** The number, or the bound that it exceeds. */
function clamped(value: number | LongInteger, { min, max }: ControlOptions): number | LongInteger {
  if (max !== null && isLess(max, value)) return max;
  return min !== null && isLess(value, min) ? min : value;
}

function isLess(one: number | LongInteger, two: number | LongInteger): boolean {
  const [a, b] = [rounded(one), rounded(two)];
  // A double holds a long integer only roughly.
  return a === b && Number.isInteger(a) ? exact(one) < exact(two) : a < b;
}

function exact(value: number | LongInteger): bigint {
  return BigInt(typeof value === "number" ? value : value.digits);
}

/** What a slider goes over. */
export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/**
 * The slider's scale: what was asked for, 0 to 100 otherwise. Where nobody asked, it widens for a
 * value outside; its steps are whole for whole numbers.
 */
export function scaleFor(value: number, options: ControlOptions): Scale {
  const [low, high] = [options.min, options.max].map((bound) => bound && rounded(bound));
  const min = low ?? (value < 0 ? -roundUp(-value) : Math.min(0, high ?? 0));
  const max = high ?? Math.max(roundUp(Math.abs(value)), min + 1, low === null ? 100 : min + 100);
  const whole = [value, min, max].every(Number.isInteger);
  return { min, max, step: options.step ?? (whole ? 1 : fineStep(max - min)) };
}

/** The next power of ten, at least 100. */
function roundUp(value: number): number {
  return Math.max(100, 10 ** Math.ceil(Math.log10(Math.max(value, 1))));
}

/** About a hundredth of the range, as a power of ten. */
function fineStep(range: number): number {
  return range > 0 ? 10 ** Math.floor(Math.log10(range / 100) + 1e-9) : 1;
}
