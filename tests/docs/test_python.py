"""The code in docs/python.md works, in the order in which it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import driftdb_jupyter
from driftdb_jupyter.client.room import Room

from ..client.served import fresh_room
from ..conformance.servers import standalone

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")


def test_the_code_of_the_page_works(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) > 10
    with standalone() as server, fresh_room(server.root) as here:

        def room(*args: object) -> Room:
            return here

        monkeypatch.setattr(driftdb_jupyter, "room", room, raising=False)
        names: dict[str, Any] = {}
        for block in blocks:
            exec(compile(block, "docs/python.md", "exec"), names)
        assert names["here"].status == "closed"


def test_the_page_names_everything_that_is_shared() -> None:
    for name in driftdb_jupyter.__all__:
        if name.startswith("Shared") or name in ("PubSub", "Stream", "Presence", "bind"):
            assert f"`{name}`" in PAGE
