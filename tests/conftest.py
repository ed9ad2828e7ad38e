"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

# How fast the machine is today says nothing of what is tested.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Registered once: there can be but one Playwright at a time.
pytest_plugins = ["tests.browser"]


@pytest.fixture(scope="session", autouse=True)
def _state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Journals leave their witnesses in a folder that goes with the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", os.fspath(tmp_path_factory.mktemp("state")))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the tests that take minutes, too")
    parser.addoption(
        "--chromium",
        choices=["only", "without"],
        help="run the tests that show pages in Chromium only, or those alone that don't",
    )


def _share_one_browser(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of a browser last: none else can run an event loop while Playwright's is there.

    A module that imports the fixture has one of its own, whose Playwright can't start then.
    """
    seen = [item for item in items if "chromium" in getattr(item, "fixturenames", ())]
    for item in seen:
        definitions = item._fixtureinfo.name2fixturedefs["chromium"]  # type: ignore[attr-defined]
        if [each.baseid for each in definitions] != [""]:
            raise pytest.UsageError(f"{item.nodeid}: take chromium as an argument, don't import it")
    others = [item for item in items if item not in set(seen)]
    wanted = config.getoption("--chromium")
    seen, others, left_out = {
        None: (seen, others, []),
        "only": (seen, [], others),
        "without": ([], others, seen),
    }[wanted]
    config.hook.pytest_deselected(items=left_out)
    items[:] = others + seen


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _share_one_browser(config, items)
    if config.getoption("--long"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
