import type { Json } from "../protocol/messages";
import { type Control, type ControlOptions, element, type Source } from "./control";
import { type Scale, scaleFor } from "./number";

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
    const scale = scaleForBoth(value, options);
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
      const mine = Number(slider.value);
      // A handle that is pulled past the other one takes it along.
      if (slider === low ? mine > Number(other.value) : mine < Number(other.value))
        other.value = slider.value;
      // The other handle stays where others, or the value's own digits, have put it.
      source.update((now) => {
        const [from, to] = isPair(now) ? now : [Number(low.value), Number(high.value)];
        return slider === low ? [mine, Math.max(mine, to)] : [Math.min(from, mine), mine];
      });
      if (isPair(source.value)) text.textContent = source.value.join(" – ");
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

/** A scale on which both numbers are. */
function scaleForBoth(pair: readonly number[], options: ControlOptions): Scale {
  const [one, two] = pair.map((value) => scaleFor(value, options)) as [Scale, Scale];
  return {
    min: Math.min(one.min, two.min),
    max: Math.max(one.max, two.max),
    step: Math.min(one.step, two.step),
  };
}
