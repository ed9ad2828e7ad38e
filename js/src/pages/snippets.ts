/** How to use a room from a language. */
export interface Snippet {
  readonly name: string;
  readonly code: string;
}

/** The same for each: share a number. `root` is the server's URL, `id` the room's name. */
export function snippets(root: string, id: string): Snippet[] {
  const room = `${root}room/${encodeURIComponent(id)}`;
  return [
    {
      name: "Python",
      code: `# needs driftdb-jupyter, which isn't on PyPI yet: pip install its-checkout-or-wheel
from driftdb_jupyter import SharedState

url = ${JSON.stringify(room)}
slider = SharedState("slider", 0, url=url, min=0, max=100)
slider.value = 42  # everybody in the room has it
slider.observe(lambda change: print(change.new))`,
    },
    {
      name: "JavaScript",
      code: `// in a <script type="module">
import { room } from ${JSON.stringify(`${root}driftdb.js`)}

const here = room(${JSON.stringify(room)})
const slider = here.state("slider", 0)
slider.subscribe((value) => console.log(value))
await slider.set(42) // everybody in the room has it`,
    },
    {
      name: "React",
      code: `// needs react and driftdb-jupyter, which isn't on npm yet: npm install its-packed-file.tgz
import { DriftDBProvider, useSharedState } from "driftdb-jupyter/react"

function Slider() {
  const [value, setValue] = useSharedState("slider", 0)
  return <input type="range" value={value} onChange={(e) => setValue(e.target.valueAsNumber)} />
}

export default () => (
  <DriftDBProvider api={${JSON.stringify(root)}} room={${JSON.stringify(id)}}>
    <Slider />
  </DriftDBProvider>
)`,
    },
    {
      name: "curl",
      code: `curl ${quoted(`${room}/send`)} -d '{
  "type": "push", "key": "slider", "value": 42, "action": {"type": "replace"}
}'
curl ${quoted(`${room}/send`)} -d '{"type": "get", "key": "slider", "seq": 0}'`,
    },
  ];
}

/** A text as a shell reads it back. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
