import { type Chart, chartCode } from "./chart_code";
import { type ControlOptions, element, type MakeControl, type Source } from "./control";
import type { Home } from "./home";

/** A state as a chart to look at. */
export function chartControl(home: Home): MakeControl {
  return (source: Source, { label, chart: style }: ControlOptions) => {
    const box = element("div", "driftdb-chart-place", {}, "loading…");
    let chart: Chart | null = null;
    let ended = false;
    const draw = async (): Promise<void> => {
      const code = await chartCode(home);
      if (ended) return;
      box.replaceChildren();
      chart = new code.Chart(box, { label, style, names: [label], isLive: false });
      chart.show(source.value);
    };
    draw().catch((error: unknown) => {
      console.error(error);
      box.textContent = "The chart can't be shown: its code could not be loaded.";
    });
    return {
      element: box,
      show: (value) => chart?.show(value),
      destroy: () => {
        ended = true;
        chart?.destroy();
      },
    };
  };
}
