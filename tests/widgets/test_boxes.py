"""What a notebook keeps of boxes that hold shared objects."""

from __future__ import annotations

from typing import Any

import ipywidgets
import pytest
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets import HBox, IntSlider, Label, Tab, VBox

from driftdb_jupyter.client.room import Room
from driftdb_jupyter.widgets.boxes import keep_boxes, kept_box
from driftdb_jupyter.widgets.dictionary import SharedDict
from driftdb_jupyter.widgets.output import VIEW
from driftdb_jupyter.widgets.state import SharedState
from driftdb_jupyter.widgets.stream import Stream


def keys(view: dict[str, Any]) -> Any:
    """The keys, and the texts, in a view, box by box."""
    if view.get("kind") == "box":
        return [keys(child) for child in view["children"]]
    return view.get("key") or view["text"]


def test_a_box_keeps_each_view_that_is_in_it(mine: Room) -> None:
    speed, log = SharedState("speed", 3, room=mine), Stream("log", room=mine)
    form = SharedDict("form", {"name": "Ann"}, room=mine)
    box = VBox([Label("<b>Here</b>"), HBox([speed, form]), IntSlider(), log])
    kept = kept_box(box)
    assert kept is not None
    assert keys(kept.told) == ["<b>Here</b>", ["speed", "form"], "log"]
    assert [kept.told["row"], kept.told["children"][1]["row"]] == [False, True]
    assert kept.told["children"][1]["children"][0]["remembered"] == "3"
    for text in ("&lt;b&gt;Here", "<strong>speed</strong>", "<td>Ann</td>", "<strong>log"):
        assert text in kept.html
    speed.close()


def test_tabs_keep_their_titles(mine: Room) -> None:
    tabs = Tab([Stream("a", room=mine), Stream("b", room=mine)], titles=["<i>", ""])
    kept = kept_box(tabs)
    assert kept is not None
    assert [child.get("title") for child in kept.told["children"]] == ["<i>", None]
    assert "<h4>&lt;i&gt;</h4>" in kept.html


@pytest.mark.parametrize("box", [VBox(), VBox([Label("a"), HBox([IntSlider()])])])
def test_a_box_without_anything_of_ours_is_kept_as_it_was(box: ipywidgets.Box) -> None:
    assert kept_box(box) is None


def test_ipython_shows_a_box_with_what_is_kept_of_it(mine: Room) -> None:
    shell = InteractiveShell.instance()
    try:
        keep_boxes()
        show: Any = shell.display_formatter
        data, _ = show.format(VBox([Stream("log", room=mine)]))
        assert keys(data[VIEW]) == ["log"]
        assert "application/vnd.jupyter.widget-view+json" in data
        assert "<strong>log</strong>" in data["text/html"]
        plain, _ = show.format(VBox([IntSlider()]))
        assert VIEW not in plain
        assert "application/vnd.jupyter.widget-view+json" in plain
    finally:
        InteractiveShell.clear_instance()


def test_a_box_with_a_view_of_its_own_keeps_it() -> None:
    class Mine(VBox):  # type: ignore[misc]
        def _repr_mimebundle_(self, **_: Any) -> Any:
            return {"text/html": "<b>mine</b>"}, {"text/html": {"isolated": True}}

    shell = InteractiveShell.instance()
    try:
        keep_boxes()
        show: Any = shell.display_formatter
        data, metadata = show.format(Mine())
    finally:
        InteractiveShell.clear_instance()
    assert data["text/html"] == "<b>mine</b>"
    assert metadata == {"text/html": {"isolated": True}}
