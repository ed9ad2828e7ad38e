"""The code in docs/python.md and docs/charts.md works, in the order in which it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import driftdb_jupyter
from driftdb_jupyter.client.room import Room

from ..client.served import fresh_room
from ..conformance.servers import standalone

FOLDER = Path(__file__).parents[2] / "docs"
PAGE = (FOLDER / "python.md").read_text("utf-8")


@pytest.mark.parametrize("name", ["python.md", "charts.md"])
def test_the_code_of_a_page_works(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (FOLDER / name).read_text("utf-8"), re.DOTALL)
    assert len(blocks) > 4
    with standalone() as server, fresh_room(server.root) as here:

        def room(*args: object) -> Room:
            return here

        monkeypatch.setattr(driftdb_jupyter, "room", room, raising=False)
        names: dict[str, Any] = {}
        for block in blocks:
            exec(compile(block, name, "exec"), names)
        if name == "python.md":
            assert names["here"].status == "closed"


def test_the_page_names_everything_that_is_shared() -> None:
    for name in driftdb_jupyter.__all__:
        if name.startswith("Shared") or name in ("PubSub", "Stream", "Presence", "bind"):
            assert f"`{name}`" in PAGE
