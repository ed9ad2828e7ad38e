"""Where Redis is, and what a server has to know of it before it uses a connection."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from weakref import WeakKeyDictionary

from redis import exceptions
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import URL_QUERY_ARGUMENT_PARSERS, AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from ...protocol.errors import BadMessage, DriftDBError

__all__ = [
    "PUSH",
    "ROOM",
    "ROOM_WHEN_FULL",
    "Identity",
    "RedisPlace",
    "RedisUnusable",
    "Script",
    "denied",
    "exchange",
    "explain",
    "identify",
    "is_about_redis",
    "is_foreign",
    "lacks_right",
    "quoted",
]

_OLDEST = (7, 0)
_SCHEMES = ("redis", "rediss", "unix")
_SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
_SENTINEL_PORT = 26379
# What may stand behind a question mark where there is TLS; redis-py would take a password, too.
_TLS_OPTIONS = {
    *("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile"),
    *("ssl_cert_reqs", "ssl_check_hostname"),
}


class RedisUnusable(DriftDBError):
    """Redis can't be used as it is; says why, and what to do."""


class Script:
    """A script of ours, of some files. ``sha``: the name that Redis knows it by.

    ``flags``: what Redis is told of it, such as that it runs also where Redis is full.
    """

    def __init__(self, *names: str, flags: bytes = b"") -> None:
        text = b"".join([files(__package__).joinpath(name).read_bytes() for name in names])
        self.text = flags + text
        self.sha = hashlib.sha1(self.text, usedforsecurity=False).hexdigest()


PUSH = Script("log.lua", "push.lua")
ROOM = Script("log.lua", "room.lua")
ROOM_WHEN_FULL = Script("log.lua", "room.lua", flags=b"#!lua flags=allow-oom\n")

_SCRIPTS = (PUSH, ROOM, ROOM_WHEN_FULL)
_SCRIPT_DENIED = "The user executing the script can't"
_DENIED_COMMAND = re.compile(r"to run the '([a-z|]{1,40})' command")
_TOLD_COMMANDS = 5
_TOLD_LETTERS = 200
_FOREIGN = ("WRONGTYPE", "The ID specified in XADD")

# What Redis refuses all pushes with, by redis-py's classes or the word that it begins with.
_ABOUT_REDIS = (
    exceptions.NoScriptError,
    exceptions.NoPermissionError,
    exceptions.ReadOnlyError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    exceptions.TryAgainError,
    exceptions.AskError,
)
_ABOUT_REDIS_WORDS = frozenset({"BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE"})

# What Redis's errors say, by the word that they begin with.
_MEANINGS = {
    "NOREPLICAS": "Redis takes no writes: too few replicas follow it (min-replicas-to-write)",
    "MISCONF": "Redis takes no writes: it can't write to its disk (MISCONF)",
    "BUSY": "Redis is busy with somebody's script",
    "WRONGTYPE": "Redis has something else than rooms under the prefix of their keys (WRONGTYPE)",
}


