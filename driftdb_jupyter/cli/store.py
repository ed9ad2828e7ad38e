"""The rooms that commands work on: those of the running server, else the journal's own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

import msgspec

from ..access.policy import Policy, parse_policy
from ..broker.broker import RoomSummary
from ..broker.file.lock import is_locked
from ..protocol.errors import DriftDBError, RoomNotFound, Unreachable, printable, refusal
from ..server.http.administration import Administration, Restored
from ..server.http.administration_handlers import PREFIX
from ..server.process.control import Control, read_control

__all__ = ["LocalStore", "RemoteStore", "Steps", "Store", "running"]

Steps: TypeAlias = "Callable[[int, int], None]"
"""Hears how much of a long work is done, and of how much."""

_CHUNK_BYTES = 65536
_CONNECT_SECONDS = 5.0


class Store(Protocol):
    """All rooms of a server or a journal; see :class:`~..server.administration.Administration`."""

    def rooms(self) -> list[RoomSummary]:
        """All rooms, by name."""

    def trouble(self) -> str | None:
        """Return the reason why rooms can't be kept at the moment, as text; else ``None``."""

    def export(self, name: str) -> Iterator[bytes]:
        """Return a room as JSON Lines, in pieces of any length."""

    def put(self, name: str, pieces: Iterable[bytes], *, replace: bool, owners: bool) -> int:
        """Import a room, given as JSON Lines in pieces of any length.

        ``owners``: who owns it comes along. Returns how many records of that kind were left out.
        """

    def policy(self, name: str) -> Policy | None:
        """Return who may do what in a room, ``None`` where it has no policy."""

    def set_policy(self, name: str, policy: Policy | None) -> None:
        """Say who may do what in a room."""

    def forget_owners(self, name: str) -> int:
        """Make the secrets of a room's owners worth nothing; returns how many there were."""

    def revoke_tokens(self, name: str, token_id: str | None, token: str | None) -> None:
        """Take back the token with an id, or all of a room that were issued up to now.

        ``token``: that one itself, if it is known: a server that verifies it forgets it when it has
        ended.
        """

    def links(self, name: str) -> list[dict[str, Any]]:
        """Return the share links of a room."""

    def make_link(self, name: str, content: object) -> dict[str, Any]:
        """Make a share link; returns it with its ``url``, and whether that is ``local``."""

    def revoke_link(self, name: str, link: str) -> int:
        """Take back the link with an id, or all of a name; returns how many there were."""

    def delete(self, name: str) -> None:
        """Delete a room."""

    def vacuum(self) -> int:
        """Give space back to the disk; returns how many bytes."""

    def check(self) -> list[str]:
        """Describe what is damaged."""

    def backup(self, target: Path, *, replace: bool, progress: Steps) -> int:
        """Copy all rooms to a file, given by its absolute path; returns its size in bytes."""

    def restore(self, source: Path, *, replace: bool, progress: Steps) -> Restored:
        """Bring back all rooms of a backup, given by its absolute path."""


class LocalStore:
    """A journal that no server uses; ``loop`` is the one that it was opened on."""

    def __init__(self, administration: Administration, loop: asyncio.AbstractEventLoop) -> None:
        self._administration = administration
        self._run = loop.run_until_complete

    def rooms(self) -> list[RoomSummary]:
        """All rooms, by name."""
        return self._run(self._administration.rooms())

    def trouble(self) -> str | None:
        """Return the reason why rooms can't be kept at the moment."""
        return self._administration.trouble

    def export(self, name: str) -> Iterator[bytes]:
        """Return a room as JSON Lines."""
        return self._run(self._administration.export(name))

    def put(self, name: str, pieces: Iterable[bytes], *, replace: bool, owners: bool) -> int:
        """Import a room, given as JSON Lines in pieces of any length."""
        room, left_out = self._administration.read(pieces, owners=owners)
        self._run(self._administration.put(name, room, replace=replace, owners=owners))
        return left_out

    def policy(self, name: str) -> Policy | None:
        """Return who may do what in a room, ``None`` where it has no policy."""
        return self._run(self._administration.policy(name))

    def set_policy(self, name: str, policy: Policy | None) -> None:
        """Say who may do what in a room."""
        self._run(self._administration.set_policy(name, policy))

    def forget_owners(self, name: str) -> int:
        """Make the secrets of a room's owners worth nothing."""
        return self._run(self._administration.forget_owners(name))

    def revoke_tokens(self, name: str, token_id: str | None, token: str | None) -> None:
        """Take back the token with an id, or all of a room."""
        self._run(self._administration.revoke_tokens(name, token_id))

    def links(self, name: str) -> list[dict[str, Any]]:
        """Return the share links of a room."""
        return self._run(self._administration.links(name))

    def make_link(self, name: str, content: object) -> dict[str, Any]:
        """Make a share link; its URL begins with the path where no server says more."""
        made = self._run(self._administration.make_link(name, content))
        return made | {"url": (made["root"] or "/") + made["path"], "local": made["root"] is None}

    def revoke_link(self, name: str, link: str) -> int:
        """Take back the link with an id, or all of a name."""
        return self._run(self._administration.revoke_link(name, link))

    def delete(self, name: str) -> None:
        """Delete a room."""
        self._run(self._administration.delete(name))

    def vacuum(self) -> int:
        """Give space back to the disk; returns how many bytes."""
        return self._run(self._administration.vacuum())

    def check(self) -> list[str]:
        """Describe what is damaged."""
        return self._run(self._administration.check())

    def backup(self, target: Path, *, replace: bool, progress: Steps) -> int:
        """Copy all rooms to a file."""
        copying = self._administration.backup(str(target), replace=replace, progress=progress)
        return self._run(copying)

    def restore(self, source: Path, *, replace: bool, progress: Steps) -> Restored:
        """Bring back all rooms of a backup."""
        restoring = self._administration.restore(str(source), replace=replace, progress=progress)
        return self._run(restoring)


