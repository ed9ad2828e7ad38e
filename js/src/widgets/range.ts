import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";
import { scaleFor } from "./number";

/** Two sliders of one scale; the value is a list of the lower and the higher number. */
export function rangeControl(source: Source, options: ControlOptions): Control {
  const box = element("div", "driftdb-range", { role: "group", "aria-label": options.label });
  const handle = (name: string) =>
    element("input", "driftdb-slider", {
      type: "range",
      "aria-label": `${options.label}, ${name}`,
    });
  const low = handle("from");
  const high = handle("to");
  const text = element("output", "driftdb-between");
  box.append(low, high, text);

  let held = false;
  const show = (value: Json | undefined): void => {
    if (!isPair(value) || held) return;
    const scale = scaleFor(Math.max(...value.map(Math.abs)), options);
    for (const slider of [low, high]) {
      slider.min = String(scale.min);
      slider.max = String(scale.max);
      slider.step = String(scale.step);
    }
    [low.value, high.value] = value.map(String) as [string, string];
    text.textContent = value.join(" – ");
  };
  const release = (): void => {
    held = false;
    show(source.value);
  };
  for (const [slider, other] of [
    [low, high],
    [high, low],
  ] as const) {
    slider.addEventListener("pointerdown", () => {
      held = true;
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"])
      slider.addEventListener(end, release);
    slider.addEventListener("input", () => {
      const [one, two] = [Number(slider.value), Number(other.value)];
      // A handle that is pulled past the other one takes it along.
      if (slider === low ? one > two : one < two) other.value = slider.value;
      const pair = [Number(low.value), Number(high.value)];
      text.textContent = pair.join(" – ");
      source.write(pair);
    });
  }
  show(source.value);
  return { element: box, show };
}

function isPair(value: Json | undefined): value is [number, number] {
  return (
    Array.isArray(value) && value.length === 2 && value.every((each) => typeof each === "number")
  );
}
