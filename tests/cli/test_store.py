"""How commands find the server that has the rooms, and what they make of its silence."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from driftdb_jupyter.broker.file.lock import FileLock
from driftdb_jupyter.cli import store
from driftdb_jupyter.cli.store import RemoteStore, running
from driftdb_jupyter.protocol.errors import Unreachable
from driftdb_jupyter.server.process.control import Control, control_file


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "rooms.sqlite"
    path.touch()
    return path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        yield found


def control_of(listener: socket.socket) -> Control:
    return Control(url=f"http://127.0.0.1:{listener.getsockname()[1]}/", secret="s", pid=1)


def test_a_silent_server_is_waited_for_while_it_holds_the_journals_lock(
    journal: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_CONNECT_SECONDS", 0.05)
    with control_file(str(journal), control_of(listener)):
        assert running(journal) is None
        lock = FileLock(f"{journal}.lock")
        assert running(journal) is not None
        lock.release()
        assert running(journal) is None


def test_who_ends_before_an_answer_may_have_done_what_was_asked(listener: socket.socket) -> None:
    def answer() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)

    server = threading.Thread(target=answer)
    server.start()
    with pytest.raises(Unreachable, match="ended before it answered: look whether it has done it"):
        RemoteStore(control_of(listener)).delete("room")
    server.join(60)


def test_who_ends_in_the_middle_of_an_answer_is_named(listener: socket.socket) -> None:
    def answer() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")

    server = threading.Thread(target=answer)
    server.start()
    with pytest.raises(Unreachable, match="ended in the middle of an answer"):
        RemoteStore(control_of(listener)).rooms()
    server.join(60)
