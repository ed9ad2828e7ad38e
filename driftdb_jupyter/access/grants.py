"""Grants: which actions are allowed on which keys of a room (docs/access.md).

A :class:`Grant` is what people write down, :class:`Grants` what the server asks for each message.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterable, Sequence
from heapq import merge
from itertools import islice
from typing import Literal, TypeAlias
from weakref import WeakValueDictionary

from msgspec import Struct

__all__ = [
    "ACTIONS",
    "APPEND",
    "COMPACT",
    "DELETE",
    "ENDED",
    "EVERYTHING",
    "META",
    "NOTHING",
    "OWNER",
    "PRESENCE",
    "READ",
    "RELAY",
    "REPLACE",
    "ROLES",
    "WRITE",
    "Action",
    "Grant",
    "Grants",
    "action_names",
    "compile_grants",
]

Action: TypeAlias = Literal[
    "read", "append", "replace", "relay", "compact", "delete", "presence", "admin"
]

READ = 1
APPEND = 2
REPLACE = 4
RELAY = 8
COMPACT = 16
DELETE = 32
PRESENCE = 64
WRITE = APPEND | REPLACE | RELAY | COMPACT | DELETE
_ON_KEYS = READ | WRITE | PRESENCE
_ADMIN = 128

ACTIONS: dict[str, int] = {
    "read": READ,
    "append": APPEND,
    "replace": REPLACE,
    "relay": RELAY,
    "compact": COMPACT,
    "delete": DELETE,
    "presence": PRESENCE,
    "admin": _ADMIN,
}
"""Every action by its word; ``admin`` is about the room as a whole, all others about a key."""

ROLES: dict[str, tuple[Action, ...]] = {
    "read": ("read",),
    "write": ("read", "append", "replace", "relay", "compact", "delete", "presence"),
    "admin": ("read", "append", "replace", "relay", "compact", "delete", "presence", "admin"),
}
"""The words that stand for several actions."""

META = "$meta/"
"""``$meta/K`` says what the key K is: whoever may read K may read it."""

_NAMES = {bit: name for name, bit in ACTIONS.items()}
# What a connection remembers of keys that it used, so that a check costs one look into a
# dictionary. Both are small, because every connection may have grants of its own.
_KNOWN_KEYS = 32
_KNOWN_LENGTH = 64
# For so many keys the grants are looked through one after the other: who uses few keys needs no
# tables, which take longer to make, and a change of policy has them made for everybody.
_LOOKS_WITHOUT_TABLES = 8
# Then each look makes a bit of the tables, so that no message waits for all of them: whoever made
# a share link chose how many places there are.
_PLACES_A_LOOK = 1024
_LAST = "\U0010ffff"
_Tables: TypeAlias = "tuple[dict[str, int], list[str], list[int]]"
# Connections with the same grants share them; nobody's are kept.
_compiled: WeakValueDictionary[tuple[Grant, ...], Grants] = WeakValueDictionary()


class Grant(Struct, frozen=True, omit_defaults=True):
    """Some actions on some keys.

    ``keys`` are whole keys, ``prefixes`` the beginnings of keys. Without either the grant covers
    the whole room, also the keys that begin with ``$``; ``admin`` is granted in that way alone.
    """

    can: tuple[Action, ...]
    keys: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()

    @property
    def is_narrow(self) -> bool:
        """Whether it covers some keys only."""
        return bool(self.keys or self.prefixes)

    def covers(self, key: str) -> bool:
        """Return True for one of its keys, or one that begins with one of its prefixes."""
        return key in self.keys or key.startswith(self.prefixes)


class Grants:
    """What somebody may do in a room, made by :func:`compile_grants`.

    ``everywhere``: the actions that are allowed on every key, as bits. ``unlimited``: whether that
    is all of them, so that no key needs to be looked at. ``reads_any``: whether any key may be
    read. ``is_admin``: whether the policy of the room, its links and the room itself may be
    changed. ``known``: what :meth:`actions` has found of keys that were used lately.
    ``place_count``: the number of keys and prefixes that they name, with ``$meta/``'s; one that
    two of them name counts as two.
    """

    __slots__ = (
        "__weakref__",
        "_any",
        "_bounds",
        "_exact",
        "_looks",
        "_making",
        "_masks",
        "_narrow",
        "everywhere",
        "is_admin",
        "known",
        "place_count",
        "reads_any",
        "unlimited",
    )

    def __init__(self, grants: Iterable[Grant]) -> None:
        everywhere = anywhere = place_count = 0
        narrow: list[tuple[int, Grant]] = []
        for grant in grants:
            actions = 0
            for name in grant.can:
                actions |= ACTIONS[name]
            if not grant.is_narrow:
                everywhere |= actions
                continue
            actions &= _ON_KEYS
            if actions:
                narrow.append((actions, grant))
                anywhere |= actions
                count = len(grant.keys) + len(grant.prefixes)
                place_count += 2 * count if actions & READ else count
        self.is_admin = bool(everywhere & _ADMIN)
        self.everywhere = everywhere & _ON_KEYS
        self.unlimited = self.everywhere == _ON_KEYS
        self._looks = 0
        self._making: Generator[None, None, _Tables] | None = None
        self._narrow: Sequence[tuple[int, Grant]] | None = narrow  # None: they are in the tables
        self._exact: dict[str, int] = {}
        self._bounds: list[str] = []
        self._masks: list[int] = []
        self.known: dict[str, int] = {}
        # Found out once: each message asks for it, and there may be any number of prefixes.
        anywhere |= self.everywhere
        self._any = self.is_admin or anywhere != 0
        self.reads_any = anywhere & READ != 0
        self.place_count = place_count

    def __bool__(self) -> bool:
        """Return whether anything at all is allowed."""
        return self._any

    @property
    def reads_all(self) -> bool:
        """Whether every key may be read."""
        return bool(self.everywhere & READ)

    def actions(self, key: str) -> int:
        """Return the actions that are allowed on a key, as bits.

        Takes as long however many keys and prefixes are granted, but for the first keys.
        """
        if self.unlimited:
            return _ON_KEYS
        known = self.known.get(key)
        if known is not None:
            return known
        narrow = self._narrow
        if narrow is None:
            actions = self.everywhere | self._exact.get(key, 0)
            if self._bounds:
                actions |= self._masks[bisect_right(self._bounds, key)]
        else:
            actions = self._look_through(narrow, key)
        if len(key) <= _KNOWN_LENGTH:
            if len(self.known) >= _KNOWN_KEYS:
                self.known.clear()
            self.known[key] = actions
        return actions

    def _look_through(self, narrow: Sequence[tuple[int, Grant]], key: str) -> int:
        actions = self.everywhere
        described = key[len(META) :] if key.startswith(META) else ""
        if described.startswith("$"):
            described = ""  # what it is isn't told by itself
        for granted, grant in narrow:
            if grant.covers(key):
                actions |= granted
            elif granted & READ and described and grant.covers(described):
                actions |= READ
        self._looks += 1
        if self._looks >= _LOOKS_WITHOUT_TABLES:
            self._making = self._making or _make_tables(narrow)
            try:
                next(self._making)
            except StopIteration as made:
                self._exact, self._bounds, self._masks = made.value
                self._narrow = self._making = None
        return actions

    def allows(self, action: int, key: str) -> bool:
        """Return whether an action (a bit, as :data:`READ`) is allowed on a key."""
        return self.actions(key) & action != 0

    def may_read(self, key: str) -> bool:
        """Return whether a key may be read."""
        return self.actions(key) & READ != 0


def compile_grants(*grants: Grant) -> Grants:
    """Return all that some grants allow together.

    As long as somebody has it, it is the same object for all who have the same grants.
    """
    found = _compiled.get(grants)
    if found is None:
        found = _compiled[grants] = Grants(grants)
    return found


def action_names(actions: int) -> list[str]:
    """Return the words of actions that are given as bits."""
    return [name for bit, name in _NAMES.items() if actions & bit]


def _make_tables(narrow: Sequence[tuple[int, Grant]]) -> Generator[None, None, _Tables]:
    """Return the actions of each whole key, and the intervals; yields after each bit of the work.

    It knows nothing of the :class:`Grants` that it is for, which may be gone before it is done.
    """
    exact: dict[str, int] = {}
    prefixes: dict[str, int] = {}
    count = 0
    for actions, grant in narrow:
        for places, found in ((grant.keys, exact), (grant.prefixes, prefixes)):
            for place in places:
                found[place] = found.get(place, 0) | actions
                if actions & READ and not place.startswith("$"):
                    meta = META + place
                    found[meta] = found.get(meta, 0) | READ
                count += 1
                if not count % _PLACES_A_LOOK:
                    yield
    if not prefixes:
        return exact, [], []
    bounds, masks = yield from _intervals(prefixes)
    return exact, bounds, masks


def _intervals(prefixes: dict[str, int]) -> Generator[None, None, tuple[list[str], list[int]]]:
    """Cut the keys, in their order, into intervals in which the same actions are allowed.

    Returns where intervals begin, and the actions of each; the first one is what lies before all.
    Keys with a common beginning lie next to each other, so one search finds the interval of a key,
    however many prefixes there are and however they are nested. Yields after each bit of the work.
    """
    bounds: list[str] = []
    masks = [0]
    open_prefixes: list[tuple[str | None, int]] = []  # where each ends, and what holds in it

    def cut(at: str, mask: int) -> None:
        if bounds and bounds[-1] == at:
            masks[-1] = mask
        else:
            bounds.append(at)
            masks.append(mask)

    def close(until: str | None) -> None:
        while open_prefixes:
            end = open_prefixes[-1][0]
            if end is None or (until is not None and end > until):
                return
            open_prefixes.pop()
            cut(end, open_prefixes[-1][1] if open_prefixes else 0)

    parts: list[list[str]] = []
    unsorted = iter(prefixes)
    while part := sorted(islice(unsorted, _PLACES_A_LOOK)):
        parts.append(part)
        if len(part) == _PLACES_A_LOOK:
            yield
    for count, prefix in enumerate(merge(*parts), 1):
        close(prefix)
        mask = prefixes[prefix] | (open_prefixes[-1][1] if open_prefixes else 0)
        open_prefixes.append((_end(prefix), mask))
        cut(prefix, mask)
        if not count % _PLACES_A_LOOK:
            yield
    close(None)
    return bounds, masks


def _end(prefix: str) -> str | None:
    """Return the first text behind all that begin with a prefix, ``None`` where there is none."""
    stem = prefix.rstrip(_LAST)
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


NOTHING = compile_grants()
"""Allows nothing."""
ENDED = Grants(())
"""Allows nothing either: the credential was taken back, and another one may allow more."""
EVERYTHING = compile_grants(Grant(ROLES["write"]))
"""Allows every action on every key, as a room without a policy does."""
OWNER = compile_grants(Grant(ROLES["admin"]))
"""Allows that, and to set who else may do what."""