class Slow(Unreachable):
    """A server that doesn't answer in time."""


class RemoteStore:
    """The rooms of a running server."""

    def __init__(self, control: Control) -> None:
        self._control = control
        context = None
        if control.certfile is not None:
            context = ssl.create_default_context(cafile=control.certfile)
            context.check_hostname = False  # it is its own certificate that is trusted
        # Never a proxy: the server is on this machine.
        self._opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))

    def rooms(self, *, timeout_seconds: float | None = None) -> list[RoomSummary]:
        """All rooms, by name."""
        content = self._ask("GET", "rooms", timeout_seconds=timeout_seconds)
        return msgspec.json.decode(content, type=list[RoomSummary])

    def trouble(self) -> str | None:
        """Return the reason why rooms can't be kept at the moment."""
        return msgspec.json.decode(self._ask("GET", "trouble"), type=str | None)

    def export(self, name: str) -> Iterator[bytes]:
        """Return a room as JSON Lines, in pieces of any length."""
        with self._open("GET", _room(name)) as response:
            while chunk := self._read(response, _CHUNK_BYTES):
                yield chunk

    def put(self, name: str, pieces: Iterable[bytes], *, replace: bool, owners: bool) -> int:
        """Import a room, given as JSON Lines in pieces of any length."""
        query = urlencode({"replace": str(replace).lower(), "owners": str(owners).lower()})
        content = self._ask("PUT", f"{_room(name)}?{query}", body=pieces)
        return msgspec.json.decode(content, type=int)

    def policy(self, name: str) -> Policy | None:
        """Return who may do what in a room, ``None`` where it has no policy."""
        content = self._ask("GET", f"{_room(name)}/access")
        return None if content == b"null" else parse_policy(content)

    def set_policy(self, name: str, policy: Policy | None) -> None:
        """Say who may do what in a room."""
        body = b"null" if policy is None else policy.encode()
        self._ask("PUT", f"{_room(name)}/access", body=body)

    def forget_owners(self, name: str) -> int:
        """Make the secrets of a room's owners worth nothing."""
        return msgspec.json.decode(self._ask("DELETE", f"{_room(name)}/owners"), type=int)

    def revoke_tokens(self, name: str, token_id: str | None, token: str | None) -> None:
        """Take back the token with an id, or all of a room."""
        which = "" if token_id is None else f"/{quote(token_id, safe='')}"
        headers = {} if token is None else {"DriftDB-Token": token}
        self._ask("DELETE", f"{_room(name)}/tokens{which}", headers=headers)

    def links(self, name: str) -> list[dict[str, Any]]:
        """Return the share links of a room."""
        content = self._ask("GET", f"{_room(name)}/links")
        return msgspec.json.decode(content, type=list[dict[str, Any]])

    def make_link(self, name: str, content: object) -> dict[str, Any]:
        """Make a share link."""
        body = msgspec.json.encode(content)
        content = self._ask("POST", f"{_room(name)}/links", body=body)
        made = msgspec.json.decode(content, type=dict[str, Any])
        root = made["root"] or self._control.url
        return made | {"url": root + made["path"], "local": made["root"] is None}

    def revoke_link(self, name: str, link: str) -> int:
        """Take back the link with an id, or all of a name."""
        content = self._ask("DELETE", f"{_room(name)}/links/{quote(link, safe='')}")
        return msgspec.json.decode(content, type=int)

    def delete(self, name: str) -> None:
        """Delete a room."""
        self._ask("DELETE", _room(name))

    def vacuum(self) -> int:
        """Give space back to the disk; returns how many bytes."""
        return msgspec.json.decode(self._ask("POST", "vacuum", body=b""), type=int)

    def check(self) -> list[str]:
        """Describe what is damaged."""
        return msgspec.json.decode(self._ask("POST", "check", body=b""), type=list[str])

    def backup(self, target: Path, *, replace: bool, progress: Steps) -> int:
        """Copy all rooms to a file; the server writes it."""
        return msgspec.convert(self._work("backup", target, replace, progress), int)

    def restore(self, source: Path, *, replace: bool, progress: Steps) -> Restored:
        """Bring back all rooms of a backup; the server reads it."""
        return msgspec.convert(self._work("restore", source, replace, progress), Restored)

    def _work(self, what: str, path: Path, replace: bool, progress: Steps) -> Any:
        query = urlencode({"path": str(path), "replace": str(replace).lower()})
        with self._open("POST", f"{what}?{query}", body=b"") as response:
            while line := self._read_line(response):
                answer = msgspec.json.decode(line)
                if isinstance(answer, list):
                    progress(*answer)
                elif "result" in answer:
                    return answer["result"]
                else:
                    raise refusal(answer["code"], answer["message"])
        raise self._ended()

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        timeout_seconds: float | None = None,
    ) -> bytes:
        """Return the whole answer to a request; raises as :meth:`_open` does."""
        with self._open(
            method, path, body=body, headers=headers, timeout_seconds=timeout_seconds
        ) as response:
            return self._read(response)

    def _read(self, response: HTTPResponse, length: int | None = None) -> bytes:
        try:
            return response.read(length)
        except TimeoutError:
            raise self._is_slow() from None
        except (HTTPException, OSError):
            raise self._ended() from None

    def _read_line(self, response: HTTPResponse) -> bytes:
        try:
            return response.readline()
        except (HTTPException, OSError):
            raise self._ended() from None

    def _ended(self, when: str = "in the middle of an answer") -> Unreachable:
        return Unreachable(f"{self._control.url} ended {when}")

    def _is_slow(self) -> Slow:
        return Slow(f"{self._control.url} takes a long time to answer")

    def _open(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
        timeout_seconds: float | None = None,
    ) -> HTTPResponse:
        headers = {
            "Authorization": f"DriftDB {self._control.secret}",
            "Content-Type": "application/x-ndjson",
            **headers,
        }
        url = self._control.url + PREFIX + path
        request = Request(url, data=body, headers=headers, method=method)
        try:
            response: HTTPResponse = self._opener.open(request, timeout=timeout_seconds)
        except HTTPError as error:
            with error:
                raise self._explain(error.code, error.read()) from None
        except TimeoutError:
            raise self._is_slow() from None
        except URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise self._is_slow() from None
            if isinstance(error.reason, (ConnectionResetError, BrokenPipeError)):
                raise self._ended("while it was asked") from None
            raise Unreachable(f"nothing answers at {self._control.url} ({error.reason})") from None
        except (HTTPException, OSError):
            raise self._ended("before it answered: look whether it has done it") from None
        return response

    def _explain(self, status: int, body: bytes) -> DriftDBError:
        try:
            error = msgspec.json.decode(body)
            code, message = error["code"], error["message"]
        except (msgspec.MsgspecError, KeyError, TypeError):
            return Unreachable(f"{self._control.url} answers with status {status}")
        return RoomNotFound(printable(message)) if code == "not_found" else refusal(code, message)


def running(journal: Path) -> RemoteStore | None:
    """Return the rooms of the server that has a journal open, ``None`` if there is none.

    What the control file names may be a server that was killed, and by now another's that never
    answers: but while it is slow, the journal's lock tells whether it lives.
    """
    control = read_control(journal)
    if control is None:
        return None
    store = RemoteStore(control)
    try:
        store.rooms(timeout_seconds=_CONNECT_SECONDS)
    except Slow:
        return store if is_locked(f"{journal}.lock") else None
    except Unreachable:
        return None
    return store


def _room(name: str) -> str:
    return f"rooms/{quote(name, safe='')}"
