"""A standalone server for the tests in the browser, as people start it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ..server.processes import COMMAND, Process, environment, started

__all__ = ["PageRoom", "Standalone"]


class Standalone:
    """A standalone server that can be restarted; it keeps its rooms in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = 0
        self.process: Process

    @contextmanager
    def running(self, *options: str) -> Iterator[None]:
        """Serve until the end of the block; again at the same address."""
        serve = [*COMMAND, "serve", "--port", str(self._port), "--data", str(self._folder)]
        serve.append("--allow-origin=null")  # of the pages that tests write
        serve += options
        with started(serve, cwd=self._folder, env=environment()) as self.process:
            self.root = self.process.server.root
            self._port = urlsplit(self.root).port or 0
            yield
            self.process.end()

    def new_room(self) -> PageRoom:
        """Make a room."""
        made = _post(self.root + "new", b"")
        return PageRoom(f"{self.root}room/{made['room']}")


class PageRoom:
    """A room at its URL, as curl uses it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def push(self, key: str, value: Any, action: str = "replace", **more: Any) -> None:
        """Push a value; ``more`` belongs to the action."""
        push = {"type": "push", "key": key, "value": value, "action": {"type": action, **more}}
        _post(f"{self.url}/send", json.dumps(push).encode())

    def delete(self, key: str) -> None:
        """Empty a key."""
        push = {"type": "push", "key": key, "action": {"type": "delete"}}
        _post(f"{self.url}/send", json.dumps(push).encode())

    def read(self, key: str) -> list[Any]:
        """The values that a key's stream holds; a state's as it was meant."""
        answer = _post(f"{self.url}/send", json.dumps({"type": "get", "key": key}).encode())
        values = [entry["value"] for entry in answer["data"]]
        return [
            value["v"] if isinstance(value, dict) and "v" in value else value for value in values
        ]

    def describe(self, key: str, kind: str, **more: Any) -> None:
        """Say what a key is meant to be."""
        self.push(f"$meta/{key}", {"kind": kind, **more})


def _post(url: str, body: bytes) -> Any:
    with urlopen(Request(url, data=body, method="POST"), timeout=30) as answer:
        return json.load(answer)
