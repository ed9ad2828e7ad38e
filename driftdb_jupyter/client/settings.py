"""The client's settings, each by an environment variable."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

__all__ = ["Settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The client's settings; ``flush_seconds`` is set by ``DRIFTDB_FLUSH_SECONDS``, and so on.

    ``message_limit_bytes``: the longest message that is sent (what the server takes).
    ``receive_limit_bytes``: the longest that is read; an ``init`` holds up to 1,000 values.
    ``connect_timeout_seconds``: how long an opening handshake or a request may take.
    ``ping_interval_seconds``: after how long a silence a connection is tried, and how long an
    answer to that may take. After a sleep of the machine or a change of its network it is tried
    at once, and has at most five seconds.
    ``queue_limit_bytes``, ``queue_limit_count``: how much may wait to be sent, of what doesn't
    replace what was written before.
    ``timeout_seconds``: how long a handle's ``result()`` waits for the room's answer.
    ``wait_seconds``: how long is waited for what others do: in ``wait_for``, and in a loop for the
    next value, where no ``timeout_seconds`` is given.
    ``flush_seconds``: how long the end of the process waits for writes to arrive.
    ``slow_callback_seconds``: how long an observer or handler may keep others waiting before a
    warning names it.
    ``notebook_limit_bytes``: how long a value may be that a cell's output keeps in the notebook.
    ``describe``: whether the room is told how what a cell shows is to be shown by its page, too.
    """

    message_limit_bytes: int = 1024 * 1024
    receive_limit_bytes: int = 256 * 1024 * 1024
    connect_timeout_seconds: float = 10.0
    ping_interval_seconds: float = 20.0
    queue_limit_bytes: int = 16 * 1024 * 1024
    queue_limit_count: int = 10_000
    timeout_seconds: float = 10.0
    wait_seconds: float = 86_400.0
    flush_seconds: float = 5.0
    slow_callback_seconds: float = 10.0
    notebook_limit_bytes: int = 20_000
    describe: bool = True

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; raises :class:`ValueError` for one that is no positive number.

        ``describe`` is on or off: 1 or 0.
        """
        environ = os.environ if environ is None else environ
        names = (field.name for field in fields(cls))
        return cls(**{name: cls.read(name, environ) for name in names})

    @classmethod
    def read(cls, name: str, environ: Mapping[str, str] | None = None) -> Any:
        """Read one setting, which is quicker than to read all; raises as that does."""
        environ = os.environ if environ is None else environ
        variable, default = f"DRIFTDB_{name.upper()}", getattr(cls, name)
        text = environ.get(variable)
        if text is None:
            return default
        if isinstance(default, bool):
            if text not in ("0", "1"):
                raise ValueError(f"{variable}: expected 0 or 1, got {text!r}")
            return text == "1"
        kind = int if isinstance(default, int) else float
        try:
            number: float = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < float("inf"):
            raise ValueError(f"{variable}: expected a positive {kind.__name__}, got {text!r}")
        return number
