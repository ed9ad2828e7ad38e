"""The valid input that the fuzzer starts from: the conformance vectors, and the server's routes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from driftdb_jupyter.broker.memory import MemoryBroker
from driftdb_jupyter.server.hosting.hub import Hub
from driftdb_jupyter.server.settings import DriftDB
from driftdb_jupyter.server.standalone import application

__all__ = ["Corpus", "read_corpus"]

_VECTORS = Path(__file__).parents[1] / "conformance" / "vectors"
_MORE: list[dict[str, Any]] = [
    {"type": "ping", "nonce": 7},
    {"type": "keys", "prefix": "a"},
    {"type": "can", "key": "k"},
    {"type": "unsubscribe", "key": "k"},
    {"type": "presence", "key": "k", "value": {"name": "Ada", "color": "#fff"}},
    {"type": "get", "key": "k", "presence": True},
]


@dataclass(frozen=True)
class Corpus:
    """What mutations start from.

    ``messages`` are those of clients, ``texts`` values as JSON, ``items`` values as CBOR,
    ``policies`` what ``PUT access`` takes, and ``routes`` the patterns of all paths of the server.
    """

    messages: list[dict[str, Any]]
    texts: list[str]
    items: list[bytes]
    policies: list[Any]
    routes: list[str]

    @property
    def is_of_administration(self) -> bool:
        """Whether all paths are the administration's."""
        return all(route.startswith("/admin/") for route in self.routes)


def read_corpus(only: str = "") -> Corpus:
    """Read the vectors, and ask the server's application for its routes.

    ``only``: with what those begin.
    """
    messages = list(_MORE)
    texts: list[str] = []
    items: list[bytes] = []
    policies: list[Any] = [None]
    for name in ("conversations", "grants", "clients", "snapshots", "values"):
        for found in _objects(json.loads((_VECTORS / f"{name}.json").read_text("utf-8"))):
            sent = found.get("send")
            messages += [sent] if isinstance(sent, dict) else []
            if isinstance(found.get("json"), str):
                texts.append(found["json"])
            if isinstance(found.get("cbor"), str):
                items.append(_bytes(found["cbor"]))
            if isinstance(found.get("policy"), dict):
                policies.append(found["policy"])
    return Corpus(
        messages,
        texts,
        [item for item in items if item],
        policies,
        [route for route in _routes() if route.startswith(only)],
    )


def _objects(found: Any) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        yield found
        found = list(found.values())
    if isinstance(found, list):
        for each in found:
            yield from _objects(each)


def _bytes(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def _routes() -> list[str]:
    web = application(
        Hub(MemoryBroker(), DriftDB()),
        metrics_open=True,
        secret="s" * 22,
        log_function=lambda handler: None,
    )
    patterns = [rule.matcher.regex.pattern for rule in web.wildcard_router.rules]  # type: ignore[attr-defined]
    return [re.sub(r"\\(.)", r"\1", pattern.rstrip("$")) for pattern in patterns]
