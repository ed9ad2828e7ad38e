"""The package that npm publishes: packed, installed elsewhere, checked, and run in Node."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from driftdb_jupyter import room as join

from ..conformance.servers import standalone
from ..e2e.standalone import Standalone

JS = Path(__file__).parents[2] / "js"
MODULES = JS / "node_modules"
SIGNATURES = Path(__file__).parents[1] / "npm" / "signatures.ts"

APP = """
import WebSocket from "ws";
import { Refused, Room, room, type SharedState } from "driftdb-jupyter";
import { CBOR } from "driftdb-jupyter/cbor";

const codec = process.argv[3] === "cbor" ? { codec: CBOR } : {};
const here: Room = room(process.argv[2] as string, { WebSocket, ...codec });
const slider: SharedState<number> = here.state("slider", 0);
const value: number | undefined = slider.value;
const log = here.stream<string>("log");
await slider.update((n = 0) => n + 1);
await log.extend(["from", "Node"]);
for await (const message of here.pubsub<string>("chat")) {
  console.log(message, value, Refused.name);
  break;
}
here.close();
"""


LASTING = """
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { room } from "driftdb-jupyter";

room(process.argv[2], { WebSocket }).close(); // while it connects
const here = room(process.argv[2], { WebSocket });
here.onStatus(({ phase }) => console.log(phase));
const log = here.stream("log");
for await (const line of createInterface({ input: process.stdin })) log.append(line);
await here.flush();
here.close();
"""


SHARING = """
import WebSocket from "ws";
import { room } from "driftdb-jupyter";
import { join, NotLetIn, ShareLinks } from "driftdb-jupyter/share";

