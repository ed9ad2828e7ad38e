"""What a server of this process writes into its audit log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from driftdb_jupyter.server.process import audit

__all__ = ["Told", "audited"]

Told = Callable[[], list[dict[str, Any]]]


@contextmanager
def audited(path: Path) -> Iterator[Told]:
    """Give what the log was told since the last time, without times and ids of requests."""
    handler = audit.audit_to(str(path))
    assert handler is not None
    done = 0

    def lines() -> list[dict[str, Any]]:
        nonlocal done
        new = path.read_text("utf-8").splitlines()[done:]
        done += len(new)
        events = [json.loads(line) for line in new]
        for event in events:
            del event["time"]
            event.pop("address", None)
        return events

    yield lines
    audit.LOGGER.removeHandler(handler)
    handler.close()
