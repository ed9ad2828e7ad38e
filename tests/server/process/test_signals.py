"""What signals do to ``driftdb serve``, as a process."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import signal
import socket
import ssl
import sys
from pathlib import Path

import pytest

from ...certificates import CERTIFICATE, OTHER_CERTIFICATE
from ...conformance.peer import Room, fetch
from ..processes import COMMAND, Process, environment, started

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGHUP"),
]


def served(process: Process) -> str:
    """The certificate that a new connection is shown."""
    host, _, port = process.server.root.split("/")[2].partition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        shown = connection.getpeercert(binary_form=True)
    assert shown is not None
    return ssl.DER_cert_to_PEM_cert(shown)


async def says(process: Process, text: str) -> None:
    """Wait until it has logged that."""
    while not any(text in line for line in process.lines):
        assert process.process.poll() is None, process.log
        await asyncio.sleep(0.005)


async def test_sighup_reads_the_certificate_again_and_a_bad_one_changes_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "tls.pem"
    shutil.copy(CERTIFICATE, file)
    command = [*COMMAND, "serve", "--port=0", "--named-rooms", f"--certfile={file}"]
    with started(command, cwd=tmp_path, env=environment(), session=True) as process:
        before = served(process)
        assert before in CERTIFICATE.read_text()
        room = Room(process.server, "a")
        peer = await room.join(validate_cert=False)

        file.write_text("none")
        process.process.send_signal(signal.SIGHUP)
        await says(process, "the old certificate stays in use")
        assert served(process) == before

        shutil.copy(OTHER_CERTIFICATE, file)
        process.process.send_signal(signal.SIGHUP)
        await says(process, "the certificate was read")
        assert served(process) in OTHER_CERTIFICATE.read_text()
        await peer.settle()  # nobody was sent away
        await room.empty()
        assert process.end() == 0
    assert "Traceback" not in process.log


async def test_sighup_opens_a_log_file_anew(tmp_path: Path) -> None:
    log, moved = tmp_path / "served.log", tmp_path / "served.log.1"
    (tmp_path / "driftdb.py").write_text(
        "c.StandaloneServer.logging_config = {'handlers': {'file': {"
        f"'class': 'logging.FileHandler', 'filename': {str(log)!r}, 'level': 'INFO'"
        "}}, 'loggers': {'StandaloneServer': {'handlers': ['file', 'console']}}}\n"
    )
    env = environment()
    del env["JUPYTER_NO_CONFIG"]
    command = [*COMMAND, "serve", "--port=0", "--config=driftdb.py"]
    with started(command, cwd=tmp_path, env=env, session=True) as process:
        log.rename(moved)
        process.process.send_signal(signal.SIGHUP)
        await says(process, "log files were opened anew")
        assert "opened anew" in log.read_text()
        assert "Rooms are at" in moved.read_text()
        assert process.end() == 0


async def test_on_a_terminal_sighup_ends_it_as_sigterm_does(tmp_path: Path) -> None:
    near, far = pty.openpty()
    command = [*COMMAND, "serve", "--port=0", "--data=kept"]
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        with started(command, cwd=tmp_path, env=environment(), stdin=far) as process:
            assert process.end(signal.SIGHUP) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
        os.close(near)
        os.close(far)
    assert "Stopping: SIGHUP" in process.log
    assert not list(tmp_path.glob("kept/*.server.json"))


async def test_a_second_sigterm_changes_nothing(tmp_path: Path) -> None:
    command = [*COMMAND, "serve", "--port=0", "--data=kept"]
    with started(command, cwd=tmp_path, env=environment()) as process:
        await fetch(process.server.root + "new", method="POST")
        process.process.send_signal(signal.SIGTERM)
        assert process.end() == 0
    assert "Traceback" not in process.log


async def test_where_few_files_may_be_open_it_raises_the_limit_and_bounds_its_peers(
    tmp_path: Path,
) -> None:
    shell = "ulimit -Sn 100; ulimit -Hn 300; exec " + " ".join([*COMMAND, "serve", "--port=0"])
    with started(["bash", "-c", shell], cwd=tmp_path, env=environment()) as process:
        process.end()
    assert "Up to 300 files and connections may be open at once (before: 100)" in process.log
    assert "at most 225 connections are taken, not the 10000 of peer_limit" in process.log
