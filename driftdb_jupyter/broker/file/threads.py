"""The threads on which a journal is used, so that no loop waits for a disk.

A loop that is busy with sockets lets go of the interpreter's lock often and briefly, which makes it
slow for a thread to get it. So what is done here is done in few and long calls of SQLite
(:mod:`.journal` and :mod:`.bulk_read`), each of which gives the lock up once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import TypeVar

from .journal import Journal, Mode
from .readers import Readers

__all__ = ["JournalThreads"]

_Result = TypeVar("_Result")

# So that a large room that is being loaded doesn't keep others from being opened.
_READERS = 3


class JournalThreads:
    """One thread that writes, and where the file can be shared some that read.

    ``journal``: what the first one has open; whatever is done with it is done there. It is opened
    at once, which waits for the disk; raises as :class:`~.journal.Journal` does.
    """

    journal: Journal

    def __init__(self, path: str, *, mode: Mode) -> None:
        self.path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="driftdb-journal")
        self._reader = self._writer
        self._ending = threading.Event()
        try:
            self._writer.submit(self._open, mode).result()
        except BaseException:
            self._writer.shutdown()
            raise

    def _open(self, mode: Mode) -> None:
        self.journal = Journal(self.path, mode=mode)
        self._readers = Readers([self.journal])
        if not self.journal.shared:
            return
        try:
            journals = [Journal(self.path, reading=True) for _ in range(_READERS)]
        except BaseException:
            self.journal.close()
            raise
        self._readers = Readers(journals)
        self._reader = ThreadPoolExecutor(_READERS, thread_name_prefix="driftdb-journal-reader")

    def do_now(self, call: Callable[[Journal], _Result]) -> _Result:
        """Do something on the writing thread, and wait for it: where there is no loop yet."""
        return self._writer.submit(call, self.journal).result()

    def write(self, call: Callable[[Journal], _Result]) -> asyncio.Future[_Result]:
        """Do something on the writing thread."""
        return self._start(self._writer, partial(call, self.journal))

    def read(self, call: Callable[[Journal], _Result]) -> asyncio.Future[_Result]:
        """Do something on a reading thread."""
        return self._start(self._reader, partial(self._readers.run, call))

    async def take_long(self, call: Callable[[Journal], _Result]) -> _Result:
        """Do what may take minutes on a connection and a thread of its own.

        Where no second connection may be opened, others have to wait.
        """
        if self._reader is self._writer:
            return await self.write(call)

        def work() -> _Result:
            with closing(Journal(self.path, reading=True)) as journal:
                journal.stop_when(self._ending.is_set)
                return call(journal)

        thread = ThreadPoolExecutor(1, thread_name_prefix="driftdb-journal-apart")
        try:
            return await self._start(thread, work)
        finally:
            thread.shutdown(wait=False)

    @property
    def ending(self) -> bool:
        """Whether what may take minutes is to end."""
        return self._ending.is_set()

    def stop_long(self) -> None:
        """Have what may take minutes end, with an error."""
        self._ending.set()

    async def close(self) -> None:
        """Close the journal, and have the threads end; the loop waits for none of them."""
        try:
            if self._reader is not self._writer:
                await self._start(self._reader, self._readers.close)
            await self.write(Journal.close)
        finally:
            self._reader.shutdown(wait=False)
            self._writer.shutdown(wait=False)

    def close_now(self) -> None:
        """Close the journal, and end the threads: where there is no loop."""
        if self._reader is not self._writer:
            self._readers.close()
        self.do_now(Journal.close)
        self._reader.shutdown()
        self._writer.shutdown()

    def _start(
        self, thread: ThreadPoolExecutor, work: Callable[[], _Result]
    ) -> asyncio.Future[_Result]:
        return asyncio.get_running_loop().run_in_executor(thread, work)
