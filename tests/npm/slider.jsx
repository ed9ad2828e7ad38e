// The classic page of DriftDB's documentation, and its other hooks, with `driftdb-react` unmodified.
import { DriftDBProvider, StatusIndicator, useConnectionStatus, usePresence } from "driftdb-react";
import { useSharedReducer, useSharedState, useUniqueClientId } from "driftdb-react";
import { createRoot } from "react-dom/client";

function Slider() {
  const [value, setValue] = useSharedState("slider", 0);
  return (
    <input type="range" value={value} onChange={(event) => setValue(event.target.valueAsNumber)} />
  );
}

function Counter() {
  const [count, add] = useSharedReducer("count", (state, step) => state + step, 0);
  return (
    <button type="button" onClick={() => add(1)}>
      {count}
    </button>
  );
}

function Others() {
  const presence = usePresence("here", useUniqueClientId());
  return <p id="others">{Object.keys(presence).length}</p>;
}

function Status() {
  return <p id="status">{useConnectionStatus().connected ? "connected" : "not connected"}</p>;
}

const query = new URLSearchParams(location.search);
createRoot(document.getElementById("root")).render(
  <DriftDBProvider api={query.get("api")} useBinary={query.has("binary")}>
    <Slider />
    <Counter />
    <Others />
    <Status />
    <StatusIndicator />
  </DriftDBProvider>,
);
