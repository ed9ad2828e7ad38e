"""The log of rooms and connections, for operators.

Each kind of event has a line a second at most; how many more there were is told with the next one,
or a second later. So a flood of refusals can't fill a disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from ...protocol.errors import Forbidden, Refusal
from ..limits.rate import Rate
from .audit import AuditLog, Denied, RoomMade
from .log_text import RoomNames, printable

__all__ = ["EventLog", "Seldom"]

_INTERVAL_SECONDS = 1.0
_NAMED = 5
_REQUESTS_PER_SECOND = 50
_REQUESTS_BURST = 1000
# Logged as warnings: they tell of the server's own limits.
_SERIOUS_CODES = (1011, 4408)
# Somebody's credential has ended, or lets nothing of the room be read any more.
_DENYING_CODES = (4401, 4403)
# Those of RFC 6455, and the protocol's own.
_KNOWN_CODES = frozenset((*range(1000, 1016), 4401, 4403, 4404, 4408))
_SERIOUS = ("quota", "unavailable")


class EventLog:
    """Writes events into a log, without secrets or control characters.

    ``names``: how rooms are called in it. ``clock``: seconds that nobody sets. ``refusals`` and
    ``closes`` count all, by the code of the one and the other. ``audit`` is told of the rooms that
    are made and of what is forbidden.
    """

    def __init__(
        self,
        log: logging.Logger,
        names: RoomNames | None = None,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.log = log
        self.names = names or RoomNames(capabilities=False, named=True)
        self.audit = AuditLog(self.names, clock=clock)
        self._clock = clock
        self._told_at: dict[str, float] = {}
        self._more: dict[str, tuple[int, int]] = {}  # by kind: the level, and how many
        self._requests = Rate(_REQUESTS_PER_SECOND, _REQUESTS_BURST, now=clock())
        self._unlogged = 0
        self.refusals: dict[str, int] = {}
        self.closes: dict[str, int] = {}
        self._told_of_proxy = False

    def connected(self, room: str, address: str) -> None:
        """Log that a connection was opened."""
        if _is_written(self.log, logging.DEBUG):
            self.log.debug("DriftDB: %s: connected from %s", self.names.shown(room), address)

    def left(self, room: str, address: str, code: int | None) -> None:
        """Log that a client has ended its connection, with that close code or without one."""
        self._count_close(code)
        if _is_written(self.log, logging.DEBUG):
            how = "without a close frame" if code is None else f"with {code}"
            self.log.debug("DriftDB: %s: %s has left %s", self.names.shown(room), address, how)

    def closed(
        self, room: str, address: str, code: int, reason: str, *, by: str | None = None
    ) -> None:
        """Log that the server has closed a connection (protocol, "Errors and closing").

        ``by``: who it was, as a policy knows the person.
        """
        self._count_close(code)
        if code in _DENYING_CODES:
            self.denied(room, address, reason, by=by, action="read")
        level = logging.WARNING if code in _SERIOUS_CODES else logging.INFO
        kind = f"closed with {code}"
        self._tell(level, kind, f"{self.names.shown(room)}: {address} was {kind}: {reason}")

    def denied(
        self,
        room: str | None,
        address: str,
        reason: str,
        *,
        by: str | None = None,
        key: str = "",
        action: str = "",
    ) -> None:
        """Tell the audit log that something was denied; ``by``: to whom, if that is known."""
        self.audit.tell(
            Denied(room=room, by=by, address=address, reason=reason, key=key, action=action)
        )

    def refused(
        self, room: str | None, address: str, refusal: Refusal, *, by: str | None = None
    ) -> None:
        """Log that a message or request of somebody was refused."""
        self.refusals[refusal.code] = self.refusals.get(refusal.code, 0) + 1
        if isinstance(refusal, Forbidden):
            key, action = refusal.key or "", refusal.action or ""
            self.denied(room, address, refusal.plain, by=by, key=key, action=action)
        if refusal.code == "conflict":  # normal: clients settle by it whose write came first
            return
        level = logging.WARNING if refusal.code in _SERIOUS else logging.INFO
        place = "" if room is None else f"{self.names.shown(room)}: "
        kind = f"refused ({refusal.code})"
        self._tell(level, kind, f"{place}{address} {kind}: {printable(refusal.plain)}")

    def slowed(self, room: str, address: str) -> None:
        """Log that a connection sends faster than it may, and is read no faster."""
        name = self.names.shown(room)
        self._tell(logging.INFO, "slowed", f"{name}: {address} is slowed down to its rate")

    def turned_away(self, address: str) -> None:
        """Log that a connection was closed before anything was read from it."""
        text = f"{address} has too many connections over HTTP (address_connection_limit)"
        self._tell(logging.WARNING, "turned away", text)

    def unbelieved(self, address: str) -> None:
        """Tell once that a proxy speaks that isn't trusted."""
        if self._told_of_proxy:
            return
        self._told_of_proxy = True
        self.log.warning(
            "DriftDB: %s says for whom it asks (X-Forwarded-For or Forwarded), and isn't believed:"
            " if it is your reverse proxy, name it in DriftDB.trusted_proxies",
            printable(address),
        )

    def made(self, room: str, address: str, *, by: str | None = None) -> None:
        """Log that a room was made."""
        self.audit.tell(RoomMade(room=room, by=by, address=address))
        self._tell(logging.INFO, "made", f"{self.names.shown(room)}: made for {address}")

    def deleted(self, room: str) -> None:
        """Log that a room was deleted by the owner of the server."""
        self._tell(logging.INFO, "deleted", f"{self.names.shown(room)}: deleted")

    def expired(self, rooms: Sequence[str]) -> None:
        """Rooms were deleted because nobody used them."""
        shown = ", ".join(map(self.names.shown, rooms[:_NAMED]))
        more = f" and {len(rooms) - _NAMED} more" if len(rooms) > _NAMED else ""
        self.log.info("DriftDB: deleted, because nobody used them: %s%s", shown, more)

    def failed(self, asked: str, error: BaseException) -> None:
        """Log that a request or connection met an error of the server, with its traceback."""
        kind = f"failed ({type(error).__name__})"
        self._tell(logging.ERROR, kind, f"{printable(asked)} {kind}", error)

    def requested(self, level: int, line: str, **fields: object) -> None:
        """Log that a request was answered: a line for each, as long as they are not very many."""
        if self._requests.take_if_free(now=self._clock()):
            self._unlogged += 1
            return
        self.log.log(level, "%s", line, extra={"fields": fields})

    def tidy(self) -> None:
        """Tell how many more there were of what was not told each time; call it each second."""
        self._tell_rest(until=self._clock() - _INTERVAL_SECONDS)

    def end(self) -> None:
        """Tell all that is left to tell."""
        self._tell_rest(until=self._clock())

    def _count_close(self, code: int | None) -> None:
        # Clients choose theirs: of those that the protocol doesn't know, all count as one.
        label = "none" if code is None else str(code) if code in _KNOWN_CODES else "other"
        self.closes[label] = self.closes.get(label, 0) + 1

    def _tell_rest(self, *, until: float) -> None:
        if self._unlogged:
            self.log.info("DriftDB: %d more requests were answered", self._unlogged)
            self._unlogged = 0
        for kind, told_at in list(self._told_at.items()):
            if told_at <= until:
                del self._told_at[kind]
                if kind in self._more:
                    level, count = self._more.pop(kind)
                    self.log.log(level, "DriftDB: %d more: %s", count, kind)

    def _tell(self, level: int, kind: str, line: str, error: BaseException | None = None) -> None:
        now = self._clock()
        if now - self._told_at.get(kind, -_INTERVAL_SECONDS) < _INTERVAL_SECONDS:
            self._more[kind] = level, self._more.get(kind, (level, 0))[1] + 1
            return
        more = self._more.pop(kind, None)
        self._told_at[kind] = now
        if more is not None:
            line += f" (and {more[1]} more)"
        self.log.log(level, "DriftDB: %s", line, exc_info=error)


class Seldom(logging.Filter):
    """Passes a line a second of each place in the code, with how many more there were before.

    For the log of a library, whose lines peers can cause. ``clock``: seconds that nobody sets.
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told: dict[tuple[str, int], tuple[float, int]] = {}  # when, and how many since

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True if a record is to be written."""
        place, now = (record.pathname, record.lineno), self._clock()
        told_at, more = self._told.get(place, (-_INTERVAL_SECONDS, 0))
        if now - told_at < _INTERVAL_SECONDS:
            self._told[place] = told_at, more + 1
            return False
        self._told[place] = now, 0
        if more:
            record.msg, record.args = f"{record.getMessage()} (and {more} more)", ()
        return True


def _is_written(log: logging.Logger | logging.LoggerAdapter[Any], level: int) -> bool:
    """Return True if lines of a level end up anywhere.

    The loggers of traitlets' applications take every level, and their handlers drop most lines,
    which are costly to make by then.
    """
    if not log.isEnabledFor(level):
        return False
    logger = log.logger if isinstance(log, logging.LoggerAdapter) else log
    while logger is not None:
        if any(handler.level <= level for handler in logger.handlers):
            return True
        logger = logger.parent if logger.propagate else None
    return False
