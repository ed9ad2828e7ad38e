"""A Redis as far as a simulation needs one: it runs our scripts, and loses what it is told to.

The scripts are the real ones, run by Lua 5.1 as Redis does; the commands that they and the servers
use are here.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, Protocol, TypeAlias

import pytest
from redis import exceptions

__all__ = ["Data", "Redis", "Subscriber", "alterations", "copy_of"]

Data: TypeAlias = dict[bytes, Any]
"""What a Redis holds, by key: texts, hashes, sets, sorted sets, lists and streams."""

lua51 = pytest.importorskip("lupa.lua51", reason="lupa is not installed (pip install lupa)")

_lua = lua51.LuaRuntime(encoding=None)
_scripts: dict[bytes, Any] = {}

alterations: list[tuple[bytes, bytes]] = []
"""What is put in the place of what in the scripts: faults that are planted."""

_processes = count(1)
_WHEN_FULL = b"#!lua flags=allow-oom\n"
_TAKE_MEMORY = {b"SET", b"HSET", b"RPUSH", b"SADD", b"XADD", b"ZADD"}
_WRITE = _TAKE_MEMORY | {b"UNLINK", b"RENAME", b"HDEL", b"SREM", b"XTRIM", b"ZREM"}


class Subscriber(Protocol):
    """A connection that hears channels."""

    def publish(self, channel: bytes, message: bytes) -> None:
        """Take a message."""


class _Sorted(dict[bytes, float]):
    """A sorted set: the score of each member."""

    def copy(self) -> _Sorted:
        return _Sorted(self)

    def ascending(self) -> list[tuple[bytes, float]]:
        return sorted(self.items(), key=lambda item: (item[1], item[0]))

    def between(self, low: bytes, high: bytes) -> list[tuple[bytes, float]]:
        above = _bound(low, operator.ge, operator.gt)
        below = _bound(high, operator.le, operator.lt)
        return [
            (member, score) for member, score in self.ascending() if above(score) and below(score)
        ]


class _Set(dict[bytes, None]):
    """A set, in the order in which its members came."""

    def copy(self) -> _Set:
        return _Set(self)


class _Stream:
    """Entries by ascending number, and the newest number there ever was."""

    def __init__(self, entries: Sequence[tuple[int, list[bytes]]] = (), newest: int = 0) -> None:
        self.entries = list(entries)
        self.newest = newest

    def copy(self) -> _Stream:
        return _Stream(self.entries, self.newest)


def copy_of(data: Data) -> Data:
    """Return a copy that stays as it is."""
    return {key: each if isinstance(each, bytes) else each.copy() for key, each in data.items()}


class Redis:
    """One process. ``now``: the time by its machine's clock, in seconds since 1970.

    ``is_full``: it takes no more. ``data`` is what it holds. ``removed`` is called with that and
    keys before these are removed.
    """

    def __init__(
        self,
        now: Callable[[], float],
        data: Data,
        removed: Callable[[Data, Sequence[bytes]], object],
    ) -> None:
        self.data = data
        self.is_full = False
        self.history = self._process = next(_processes)
        self._now = now
        self._removed = removed
        self._subscribers: dict[bytes, dict[Subscriber, None]] = {}
        self._known: dict[bytes, Any] = {}
        self._when_full: set[bytes] = set()
        self._has_written = False  # the script that runs: from then on it is refused nothing

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a connection that has ended."""
        for subscribers in self._subscribers.values():
            subscribers.pop(subscriber, None)

    def do(self, words: Sequence[bytes], subscriber: Subscriber) -> Any:
        """Return the reply to a command, an exception for an error; ``None`` is nil."""
        name = words[0].upper()
        try:
            if name == b"SUBSCRIBE":
                for channel in words[1:]:
                    self._subscribers.setdefault(channel, {})[subscriber] = None
                return [[b"subscribe", channel, 1] for channel in words[1:]]
            if name == b"UNSUBSCRIBE":
                for channel in words[1:]:
                    self._subscribers.get(channel, {}).pop(subscriber, None)
                return [[b"unsubscribe", channel, 0] for channel in words[1:]]
            self._has_written = False
            return self._do(name, *words[1:])
        except exceptions.ResponseError as error:
            return error

    def _do(self, name: bytes, *words: bytes) -> Any:
        if name in _TAKE_MEMORY and self.is_full and not self._has_written:
            raise exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'")
        self._has_written = self._has_written or name in _WRITE
        return getattr(self, f"_{name.decode().lower()}")(*words)

    # Scripts.

    def _script(self, _load: bytes, text: bytes) -> bytes:
        sha = hashlib.sha1(text, usedforsecurity=False).hexdigest().encode()
        if sha not in self._known:
            if text.startswith(_WHEN_FULL):
                self._when_full.add(sha)
                text = text.removeprefix(_WHEN_FULL)
            for old, new in alterations:
                text = text.replace(old, new)
            if text not in _scripts:
                whole = b"local KEYS, ARGV, redis = ...\n" + text
                _scripts[text] = _lua.eval(b"loadstring")(whole)
            self._known[sha] = _scripts[text]
        return sha

    def _evalsha(self, sha: bytes, key_count: bytes, *words: bytes) -> Any:
        if sha not in self._known:
            raise exceptions.NoScriptError("No matching script.")
        keys, arguments = words[: int(key_count)], words[int(key_count) :]
        call = _lua.table_from(
            {b"call": self._call, b"pcall": self._pcall, b"acl_check_cmd": lambda *words: True}
        )
        self._has_written = sha in self._when_full
        reply = self._known[sha](_lua.table_from(keys), _lua.table_from(arguments), call)
        return _from_lua(reply)

    def _call(self, name: bytes, *words: bytes | float) -> Any:
        reply = self._do(name.upper(), *[_word(word) for word in words])
        return _to_lua(reply)

    def _pcall(self, name: bytes, *words: bytes | float) -> Any:
        try:
            return self._call(name, *words)
        except exceptions.ResponseError as error:
            return _lua.table_from({b"err": str(error).encode()})

    # Commands.

    def _ping(self, *words: bytes) -> Any:
        return [b"pong", words[0] if words else b""]

    def _info(self, section: bytes) -> bytes:
        if section == b"server":
            return b"redis_version:7.0.15\r\nrun_id:%d\r\n" % self._process
        return b"role:master\r\nmaster_replid:%d\r\n" % self.history

    def _time(self) -> list[bytes]:
        now = int(self._now() * 1e6)
        return [b"%d" % (now // 1_000_000), b"%d" % (now % 1_000_000)]

    def _publish(self, channel: bytes, message: bytes) -> int:
        subscribers = self._subscribers.get(channel, {})
        for subscriber in subscribers:
            subscriber.publish(channel, message)
        return len(subscribers)

    def _exists(self, key: bytes) -> int:
        return int(key in self.data)

    def _unlink(self, *keys: bytes) -> int:
        self._removed(self.data, keys)
        return sum([self.data.pop(key, None) is not None for key in keys])

    def _flushall(self) -> bytes:
        self.data.clear()
        return b"OK"

    def _expire(self, key: bytes, _seconds: bytes) -> int:
        return int(key in self.data)

    def _persist(self, _key: bytes) -> int:
        return 0

    def _rename(self, key: bytes, other: bytes) -> bytes:
        if key not in self.data:
            raise exceptions.ResponseError("no such key")
        self.data[other] = self.data.pop(key)
        return b"OK"

    def _get(self, key: bytes) -> bytes | None:
        found: bytes | None = self.data.get(key)
        return found

    def _set(self, key: bytes, value: bytes) -> bytes:
        self.data[key] = value
        return b"OK"

    def _hget(self, key: bytes, field: bytes) -> bytes | None:
        return self._hash(key).get(field)

    def _hmget(self, key: bytes, *fields: bytes) -> list[bytes | None]:
        return [self._hash(key).get(field) for field in fields]

    def _hset(self, key: bytes, *pairs: bytes) -> int:
        self.data.setdefault(key, {}).update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(pairs) // 2

    def _hdel(self, key: bytes, *fields: bytes) -> int:
        return self._remove(key, fields)

    def _hkeys(self, key: bytes) -> list[bytes]:
        return list(self._hash(key))

    def _hvals(self, key: bytes) -> list[bytes]:
        return list(self._hash(key).values())

    def _hgetall(self, key: bytes) -> list[bytes]:
        return [part for pair in self._hash(key).items() for part in pair]

    def _hash(self, key: bytes) -> Mapping[bytes, bytes]:
        found: Mapping[bytes, bytes] = self.data.get(key, {})
        return found

    def _rpush(self, key: bytes, *values: bytes) -> int:
        there: list[bytes] = self.data.setdefault(key, [])
        there += values
        return len(there)

    def _llen(self, key: bytes) -> int:
        return len(self.data.get(key, []))

    def _lrange(self, key: bytes, first: bytes, last: bytes) -> list[bytes]:
        assert int(last) >= 0
        there: list[bytes] = self.data.get(key, [])
        return there[int(first) : int(last) + 1]

    def _sadd(self, key: bytes, member: bytes) -> int:
        self.data.setdefault(key, _Set())[member] = None
        return 1

    def _srem(self, key: bytes, member: bytes) -> int:
        return self._remove(key, [member])

    def _smembers(self, key: bytes) -> list[bytes]:
        return list(self.data.get(key, ()))

    def _xadd(self, key: bytes, place: bytes, *fields: bytes) -> bytes:
        stream: _Stream = self.data.setdefault(key, _Stream())
        number = int(place.removesuffix(b"-0"))
        if number <= stream.newest:
            raise exceptions.ResponseError("The ID specified in XADD is equal or smaller")
        stream.entries.append((number, list(fields)))
        stream.newest = number
        return place

    def _xrange(self, key: bytes, first: bytes, _last: bytes, _count: bytes, most: bytes) -> Any:
        number = int(first.removesuffix(b"-0"))
        stream: _Stream = self.data.get(key, _Stream())
        found = [entry for entry in stream.entries if entry[0] >= number][: int(most)]
        return [[b"%d-0" % number, fields] for number, fields in found]

    def _xtrim(self, key: bytes, _minid: bytes, first: bytes) -> int:
        number = int(first.removesuffix(b"-0"))
        stream: _Stream = self.data[key]
        before = len(stream.entries)
        stream.entries = [entry for entry in stream.entries if entry[0] >= number]
        return before - len(stream.entries)

    def _zadd(self, key: bytes, *words: bytes) -> int:
        score, member = words[-2:]
        if words[0] == (b"NX" if member in self._sorted(key) else b"XX"):
            return 0
        self.data.setdefault(key, _Sorted())[member] = float(score)
        return 1

    def _zcard(self, key: bytes) -> int:
        return len(self._sorted(key))

    def _zscore(self, key: bytes, member: bytes) -> bytes | None:
        score = self._sorted(key).get(member)
        return None if score is None else _written(score)

    def _zrange(self, key: bytes, first: bytes, last: bytes, *with_scores: bytes) -> list[bytes]:
        assert (first, last) == (b"0", b"-1")
        return _listed(self._sorted(key).ascending(), with_scores)

    def _zrangebyscore(
        self, key: bytes, low: bytes, high: bytes, *with_scores: bytes
    ) -> list[bytes]:
        return _listed(self._sorted(key).between(low, high), with_scores)

    def _zrem(self, key: bytes, member: bytes) -> int:
        return self._remove(key, [member])

    def _zremrangebyscore(self, key: bytes, low: bytes, high: bytes) -> int:
        return self._remove(key, [member for member, _ in self._sorted(key).between(low, high)])

    def _sorted(self, key: bytes) -> _Sorted:
        found: _Sorted = self.data.get(key, _Sorted())
        return found

    def _remove(self, key: bytes, members: Sequence[bytes]) -> int:
        there = self.data.get(key, {})
        found = [member for member in members if member in there]
        for member in found:
            del there[member]
        if found and not there:
            del self.data[key]
        return len(found)


def _listed(members: Sequence[tuple[bytes, float]], with_scores: Sequence[bytes]) -> list[bytes]:
    if not with_scores:
        return [member for member, _ in members]
    return [part for member, score in members for part in (member, _written(score))]


def _bound(
    word: bytes,
    inclusive: Callable[[float, float], bool],
    exclusive: Callable[[float, float], bool],
) -> Callable[[float], bool]:
    compare = exclusive if word.startswith(b"(") else inclusive
    limit = float(word.removeprefix(b"("))
    return lambda score: compare(score, limit)


def _written(number: float) -> bytes:
    return b"%.17g" % number


def _word(word: bytes | float) -> bytes:
    return word if isinstance(word, bytes) else _written(word)


def _to_lua(reply: Any) -> Any:
    """As Redis gives a reply to a script: nil is false."""
    if isinstance(reply, list):
        return _lua.table_from([_to_lua(each) for each in reply])
    return False if reply is None else reply


def _from_lua(reply: Any) -> Any:
    """As Redis makes a reply of what a script returns: false is nil, a table ends at its first."""
    if lua51.lua_type(reply) == "table":
        return [_from_lua(reply[place]) for place in range(1, len(reply) + 1)]
    if reply is True:
        return 1
    return None if reply is False else int(reply) if isinstance(reply, float) else reply
