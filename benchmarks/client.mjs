// What the JavaScript client costs in Node, against a real server: `node benchmarks/client.mjs`.
// The server is `driftdb serve` of this checkout, in memory and on a port of its own; with two cores
// it has the other one. Its Python is that of $PYTHON, of the checkout's .venv, or of the PATH.
// Figures are of this process: by the clock, and by its processor time.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(join(root, "js/package.json"));
const { build } = require("esbuild");
const { WebSocket } = require("ws");

const ROUNDS = Number(process.argv[2] ?? 3);

/** The client as it stands in js/src, in one file. */
async function bundled(folder) {
  const outfile = join(folder, "client.mjs");
  const entry = join(root, "js/src/room/index.ts");
  await build({ entryPoints: [entry], outfile, bundle: true, format: "esm", platform: "node" });
  return import(pathToFileURL(outfile));
}

/** The Python that has what the server needs. */
function python() {
  const venv = process.platform === "win32" ? ".venv/Scripts/python.exe" : ".venv/bin/python";
  const own = join(root, venv);
  return process.env.PYTHON ?? (existsSync(own) ? own : "python");
}

/** A server; resolves with its address, and what ends it. */
async function served() {
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const command = [python(), "-m", "driftdb_jupyter.cli", "serve", "--port", String(port)];
  const server = spawn(command[0], command.slice(1), {
    cwd: root,
    env: { ...process.env, PYTHONPATH: root },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [server.stdout, server.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      printed = (printed + text).slice(-2000);
    });
  }
  let ended = false;
  const end = once(server, "close").then(
    ([code]) => {
      printed += `(exit status ${code})`;
    },
    (error) => {
      printed += error.message;
    },
  );
  end.then(() => {
    ended = true;
  });
  const address = `http://127.0.0.1:${port}/`;
  for (let tries = 0; tries < 600 && !ended; tries += 1) {
    const isUp = await fetch(`${address}health`).then(
      () => true,
      () => false,
    );
    if (isUp) return { address, end: () => server.kill() && end };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  server.kill();
  throw new Error(`the server did not start: ${command.join(" ")}\n${printed}`);
}

/** Run something; resolves with the seconds that it took, and those of the processor. */
async function timed(run) {
  const [start, used] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(used);
  return { seconds: (performance.now() - start) / 1000, cpu: (user + system) / 1e6 };
}

const best = (figures) => Math.min(...figures);

async function repeat(run) {
  const [seconds, cpu] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    const figures = await run();
    seconds.push(figures.seconds);
    cpu.push(figures.cpu);
  }
  return { seconds: best(seconds), cpu: best(cpu) };
}

const server = await served();
const folder = await mkdtemp(join(root, "benchmarks/.client-"));
try {
  const { newRoom, room } = await bundled(folder);
  const open = () => newRoom(server.address, { WebSocket });
  const say = (what, count, { seconds, cpu }) =>
    console.log(
      `${what.padEnd(52)} ${Math.round(count / seconds).toLocaleString("en").padStart(9)}/s` +
        `  ${((1e6 * cpu) / count).toFixed(1).padStart(7)} µs of processor each`,
    );

  say(
    "append, one after the other",
    50_000,
    await repeat(async () => {
      const here = await open();
      const log = here.stream("log");
      await log.ready;
      const figures = await timed(async () => {
        for (let n = 0; n < 50_000; n += 1) {
          void log.append(n);
          if (here.waiting > 5_000) await here.flush();
        }
        await here.flush();
      });
      here.close();
      return figures;
    }),
  );

  say(
    "heard, by a subscriber",
    200_000,
    await repeat(async () => {
      const writer = await open();
      const reader = room(writer.url, { WebSocket });
      const heard = reader.pubsub("news");
      let count = 0;
      let done = () => {};
      const all = new Promise((resolve) => {
        done = resolve;
      });
      heard.subscribe(() => {
        count += 1;
        if (count === 200_000) done();
      });
      const stream = writer.stream("news", { describe: false, maxLength: 1 });
      await stream.ready;
      await reader.keys(); // it has subscribed by then
      const figures = await timed(async () => {
        const values = Array.from({ length: 4_000 }, (_, n) => n);
        for (let batch = 0; batch < 50; batch += 1) await stream.extend(values);
        await all;
      });
      for (const each of [writer, reader]) each.close();
      return figures;
    }),
  );

  say(
    "dict.set in a row, into an empty one",
    1_000,
    await repeat(async () => {
      const here = await open();
      const dict = here.dict("d");
      await dict.ready;
      const figures = await timed(async () => {
        for (let n = 0; n < 1_000; n += 1) void dict.set({ [`k${n}`]: n });
        await here.flush();
      });
      here.close();
      return figures;
    }),
  );

  for (const items of [0, 10_000]) {
    say(
      `dict.set, each awaited, of ${items.toLocaleString("en")} items`,
      2_000,
      await repeat(async () => {
        const here = await open();
        const initial = Array.from({ length: items }, (_, n) => [`item ${n}`, { x: n, y: n }]);
        const dict = here.dict("d", Object.fromEntries(initial));
        await dict.ready;
        await here.flush();
        const figures = await timed(async () => {
          for (let n = 0; n < 2_000; n += 1) await dict.set({ [`item ${n % 100}`]: { x: n, y: 0 } });
        });
        here.close();
        return figures;
      }),
    );
  }

  for (const strokes of [0, 300]) {
    say(
      `reducer, each awaited, of ${strokes} strokes (${(strokes / 300).toFixed(0)} MB)`,
      2_000,
      await repeat(async () => {
        const here = await open();
        const points = Array.from({ length: 300 }, (_, n) => [400 + n, 300 + n]);
        const initial = { moved: 0, strokes: Array.from({ length: strokes }, () => points) };
        const move = (state, by) => ({ ...state, moved: state.moved + by });
        const board = here.reducer("b", move, initial);
        await board.ready;
        await here.flush();
        const figures = await timed(async () => {
          for (let n = 0; n < 2_000; n += 1) await board.dispatch(1);
        });
        here.close();
        return figures;
      }),
    );
  }
} finally {
  await server.end();
  await rm(folder, { recursive: true });
}
