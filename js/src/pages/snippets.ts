/** How to use a room from a language. */
export interface Snippet {
  readonly name: string;
  readonly code: string;
}

/** The same for each: share a number. `room` is the room's URL, `root` the server's. */
export function snippets(root: string, room: string): Snippet[] {
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
      code: `import { room } from ${JSON.stringify(`${root}driftdb.js`)} // in a <script type="module">

const slider = room(${JSON.stringify(room)}).state("slider", 0)
slider.subscribe((value) => console.log(value))
await slider.set(42) // everybody in the room has it`,
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
