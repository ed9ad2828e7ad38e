"""docs/settings.md names every setting, with the default that it has."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from driftdb_jupyter.client.settings import Settings
from driftdb_jupyter.server.hub.service import HubService
from driftdb_jupyter.server.settings import DriftDB
from driftdb_jupyter.server.standalone import StandaloneServer

PAGE = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")


def documented(heading: str) -> dict[str, str]:
    """The settings in the table below a heading, with their defaults as text."""
    section = PAGE.split(f"(`{heading}`)", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", section, re.MULTILINE)
    return {name: default.strip() for name, default in rows}


@pytest.mark.parametrize("owner", [DriftDB, StandaloneServer, HubService])
def test_every_setting_is_documented_with_its_default(owner: type[Any]) -> None:
    settings = {
        name: str(trait.default()) for name, trait in owner.class_own_traits(config=True).items()
    }
    assert documented(owner.__name__) == settings


@pytest.mark.parametrize("owner", [DriftDB, StandaloneServer, HubService])
def test_every_setting_has_a_help_text(owner: type[Any]) -> None:
    for name, trait in owner.class_own_traits(config=True).items():
        assert trait.help, name


def test_every_setting_of_the_client_is_documented_with_its_default() -> None:
    settings = {field.name: str(field.default) for field in fields(Settings)}
    assert documented("Settings") == settings
