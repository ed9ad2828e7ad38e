"""A real server that is fuzzed, and what it must not do meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import takewhile
from pathlib import Path
from urllib.parse import urlsplit

import psutil  # type: ignore[import-untyped]

from ..conformance.peer import fetch, get, push
from ..faults.wire import Wire, connected, trusting
from ..server.processes import COMMAND, Process, environment, started
from .cases import TOKEN_KEY, Case
from .places import Place

__all__ = ["Broken", "Target", "serving"]

MEMORY_BYTES = 48 * 1024 * 1024
"""What the server may hold in memory, by its own setting."""

_SLACK_BYTES = 112 * 1024 * 1024  # of the allocator, of buffers, and of what is in work
_PATIENCE_SECONDS = 60
_HANDSHAKE_SECONDS = 0.5
_LAST_WORDS_SECONDS = 0.05
_AT_ONCE = 8
_OPTIONS = (
    f"--DriftDB.memory_limit_bytes={MEMORY_BYTES}",
    "--DriftDB.room_idle_seconds=1",
    "--DriftDB.access_change_limit_per_second=0",
    "--DriftDB.malformed_limit_per_second=0",
    "--DriftDB.request_limit_per_second=0",
)
_FAULT = re.compile(r"Traceback|\b(ERROR|CRITICAL)\b|^\[[EC] ")
_RECORD = re.compile(r"\[[A-Z] \d")
_SERVER_ERROR = re.compile(rb"HTTP/1\.[01] 5(?!03)\d\d")
_POLICY = '{"anyone": [{"can": ["read", "append"], "prefixes": ["k"]}]}'


class Broken(Exception):
    """The server did what it must not do; says what."""


class Target:
    """A server in a process of its own, with two peers in it who mean well.

    :meth:`attack` says cases to it, and raises :class:`Broken`.
    """

    def __init__(
        self, process: Process, pusher: Wire, reader: Wire, place: Place, secret: str
    ) -> None:
        self._place = place
        self._process = process
        self._secret = secret
        self._pusher = pusher
        self._reader = reader
        self._turn = 0
        self._lines_seen = 0
        self._at = urlsplit(process.server.root)
        self._first_bytes = self.memory_bytes

    @property
    def memory_bytes(self) -> int:
        """How much memory the server has, its RSS."""
        return int(psutil.Process(self._process.process.pid).memory_info().rss)

    async def attack(self, cases: Sequence[Case]) -> None:
        """Say cases, some at once, while the others' messages go on; then look for what broke."""
        waiting = iter(cases)
        everyone = [self._say_all(waiting) for _ in range(_AT_ONCE)]
        saying = asyncio.gather(*everyone)
        try:
            while not saying.done():
                await self._others_are_served()
                await asyncio.wait([saying], timeout=0.2)
            await saying
        finally:
            saying.cancel()
            with suppress(asyncio.CancelledError, Broken):
                await saying
        await self._others_are_served()
        self._check_log()
        limit = max(self._first_bytes, 64 * 1024 * 1024) + MEMORY_BYTES + _SLACK_BYTES
        if self.memory_bytes > limit:
            raise Broken(f"expected at most {limit} bytes of memory, got {self.memory_bytes}")

    async def _say_all(self, cases: Iterable[Case]) -> None:
        for case in cases:
            await self._say(case)

    async def _say(self, case: Case) -> None:
        try:
            tls = trusting() if self._at.scheme == "https" else None
            reader, writer = await asyncio.open_connection(
                self._at.hostname, self._at.port, ssl=tls
            )
        except OSError as error:
            raise Broken(f"takes no connection ({error})") from None
        heard_some = asyncio.Event()
        hearing = asyncio.ensure_future(_hear(reader, heard_some))
        try:
            with suppress(OSError):
                for each in case.pieces:
                    piece = self._place.piece(each, self._secret)
                    step = max(1, len(piece) // 7) if case.slow else len(piece)
                    for at in range(0, len(piece), step):
                        writer.write(piece[at : at + step])
                        await writer.drain()
                        await asyncio.sleep(0.002 if case.slow else 0)
                    if b"websocket" in piece:  # whoever has left before it is answered isn't read
                        with suppress(asyncio.TimeoutError):
                            await asyncio.wait_for(heard_some.wait(), _HANDSHAKE_SECONDS)
                if writer.can_write_eof():
                    writer.write_eof()
                else:  # TLS has no half of a connection
                    await asyncio.wait([hearing], timeout=_LAST_WORDS_SECONDS)
                    writer.transport.abort()
            await asyncio.wait([hearing], timeout=_PATIENCE_SECONDS)
            if not hearing.done():
                raise Broken("a connection that its client has ended is still open")
        finally:
            hearing.cancel()
            writer.transport.abort()
        found = _SERVER_ERROR.search(hearing.result())
        if found and not self._place.jupyter:  # whose log says whose fault it is
            raise Broken(f"answered with {found[0].decode()}")

    async def _others_are_served(self) -> None:
        """See that a push of one reaches the other, however long that takes."""
        self._turn += 1
        self._pusher.send(push("pair", self._turn, "relay"))
        try:
            message = await asyncio.wait_for(self._reader.receive(), _PATIENCE_SECONDS)
        except asyncio.TimeoutError:
            raise Broken("others are no longer answered") from None
        if message.get("value") != self._turn:
            raise Broken(f"others are told {message!r}")

    def _is_ours(self, told: Sequence[str]) -> bool:
        """Return whether an error is the rooms', and not of something else in a Jupyter server."""
        own = [told[0], *takewhile(lambda line: not _RECORD.match(line), told[1:])]
        return not self._place.jupyter or any("driftdb" in line for line in own)

    def _check_log(self) -> None:
        lines = self._process.lines[self._lines_seen :]
        self._lines_seen += len(lines)
        for number, line in enumerate(lines):
            if _FAULT.search(line):
                told = lines[number : number + 80]
                if self._is_ours(told):
                    raise Broken("logged an error:\n" + "".join(lines[max(0, number - 1) :][:80]))
            # Jupyter writes down itself what path matched no route.
            is_own_log = not self._place.jupyter
            if is_own_log and not line.rstrip("\n").isprintable():
                raise Broken(f"logged {line!r}")


async def _hear(reader: asyncio.StreamReader, heard_some: asyncio.Event) -> bytes:
    """Return the beginning of what is said, once all is; the rest is dropped."""
    heard = b""
    with suppress(OSError):
        while True:
            data = await reader.read(65536)
            heard_some.set()
            if not data:
                break
            heard = (heard + data)[:65536]
    return heard


@asynccontextmanager
async def serving(
    folder: Path, place: Place, *options: str, program: Sequence[str] = COMMAND
) -> AsyncIterator[Target]:
    """A server to be fuzzed in a place; ``options`` are more of its command line."""
    keys = folder / "keys"
    keys.touch(0o600)
    keys.write_text(TOKEN_KEY)
    tokens = f"--DriftDB.token_keys_file={keys}"
    command = [*place.command(folder, program), *_OPTIONS, tokens, *options]
    with started(command, cwd=folder, env=environment()) as process:
        root = process.server.root
        guarded = await fetch(f"{root}room/guarded/access", method="PUT", body=_POLICY)
        assert guarded.status in (200, 403), guarded
        async with connected(root + "room/pair") as pusher, connected(root + "room/pair") as reader:
            reader.send(get("pair"))
            await reader.receive()
            yield Target(process, pusher, reader, place, place.secret(folder))