class RedisPlace:
    """Where Redis is, and how to get in.

    ``url``: ``redis://HOST:PORT/DB``, ``rediss://`` with TLS, or ``unix:///PATH?db=DB``; where
    Sentinels know which Redis is the primary, ``redis+sentinel://HOST:PORT,HOST:PORT/NAME/DB``, or
    ``rediss+sentinel://`` with TLS to them and to it. A user's name stands before the hosts.
    ``password`` comes from a file or the environment: in the URL it would be in lists of processes;
    so does ``sentinel_password``, where the Sentinels have one of their own. ``timeout_seconds``:
    how long Redis may take to answer. ``prepare`` is awaited for each new connection before it is
    used, and raises where it must not be.

    Raises :class:`~...protocol.errors.BadMessage` for another URL; it says nothing of a password.
    """

    def __init__(
        self,
        url: str,
        *,
        password: str | None = None,
        sentinel_password: str | None = None,
        timeout_seconds: float = 5.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in (*_SCHEMES, *_SENTINEL_SCHEMES):
            raise BadMessage(
                "expected the URL of Redis as redis://HOST:PORT, rediss://, unix:// or"
                " redis+sentinel://"
            )
        asked = parse_qs(parts.query, keep_blank_values=True)
        if parts.password is not None or "password" in asked:
            raise BadMessage(
                "expected no password in the URL of Redis, where everybody on this machine can"
                " read it: put it into a file (redis_password_file) or into the environment"
                " variable DRIFTDB_REDIS_PASSWORD"
            )
        options_known = _TLS_OPTIONS | {"db"} if parts.scheme.startswith("rediss") else {"db"}
        if unknown := asked.keys() - options_known:
            raise BadMessage(
                f"expected {', '.join(sorted(options_known))} behind the ? of the URL of Redis, got"
                f" {min(unknown)[:40]!r}"
            )
        self.prepare: Callable[[AbstractConnection], Awaitable[None]] = _unprepared
        user, _, hosts = parts.netloc.rpartition("@")
        self.shown = f"{parts.scheme}://{hosts or parts.path}"
        timeouts: dict[str, Any] = {
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
            "retry": Retry(NoBackoff(), 0),
        }
        options: dict[str, Any] = {
            **timeouts,
            "socket_keepalive": True,
            "health_check_interval": 0,
            "protocol": 2,
            "redis_connect_func": self._prepare,
        }
        if parts.scheme == "unix":
            del options["socket_keepalive"]
        if password is not None:
            options["password"] = password
        if user:
            options["username"] = unquote(user)
        self._age = 0
        self._ages: WeakKeyDictionary[AbstractConnection, int] = WeakKeyDictionary()
        self._primary: tuple[str, int] | None = None
        self.pool: ConnectionPool
        if parts.scheme in _SENTINEL_SCHEMES:
            to_sentinels = dict(timeouts)
            if sentinel_password is not None:
                to_sentinels["password"] = sentinel_password
            self.pool = _pool_of_sentinels(url, options, to_sentinels)
        else:
            self.pool = ConnectionPool.from_url(url, **options)

    async def has_moved(self) -> bool:
        """Return whether the Sentinels name another primary than when they were asked last.

        The one before may still answer, and take what is lost. ``False`` where they can't be asked,
        and without Sentinels.
        """
        if not isinstance(self.pool, SentinelConnectionPool):
            return False
        before = self._primary
        ask: Callable[[], Awaitable[tuple[str, int]]] = self.pool.get_master_address
        try:
            self._primary = await ask()
        except (exceptions.RedisError, OSError):
            return False
        return before is not None and before != self._primary

    async def borrow(self) -> AbstractConnection:
        """Return a connection of the pool, to be released to it; raises as :meth:`connect`."""
        get_connection: Callable[[], Awaitable[AbstractConnection]] = self.pool.get_connection
        connection = await get_connection()
        connect: Callable[[], Awaitable[None]] = connection.connect
        if self._ages.get(connection) != self._age:
            try:
                await connection.disconnect(nowait=True)
                await connect()
            except BaseException:
                await self.release(connection)
                raise
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Give a borrowed connection back."""
        await self.pool.release(connection)

    def outdate(self) -> None:
        """Have each connection of the pool made anew before it is borrowed again."""
        self._age += 1

    async def connect(self) -> AbstractConnection:
        """Return a connection of its own; raises what redis-py and :attr:`prepare` raise."""
        make_connection: Callable[[], AbstractConnection] = self.pool.make_connection
        connection = make_connection()
        try:
            connect: Callable[[], Awaitable[None]] = connection.connect
            await connect()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    async def _prepare(self, connection: AbstractConnection) -> None:
        await connection.on_connect()
        for script in _SCRIPTS:
            await connection.send_command("SCRIPT", "LOAD", script.text)
            await connection.read_response()
        await self.prepare(connection)
        self._ages[connection] = self._age

    async def close(self) -> None:
        """Close all connections."""
        await self.pool.disconnect()
        if isinstance(self.pool, SentinelConnectionPool):
            for sentinel in self.pool.sentinel_manager.sentinels:
                await sentinel.aclose()


def _pool_of_sentinels(
    url: str, options: dict[str, Any], to_sentinels: dict[str, Any]
) -> SentinelConnectionPool:
    """Return connections to whatever the Sentinels of a URL name; raises :class:`BadMessage`."""
    parts = urlsplit(url)
    asked: dict[str, Any] = {
        name: URL_QUERY_ARGUMENT_PARSERS.get(name, str)(given[-1])
        for name, given in parse_qs(parts.query).items()
    }
    name, _, db = parts.path.strip("/").partition("/")
    db = db or str(asked.pop("db", 0))
    if not name or not db.isdigit():
        raise BadMessage(
            "expected the URL of Redis as redis+sentinel://HOST:PORT,HOST:PORT/NAME/DB, with the"
            " name that the Sentinels give the primary"
        )
    if parts.scheme == "rediss+sentinel":
        asked["ssl"] = True
    make_sentinel: Callable[..., Sentinel] = Sentinel
    make_pool: Callable[..., SentinelConnectionPool] = SentinelConnectionPool
    addresses = _addresses(parts.netloc.rpartition("@")[2])
    sentinel = make_sentinel(addresses, sentinel_kwargs={**to_sentinels, **asked, "protocol": 2})
    return make_pool(unquote(name), sentinel, **options, **asked, db=int(db))


def _addresses(hosts: str) -> list[tuple[str, int]]:
    """Return the Sentinels that a URL names; raises :class:`BadMessage`."""
    found = []
    for host in hosts.split(","):
        parts = urlsplit(f"//{host}")
        try:
            port = parts.port or _SENTINEL_PORT
        except ValueError:
            port = 0
        if not parts.hostname or not port:
            raise BadMessage(f"expected Sentinels as HOST:PORT,HOST:PORT, got {host[:100]!r}")
        found.append((parts.hostname, port))
    return found


async def _unprepared(connection: AbstractConnection) -> None:
    """Use a connection as it is."""


async def exchange(
    connection: AbstractConnection, commands: Sequence[tuple[Any, ...]]
) -> list[Any]:
    """Send commands together, and return the reply to each: an error where Redis refuses one."""
    await connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    for _ in commands:
        try:
            replies.append(await connection.read_response())
        except exceptions.ResponseError as error:
            replies.append(error)
    return replies


class Identity(NamedTuple):
    """Whose rooms a connection leads to.

    ``process`` is the same only as long as Redis cannot have lost anything. ``warning``: what is
    wrong with its settings, in words.
    """

    process: str
    warning: str | None


async def identify(connection: AbstractConnection) -> Identity:
    """Ask Redis what it is; raises :class:`RedisUnusable` if it is too old, or takes no writes."""
    facts: dict[str, str] = {}
    for section in ("server", "replication", "memory"):
        await connection.send_command("INFO", section)
        told: Any = await connection.read_response()
        text = told.decode() if isinstance(told, bytes) else str(told)
        for line in text.splitlines():
            name, _, value = line.partition(":")
            facts[name] = value.strip()
    version = facts.get("redis_version", "0")
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        raise RedisUnusable(f"expected Redis 7.0 or newer, got {ascii(version[:20])[1:-1]}")
    if facts.get("role") != "master":
        raise RedisUnusable("expected a Redis that takes writes, got a replica")
    warning = None
    policy = facts.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and facts.get("maxmemory") != "0":
        warning = (
            "Redis throws rooms away when it is full: expected maxmemory-policy noeviction, got "
            + ascii(policy[:20])[1:-1]
        )
    return Identity(f"{facts.get('run_id')}.{facts.get('master_replid')}", warning)


def denied(commands: Sequence[str]) -> RedisUnusable:
    """Return what is to be raised where a user may not use commands that are needed."""
    told, more = ", ".join(commands[:_TOLD_COMMANDS]), len(commands) - _TOLD_COMMANDS
    if more > 0:
        told += f" and {more} more"
    return RedisUnusable(
        f"Redis does not let its user use {told} on the keys and channels of rooms (ACL);"
        " docs/scaling.md has the rule"
    )


def lacks_right(error: BaseException) -> bool:
    """Return whether Redis refuses something that its user may not do."""
    return isinstance(error, exceptions.NoPermissionError) or str(error).startswith(_SCRIPT_DENIED)


def is_about_redis(error: exceptions.ResponseError) -> bool:
    """Return whether Redis refuses everybody's pushes, and not this one alone."""
    return (
        isinstance(error, _ABOUT_REDIS)
        or lacks_right(error)
        or str(error).partition(" ")[0] in _ABOUT_REDIS_WORDS
    )


def quoted(error: BaseException) -> str:
    """Return what an error says, for the log."""
    if isinstance(error.__cause__, exceptions.RedisError):
        error = error.__cause__
    name = type(error).__name__
    if isinstance(error, exceptions.ResponseError):
        return f"{name}: {ascii(str(error)[:_TOLD_LETTERS])[1:-1]}"
    return name


def is_foreign(error: BaseException) -> bool:
    """Return True if a key has something else than what is kept there."""
    return str(error).startswith(_FOREIGN)


def explain(error: BaseException) -> str:
    """Return in words for people why Redis can't be used; nothing secret."""
    cause = error.__cause__ or error.__context__
    if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
        return (
            "Redis can't be reached over TLS: its certificate is not believed, or it speaks"
            " without TLS there (ssl_ca_certs in the URL names a file with what is believed)"
        )
    if isinstance(error.__cause__, (exceptions.RedisError, RedisUnusable)):
        error = error.__cause__  # what redis-py wraps while it connects
    if isinstance(error, RedisUnusable):
        return str(error)
    if isinstance(error, MasterNotFoundError):
        return "no Sentinel can be reached that names a primary which is up"
    if isinstance(error, exceptions.OutOfMemoryError):
        return "Redis is full (maxmemory)"
    if isinstance(error, exceptions.AuthenticationError):
        return "Redis refuses the user or the password"
    if lacks_right(error):
        command = _DENIED_COMMAND.search(str(error))
        return str(denied([command[1].upper() if command else "something"]))
    if isinstance(error, exceptions.ReadOnlyError):
        return "Redis takes no writes: it is a replica"
    if isinstance(error, exceptions.BusyLoadingError):
        return "Redis is reading its data"
    if isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return "Redis does not answer"
    if isinstance(error, (exceptions.ConnectionError, OSError)):
        return "Redis can't be reached"
    if is_foreign(error):
        return _MEANINGS["WRONGTYPE"]
    return _MEANINGS.get(
        str(error).partition(" ")[0], "Redis answers with an error; the server's log has it"
    )
