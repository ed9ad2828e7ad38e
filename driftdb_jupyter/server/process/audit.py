"""The audit log: who was let in, given something, or refused; one JSON object a line.

It has a logger of its own, ``driftdb_jupyter.audit``, which nothing else writes to. Its lines have
names and addresses of people, and never a value, token, ticket or secret of any kind: an
event has no field for one.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from time import monotonic

import msgspec
from msgspec import Struct

from ...broker.file.filesystem import open_private
from ..limits.rate import Rate
from .log_text import RoomNames, printable

__all__ = [
    "AuditEvent",
    "AuditLog",
    "Denied",
    "LinkMade",
    "LinkRevoked",
    "OwnerMade",
    "OwnersForgotten",
    "PolicyChanged",
    "RoomDeleted",
    "RoomImported",
    "RoomMade",
    "TokenRevoked",
    "audit_to",
]

LOGGER = logging.getLogger("driftdb_jupyter.audit")
_PER_SECOND = 50
_BURST = 1000
_TEXT_LIMIT = 200


class AuditEvent(Struct, kw_only=True, omit_defaults=True, tag_field="event"):
    """An event for the audit log.

    ``room``: its name (in the log its digest, where a name is all that anybody needs). ``by``: who
    did it, as a policy knows the person, or ``None`` for somebody without a name. ``address``: from
    where, with the id of the request.
    """

    room: str | None = None
    by: str | None = None
    address: str | None = None


class RoomMade(AuditEvent, tag="room_made"):
    """A room was made."""


class OwnerMade(AuditEvent, tag="owner_made"):
    """Whoever made a room was given the secret of its owner."""


class RoomImported(AuditEvent, tag="room_imported"):
    """A room was brought from elsewhere, with who may do what in it there.

    ``replaced``: another of that name went for it, if there was one. ``owners``: those whom it had
    there own it here, too.
    """

    replaced: bool = False
    owners: bool = False


class RoomDeleted(AuditEvent, tag="room_deleted"):
    """A room was deleted by the operator, with who might do what in it."""


class PolicyChanged(AuditEvent, tag="policy_changed"):
    """Who may do what in a room was changed; ``removed``: to as it is without a policy."""

    removed: bool = False


class OwnersForgotten(AuditEvent, tag="owners_forgotten"):
    """The secrets of a room's owners were made worth nothing; ``owners``: how many there were."""

    owners: int = 0


class LinkMade(AuditEvent, tag="link_made"):
    """A share link was made; ``link``: its name, ``role``: what it gives."""

    link: str = ""
    role: str = ""


class LinkRevoked(AuditEvent, tag="link_revoked"):
    """A share link was taken back."""

    link: str = ""


class TokenRevoked(AuditEvent, tag="token_revoked"):
    """A token was taken back, by its id."""

    token_id: str = ""


class Denied(AuditEvent, tag="denied"):
    """Something was refused to somebody, or a connection closed because it may no longer be open.

    ``reason``: the message that was answered.
    """

    reason: str = ""
    key: str = ""
    action: str = ""


class AuditLog:
    """Writes events, no more of them for long than a disk can take.

    Whoever makes a room may change who may do what in it, again and again. So what is refused, and
    what is changed by requests, is written as often as a rate allows, each by its own, and the next
    line says how many were left out. What the operator does is always written: it comes without an
    address. ``names``: how rooms are called. ``clock``: seconds that nobody sets.
    """

    def __init__(self, names: RoomNames, *, clock: Callable[[], float] = monotonic) -> None:
        self._names = names
        self._clock = clock
        self._rates = {
            "untold_denials": Rate(_PER_SECOND, _BURST, now=clock()),
            "untold_changes": Rate(_PER_SECOND, _BURST, now=clock()),
        }
        self._untold: dict[str, int] = {}

    def tell(self, event: AuditEvent) -> None:
        """Write an event, unless its rate is used up; and how many weren't written before it."""
        if not LOGGER.isEnabledFor(logging.INFO) or not LOGGER.handlers:
            return
        rated = _rated(event)
        if rated is not None and self._rates[rated].take_if_free(now=self._clock()):
            self._untold[rated] = self._untold.get(rated, 0) + 1
            return
        fields = {
            name: printable(value, _TEXT_LIMIT) if isinstance(value, str) else value
            for name, value in msgspec.to_builtins(event).items()
        }
        if event.room is not None:
            fields["room"] = self._names.shown(event.room)
        fields |= self._untold
        self._untold = {}
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        LOGGER.info("%s", msgspec.json.encode({"time": f"{at}Z", **fields}).decode())


def _rated(event: AuditEvent) -> str | None:
    """Return how those are called that are left out of events of this kind, ``None`` for none."""
    if isinstance(event, Denied):
        return "untold_denials"
    # Rooms are bounded by themselves.
    changes = isinstance(event, (PolicyChanged, LinkMade, LinkRevoked, TokenRevoked))
    return "untold_changes" if changes and event.address is not None else None


class _PrivateFile(logging.FileHandler):
    """A log file that its owner alone may read."""

    def _open(self):  # type: ignore[no-untyped-def]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return open(open_private(self.baseFilename, flags), "a", encoding="utf-8")


def audit_to(path: str) -> logging.Handler | None:
    """Have the audit log written to a file (made if missing); ``None`` and nowhere for no path.

    Raises ``OSError``. Close the handler at the end: :meth:`logging.Logger.removeHandler`.
    """
    LOGGER.propagate = False  # it is no part of any other log
    LOGGER.setLevel(logging.INFO)
    if not path:
        return None
    handler = _PrivateFile(os.path.abspath(path))
    handler.setFormatter(logging.Formatter("%(message)s"))
    LOGGER.addHandler(handler)
    return handler
