"""A program that writes, for the tests of the bad disk: ``python -m tests.faults.writer``.

It reads lines from its standard input and answers each with ``ok`` or with what went wrong:
``open PATH SYNCHRONOUS`` a database (WAL), ``commit TEXT`` a row, ``checkpoint``; ``file PATH``
a plain file, ``append TEXT``, ``sync``, ``sync-folder``, ``unlink``; ``send PORT TEXT`` by TCP.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
from pathlib import Path

__all__: list[str] = []


class Writer:
    """What the program writes to."""

    database: sqlite3.Connection
    path: Path
    file: int

    def do(self, command: str, *words: str) -> None:
        """Carry out a line."""
        match command, *words:
            case "open", path, synchronous:
                self.database = sqlite3.connect(path, isolation_level=None)
                self.database.execute("PRAGMA journal_mode = WAL")
                self.database.execute(f"PRAGMA synchronous = {synchronous}")
                self.database.execute("CREATE TABLE IF NOT EXISTS rows (text TEXT)")
            case "commit", text:
                self.database.execute("INSERT INTO rows VALUES (?)", (text,))
            case ("checkpoint",):
                self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            case "file", path:
                self.path = Path(path)
                self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            case "append", text:
                os.write(self.file, text.encode())
            case ("sync",):
                os.fsync(self.file)
            case ("sync-folder",):
                folder = os.open(self.path.parent, os.O_RDONLY)
                os.fsync(folder)
                os.close(folder)
            case ("unlink",):
                self.path.unlink()
            case "send", port, text:
                with socket.create_connection(("127.0.0.1", int(port))) as connection:
                    connection.sendall(text.encode())
            case _:
                raise ValueError(f"expected a command, got {command} with {len(words)} words")


if __name__ == "__main__":
    writer = Writer()
    for line in sys.stdin:
        try:
            writer.do(*line.split())
        except (OSError, sqlite3.Error) as error:
            print(error, flush=True)
        else:
            print("ok", flush=True)
