"""The number of files and connections that the process may have open at once."""

from __future__ import annotations

import logging
import sys

__all__ = ["bound_peers", "raise_limit"]

# Where the hard limit is that of a container ("unlimited"), more would help nobody.
_ENOUGH = 1 << 20


def raise_limit(log: logging.Logger) -> int:
    """Raise the soft limit of open files to the hard one; returns what it is then, and tells it."""
    limit = _limit()
    if sys.platform == "win32" or limit is None:
        return _ENOUGH
    import resource

    soft, hard = limit
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:  # macOS allows less than it says
            log.warning("The limit of open files stays at %d: %s", soft, error)
            return soft
        log.info("Up to %d files and connections may be open at once (before: %d)", wanted, soft)
        return wanted
    return _ENOUGH if soft == resource.RLIM_INFINITY else soft


def bound_peers(peer_limit: int, log: logging.Logger, *, files: int | None = None) -> int:
    """Return the number of connections that may be open, at most ``peer_limit``.

    Tells where it is less.

    ``files``: how many files may be open, ``None`` to ask the system. A quarter of them is left to
    requests and to the files that the server itself needs.
    """
    if files is None:
        limit = _limit()
        files = _ENOUGH if limit is None or limit[0] < 0 else limit[0]
    possible = max(1, files * 3 // 4)
    if possible < peer_limit:
        log.warning(
            "DriftDB: at most %d connections are taken, not the %d of peer_limit: only %d files "
            "may be open at once; raise that limit (ulimit -n, or LimitNOFILE= of a systemd unit)",
            possible,
            peer_limit,
            files,
        )
    return min(peer_limit, possible)


def _limit() -> tuple[int, int] | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrlimit(resource.RLIMIT_NOFILE)
