import type { Json } from "../protocol/messages";
import { chartCode } from "./chart_code";
import { type ControlOptions, element, type MakeControl, type Source } from "./control";
import type { Home } from "./home";

/** A state as a chart to look at. */
export function chartControl(home: Home): MakeControl {
  return (source: Source, { label, chart: look }: ControlOptions) => {
    const box = element("div", "driftdb-chart-place");
    let show = (_: Json | undefined): void => {};
    const draw = async (): Promise<void> => {
      const { Chart } = await chartCode(home);
      const chart = new Chart(box, { label, look, names: [label], isLive: false });
      show = (value) => {
        if (box.isConnected) chart.show(value);
        else chart.destroy();
      };
      show(source.value);
    };
    draw().catch((error: unknown) => {
      console.error(error);
      box.textContent = "The chart can't be shown: its code could not be loaded.";
    });
    return { element: box, show: (value) => show(value) };
  };
}
