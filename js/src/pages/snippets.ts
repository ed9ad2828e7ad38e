/** How to use a room from a language. */
export interface Snippet {
  readonly name: string;
  readonly code: string;
}

/** The same for each: share a number. `room` is the room's URL, `root` the server's. */
export function snippets(root: string, room: string): Snippet[] {
  const socket = `${room.replace(/^http/, "ws")}/connect`;
  const id = decodeURIComponent(room.slice(room.lastIndexOf("/") + 1));
  return [
    {
      name: "Python",
      code: `# pip install driftdb-jupyter
from driftdb_jupyter import SharedState

slider = SharedState("slider", 0, url=${JSON.stringify(room)}, min=0, max=100)
slider.value = 42  # everybody in the room has it
slider.observe(lambda change: print(change.new))`,
    },
    {
      name: "JavaScript",
      code: `const room = new WebSocket(${JSON.stringify(socket)})
const tell = (message) => room.send(JSON.stringify(message))

room.onmessage = ({ data }) => console.log(JSON.parse(data))
room.onopen = () => {
  tell({ type: "get", key: "slider", seq: 0 })
  tell({ type: "push", key: "slider", value: 42, action: { type: "replace" } })
}`,
    },
    {
      name: "React",
      code: `// npm install driftdb-react
import { DriftDBProvider, useSharedState } from "driftdb-react"

function Slider() {
  const [value, setValue] = useSharedState("slider", 0)
  return <input type="range" value={value} onChange={(e) => setValue(e.target.valueAsNumber)} />
}

export default () => (
  <DriftDBProvider api=${JSON.stringify(root)} room=${JSON.stringify(id)}>
    <Slider />
  </DriftDBProvider>
)`,
    },
    {
      name: "curl",
      code: `curl ${room}/send -d '{
  "type": "push", "key": "slider", "value": 42, "action": {"type": "replace"}
}'
curl ${room}/send -d '{"type": "get", "key": "slider", "seq": 0}'`,
    },
  ];
}
