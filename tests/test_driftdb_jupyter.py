"""What the package itself offers, and what it costs to import."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import driftdb_jupyter
from driftdb_jupyter.client.objects.state import SharedState
from driftdb_jupyter.protocol import errors


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", driftdb_jupyter.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(driftdb_jupyter, name) is not None
    assert name in dir(driftdb_jupyter)


def test_every_error_that_users_meet_is_public() -> None:
    names = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.DriftDBError)
    }
    assert names <= set(driftdb_jupyter.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        driftdb_jupyter.nonsense  # noqa: B018


def test_importing_it_imports_next_to_nothing() -> None:
    loaded = modules_after("import driftdb_jupyter")
    assert not loaded & {"tornado", "traitlets", "jupyter_server", "ipywidgets", "asyncio"}


def test_a_script_gets_a_state_without_jupyter() -> None:
    loaded = modules_after("from driftdb_jupyter import SharedState, room")
    assert "tornado" in loaded
    assert not loaded & {"jupyter_server", "ipywidgets", "anywidget", "IPython"}


def test_a_job_joins_a_room_without_jupyter_and_without_a_server() -> None:
    loaded = modules_after(
        "import driftdb_jupyter as d; d.Stream; d.room('r', url='http://127.0.0.1:9/')"
    )
    jupyter = {"jupyter_core", "jupyter_server", "ipywidgets", "anywidget", "IPython"}
    assert not loaded & jupyter
    assert "driftdb_jupyter.client.room" in loaded
    assert not {name for name in loaded if name.startswith("driftdb_jupyter.server")}
    # Tornado's client needs tornado.web; these it doesn't.
    assert not loaded & {"tornado.testing", "tornado.autoreload", "tornado.auth", "sqlite3"}
    assert not loaded & {"numpy", "pandas", "polars", "traitlets"}


def test_outside_a_kernel_a_state_is_the_plain_one() -> None:
    assert driftdb_jupyter.SharedState is SharedState
