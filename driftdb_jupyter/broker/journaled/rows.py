"""Rows: what a room is in the journal.

:class:`RoomRows` turns a draft into a batch of rows. What it knows of the file changes only when
that batch was committed: until then everything a row says is *pending*, and where the commit fails
it never was. There is one batch of a room at a time, and each is followed by
:meth:`RoomRows.committed` or :meth:`RoomRows.failed`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from ...protocol.entry import Entry
from ...protocol.steps import Steps
from ...rooms.producer import Producers
from ...rooms.room import Room
from ..file.batch import Batch
from ..file.journal import Loaded, ProducerRow
from .authors import AuthorRow, Authors
from .draft import Draft, Runs

__all__ = ["RoomRows"]

# The rows that are made at once: some milliseconds' work.
_STEP_ROWS = 1000


class RoomRows:
    """The rows of one room.

    ``number``, ``epoch``: as its own row has them. ``producer_ids``: numbers that no producer of
    any room ever had.
    """

    __slots__ = (
        "_authors",
        "_pending_authors",
        "_pending_producers",
        "_producer_ids",
        "_producers",
        "epoch",
        "number",
    )

    def __init__(self, loaded: Loaded, producer_ids: Iterator[int]) -> None:
        self.number = loaded.id
        self.epoch = loaded.epoch
        self._authors = Authors(newest=loaded.newest_author, free=loaded.free_authors)
        for number, author in loaded.authors.items():
            self._authors.restore(author, number)
        self._producers = loaded.producers
        self._producer_ids = producer_ids
        self._pending_authors: list[AuthorRow] = []
        self._pending_producers: dict[str, ProducerRow | None] = {}

    def make(
        self,
        draft: Draft,
        room: Room,
        *,
        ceiling: int,
        left_at: Callable[[str], float],
        now: float,
    ) -> Batch:
        """Make the rows of a draft, with the numbers of ``room``.

        ``left_at``: when a client was last connected, ``now`` for those who are; both in seconds
        since 1970.
        """
        batch = Batch(self.number)
        self._make_entries(draft, batch)
        self._make_producers(draft, room.producers, batch)
        if draft.ending:
            self._end_producers(left_at, batch)
        batch.rooms.append((self.number, self.epoch, *self._numbers(room, ceiling, now)))
        return batch

    def make_new(self, name: str, room: Room, *, now: float) -> Steps[Batch]:
        """Make the rows of a room that the journal doesn't have, in steps.

        All that it holds and knows, and its name. Its clients are taken for just gone.
        """
        batch, pending, made = Batch(self.number), set[int](), 0
        for key in list(room.keys):
            entries = room.read(key)
            for start in range(0, len(entries), _STEP_ROWS):
                self._make_kept(key, entries[start : start + _STEP_ROWS], pending, batch)
                if len(batch.entries) >= made + _STEP_ROWS:
                    made = len(batch.entries)
                    yield
        made = 0
        for client, producer in list(room.producers.items()):
            number = next(self._producer_ids)
            batch.producers.append((number, self.number, client, producer.forgotten, now))
            batch.ids.extend([(number, *run) for run in producer.runs()])
            if len(batch.producers) + len(batch.ids) > made + _STEP_ROWS:
                made = len(batch.producers) + len(batch.ids)
                yield
        batch.access.extend(
            [(self.number, *place, content) for place, content in room.access.items().items()]
        )
        batch.created.append((self.number, name, self.epoch, *self._numbers(room, 0, now)))
        return batch

    def committed(self) -> None:
        """Note that the batch that was made last is in the journal."""
        for author in self._pending_authors:
            author.written = True
        for client, producer in self._pending_producers.items():
            if producer is None:
                self._producers.pop(client, None)
            else:
                self._producers[client] = producer
        self.failed()

    def failed(self) -> None:
        """Note that the batch that was made last is not in the journal, and never will be."""
        self._pending_authors = []
        self._pending_producers = {}

    @staticmethod
    def _numbers(room: Room, ceiling: int, now: float) -> tuple[object, ...]:
        return room.seq, room.newest_relay, ceiling, room.key_count, room.byte_count, now

    def _make_entries(self, draft: Draft, batch: Batch) -> None:
        pending = set[int]()
        for key, change in draft.changes.items():
            if change.removed:
                batch.removed.append((self.number, key, change.removed))
            self._make_kept(key, change.kept, pending, batch)

    def _make_kept(
        self, key: str, entries: Iterable[Entry], pending: set[int], batch: Batch
    ) -> None:
        """Make the rows of entries, and of their authors; ``pending``: those that are made."""
        number = self.number
        for entry in entries:
            value = entry.value
            cbor = value.came_as_cbor
            blob = value.item if cbor else value.text
            author = None
            if entry.author is not None:
                row = self._authors.row(entry.author)
                author = row.number
                if not row.written and author not in pending:
                    pending.add(author)
                    self._pending_authors.append(row)
                    batch.authors.append((number, author, row.client, row.user))
            batch.entries.append((number, key, entry.seq, int(cbor), blob, entry.time, author))

    def _make_producers(self, draft: Draft, producers: Producers, batch: Batch) -> None:
        for client in draft.forgotten:
            row = self._producers.get(client)
            if row is not None:
                batch.left.append((row.id,))
                self._pending_producers[client] = None
        whole: dict[str, Runs | None] = dict.fromkeys(draft.whole)
        for client, runs in chain(draft.ids.items(), draft.relay_ids.items(), whole.items()):
            producer = producers.find(client)
            if producer is None:
                continue  # forgotten meanwhile
            if runs is None:
                runs = producer.runs()
            row = self._row(client)
            if row is None or row.forgotten != producer.forgotten or not row.present:
                number = next(self._producer_ids) if row is None else row.id
                row = ProducerRow(number, producer.forgotten, True)
                self._pending_producers[client] = row
                batch.producers.append((row.id, self.number, client, row.forgotten, None))
                batch.forgotten.append((row.id, row.forgotten))
            batch.ids.extend([(row.id, *run) for run in runs])

    def _end_producers(self, left_at: Callable[[str], float], batch: Batch) -> None:
        for client in {**self._producers, **self._pending_producers}:
            row = self._row(client)
            if row is not None:
                self._pending_producers[client] = ProducerRow(row.id, row.forgotten, False)
                columns = (row.id, self.number, client, row.forgotten, left_at(client))
                batch.producers.append(columns)

    def _row(self, client: str) -> ProducerRow | None:
        if client in self._pending_producers:
            return self._pending_producers[client]
        return self._producers.get(client)