const [, , url, token] = process.argv;
const owner = room(url, { WebSocket, token });
await owner.state("slider").set(3);
const links = new ShareLinks(url, { token });
const made = await links.make({ role: "read", keys: ["slider"], name: "students", people: 1 });
const guest = await join(made.url, { WebSocket, name: "Ada" });
const slider = guest.state("slider");
await slider.ready;
const refused = await slider.set(5).catch(({ code }) => code);
const [{ people, peopleHere, name }] = await links.list();
console.log(slider.value, refused, people, peopleHere, name);
const more = await join(made.url, { WebSocket, browser: "another" }).catch((error) => error);
console.log(more instanceof NotLetIn, more.message);
await new Promise((resolve) => {
  guest.onStatus(({ phase }) => phase === "refused" && resolve());
  links.revoke("students");
});
console.log(guest.status.text);
console.log(await new ShareLinks(url).list().catch(({ code }) => code));
guest.close();
owner.close();
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has the packed package, TypeScript, and a WebSocket for older Nodes."""
    folder = tmp_path_factory.mktemp("project")
    source = folder / "source"
    shutil.copytree(JS, source, ignore=shutil.ignore_patterns("node_modules", "dist", "test"))
    (source / "node_modules").symlink_to(MODULES)
    shutil.copy(JS.parent / "LICENSE", folder)
    run("npm", "pack", "--silent", "--pack-destination", folder, cwd=source)
    (packed,) = folder.glob("*.tgz")
    app = folder / "app"
    (app / "node_modules").mkdir(parents=True)
    run("tar", "-xzf", packed, cwd=app / "node_modules")
    (app / "node_modules" / "package").rename(app / "node_modules" / "driftdb-jupyter")
    for name in ("ws", "@types", "undici-types", "react", "csstype"):
        if (MODULES / name).exists():
            (app / "node_modules" / name).symlink_to(MODULES / name)
    (app / "package.json").write_text('{"type": "module"}')
    (app / "app.ts").write_text(APP)
    drop_in = SIGNATURES.read_text()
    for name in ("driftdb", "driftdb-react"):
        drop_in = drop_in.replace(f'"{name}"', f'"driftdb-jupyter/{name}"')
    (app / "drop_in.ts").write_text(drop_in)
    return app


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("resolution", ["nodenext", "bundler"])
def test_an_app_is_checked_against_its_types(project: Path, resolution: str) -> None:
    module = "nodenext" if resolution == "nodenext" else "esnext"
    options = ["--strict", "--target", "es2022", "--module", module]
    options += ["--moduleResolution", resolution, "--types", "node", "--noEmit"]
    run(MODULES / ".bin" / "tsc", *options, "app.ts", "drop_in.ts", cwd=project)
    (project / "wrong.ts").write_text(APP.replace("SharedState<number>", "SharedState<string>"))
    with pytest.raises(AssertionError, match="not assignable"):
        run(MODULES / ".bin" / "tsc", *options, "wrong.ts", cwd=project)


@pytest.mark.parametrize("codec", ["json", "cbor"])
def test_it_runs_in_node_beside_python(project: Path, codec: str) -> None:
    esbuild = [MODULES / ".bin" / "esbuild", "app.ts", "--format=esm", "--target=es2022"]
    run(*esbuild, "--outfile=app.js", cwd=project)
    with standalone() as server:
        here = join(url=server.root)
        log, chat = here.stream("log"), here.pubsub("chat")
        lines = log.follow(timeout_seconds=60)
        command = ["node", "app.js", here.url, codec]
        with subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) as node:
            assert [next(lines), next(lines)] == ["from", "Node"]
            assert here.state("slider").value == 1
            while node.poll() is None:  # until it listens
                chat.publish("hello").result()
            assert node.stdout is not None
            assert node.stdout.read() == "hello 0 Refused\n"
        here.close()


def test_in_node_an_owner_shares_a_room_and_a_guest_comes_in_by_the_link(project: Path) -> None:
    (project / "sharing.js").write_text(SHARING)
    with standalone() as server:
        with urlopen(Request(f"{server.root}new?admin=true", method="POST")) as answer:
            made = json.load(answer)
        url = f"{server.root}room/{made['room']}"
        printed = run("node", "sharing.js", url, made["admin"], cwd=project)
    assert printed.splitlines() == [
        "3 forbidden 1 1 students",
        "true As many people came in by this link as may.",
        "This link was taken back. Ask for another one.",
        "forbidden",
    ]


def test_in_node_it_outlasts_servers_that_are_not_there_yet_and_that_are_killed(
    project: Path, tmp_path: Path
) -> None:
    (project / "lasting.js").write_text(LASTING)
    server = Standalone(tmp_path)
    with server.running():
        room = server.new_room()
    command = ["node", "lasting.js", room.url]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=project, **pipes) as node:
        phases = iter(node.stdout.readline, "")  # type: ignore[union-attr]

        def append(line: str) -> None:
            node.stdin.write(f"{line}\n")  # type: ignore[union-attr]
            node.stdin.flush()  # type: ignore[union-attr]

        append("one")
        assert "reconnecting\n" in phases
        with server.running():
            assert "connected\n" in phases
            append("two")
            server.process.end(signal.SIGKILL)
            assert "reconnecting\n" in phases
            append("three")
        with server.running():
            assert "connected\n" in phases
            node.stdin.close()  # type: ignore[union-attr]
            assert node.wait(60) == 0
            assert room.read("log") == ["one", "two", "three"]


def test_it_holds_nothing_but_modules_and_their_types(project: Path) -> None:
    folder = project / "node_modules" / "driftdb-jupyter"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    stray = {name for name in names if not name.startswith("dist/")}
    assert stray == {"package.json", "README.md"}
    assert "dist/LICENSE" in names
    assert "Project Nayuki" in (folder / "dist" / "THIRD_PARTY.txt").read_text()
    told = json.loads((folder / "package.json").read_text())
    for entry in told["exports"].values():
        assert {entry["types"][2:], entry["default"][2:]} <= names
    # For those of TypeScript's resolutions that don't know "exports".
    older = {f"./{name}": {"types": types} for name, [types] in told["typesVersions"]["*"].items()}
    older["."] = {"types": told["types"], "default": told["main"]}
    assert {name: dict(entry, **older[name]) for name, entry in told["exports"].items()} == told[
        "exports"
    ]
