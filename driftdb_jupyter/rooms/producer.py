"""Producers: which pushes of a client were applied already.

Protocol, "Knowing that a push arrived, once".
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Collection, Iterable

from .memory_budget import MemoryBudget
from .memory_cost import PRODUCER_COST_BYTES, RUN_COST_BYTES

__all__ = ["PendingProducers", "Producer", "Producers"]


class _Runs:
    """Runs of ids, ascending and apart from each other; an id's number is the id plus an offset."""

    __slots__ = ("firsts", "lasts", "offsets")

    def __init__(self) -> None:
        self.firsts = array("q")
        self.lasts = array("q")
        self.offsets = array("q")

    def copy(self) -> _Runs:
        copy = _Runs()
        copy.firsts, copy.lasts, copy.offsets = self.firsts[:], self.lasts[:], self.offsets[:]
        return copy

    def insert(self, place: int, first: int, last: int, offset: int) -> None:
        self.firsts.insert(place, first)
        self.lasts.insert(place, last)
        self.offsets.insert(place, offset)

    def seq(self, push_id: int) -> int | None:
        place = bisect_right(self.firsts, push_id) - 1
        if place < 0 or push_id > self.lasts[place]:
            return None
        return push_id + self.offsets[place]

    def drop(self, count: int) -> tuple[int, int]:
        """Drop that many of the oldest ids; returns how many there were, and the newest of them."""
        dropped = newest = whole = 0
        for first, last in zip(self.firsts, self.lasts, strict=True):
            length = last - first + 1
            if dropped + length > count:
                newest = first + count - dropped - 1
                self.firsts[whole] = newest + 1
                dropped = count
                break
            dropped, newest, whole = dropped + length, last, whole + 1
            if dropped == count:
                break
        del self.firsts[:whole], self.lasts[:whole], self.offsets[:whole]
        return dropped, newest


class Producer:
    """The newest ids of one client, with the sequence numbers that they got.

    Ids that follow each other, with numbers that do too, are held as one run, so that a client
    whose pushes nobody interrupts takes the same few hundred bytes however many there were. The
    newest run stands apart from the older ones, because nearly every push extends it. All runs are
    above ``forgotten``, and none overlaps another.
    """

    __slots__ = ("_count", "_first", "_forgotten", "_last", "_offset", "_older", "_remember")

    def __init__(self, *, remember: int = 1024, forgotten: int = 0) -> None:
        """``remember``: keep at least that many ids; ``forgotten``: the newest that is not kept."""
        self._remember = remember
        self._forgotten = forgotten
        self._count = 0
        self._first, self._last, self._offset = 1, 0, 0  # the newest run: still empty
        self._older: _Runs | None = None

    @property
    def forgotten(self) -> int:
        """The newest of the ids that were applied too long ago to be remembered, 0 for none."""
        return self._forgotten

    def knows(self, push_id: int) -> bool:
        """Return True if a push with that id was applied, or is older than what is remembered."""
        if push_id > self._last:  # in nearly all pushes
            return push_id <= self._forgotten
        return push_id <= self._forgotten or self.seq(push_id) is not None

    def seq(self, push_id: int) -> int | None:
        """Return the sequence number of an applied push, ``None`` if it was too long ago."""
        if self._first <= push_id <= self._last:
            return push_id + self._offset
        return None if self._older is None else self._older.seq(push_id)

    @property
    def run_count(self) -> int:
        """The number of runs that it holds beside the newest one."""
        return 0 if self._older is None else len(self._older.firsts)

    def applied(self, push_id: int, seq: int) -> int:
        """Note that a push was applied; its id must not be known.

        Returns by how much :attr:`run_count` grew.
        """
        return self._add(push_id, push_id, seq - push_id)

    def restore(self, first: int, seq: int, count: int) -> None:
        """Note ``count`` pushes with consecutive ids and numbers, as they were written down.

        To be called with ascending ids; ids that are known or forgotten are passed over.
        """
        last, offset = first + count - 1, seq - first
        first = max(first, self._forgotten + 1, self._last + 1)
        if first <= last:
            self._add(first, last, offset)

    def runs(self) -> list[list[int]]:
        """All that is known, as ``[first, seq, count]``, ascending."""
        older = self._older or _Runs()
        runs = [*zip(older.firsts, older.lasts, older.offsets, strict=True)]
        if self._first <= self._last:
            runs.append((self._first, self._last, self._offset))
        return [[first, first + offset, last - first + 1] for first, last, offset in runs]

    def copy(self) -> Producer:
        """Another producer that knows the same."""
        copy = Producer(remember=self._remember, forgotten=self._forgotten)
        copy._count = self._count
        copy._first, copy._last, copy._offset = self._first, self._last, self._offset
        copy._older = None if self._older is None else self._older.copy()
        return copy

    def joined(self, other: Producer) -> Producer:
        """Return a producer that knows what either of two knows.

        Of a number that differs, the lower.
        """
        joined = Producer(remember=self._remember, forgotten=max(self._forgotten, other._forgotten))
        for first, seq, count in sorted(self.runs() + other.runs()):
            joined.restore(first, seq, count)
        return joined

    def _add(self, first: int, last: int, offset: int) -> int:
        more_runs = 0
        if first == self._last + 1 and offset == self._offset:
            self._last = last
        elif first > self._last:
            if self._first <= self._last:
                more_runs = 1
                older = self._older = self._older or _Runs()
                older.firsts.append(self._first)
                older.lasts.append(self._last)
                older.offsets.append(self._offset)
            self._first, self._last, self._offset = first, last, offset
        else:  # it comes late
            older = self._older = self._older or _Runs()
            older.insert(bisect_right(older.firsts, first), first, last, offset)
            more_runs = 1
        self._count += last - first + 1
        if self._count >= 2 * self._remember:
            more_runs -= self.run_count
            self._shrink()
            more_runs += self.run_count
        return more_runs

    def _shrink(self) -> None:
        # To the half, so that it needn't be done for every push.
        excess = self._count - self._remember
        self._count = self._remember
        if self._older is not None:
            dropped, newest = self._older.drop(excess)
            excess -= dropped
            self._forgotten = max(self._forgotten, newest)
            if not self._older.firsts:
                self._older = None
        if excess:
            self._first += excess
            self._forgotten = self._first - 1


class Producers:
    """The producers of a room, by client (the digest of its secret).

    They follow from the pushes that were applied and from :meth:`forget`, and from nothing else:
    who is connected, and who has been gone for too long, is decided elsewhere. What they cost of
    memory (``cost_bytes``) is charged to a budget.
    """

    __slots__ = ("_memory", "_producers", "cost_bytes")

    def __init__(self) -> None:
        self._producers: dict[str, Producer] = {}
        self._memory = MemoryBudget()
        self.cost_bytes = 0

    def __len__(self) -> int:
        return len(self._producers)

    def __contains__(self, client: str) -> bool:
        return self.find(client) is not None

    def items(self) -> Iterable[tuple[str, Producer]]:
        """All clients and their producers."""
        return self._producers.items()

    def find(self, client: str) -> Producer | None:
        """Return the producer of that client, ``None`` if none of its pushes is remembered."""
        return self._producers.get(client)

    def get(self, client: str) -> Producer:
        """Return the producer of that client, a new one if it has none."""
        producer = self._producers.get(client)
        if producer is None:
            producer = self._producers[client] = Producer()
            self._grow(PRODUCER_COST_BYTES)
        return producer

    def applied(self, client: str, push_id: int, seq: int) -> None:
        """Note that a push of a client was applied; its id must not be known."""
        more_runs = self.get(client).applied(push_id, seq)
        if more_runs:
            self._grow(more_runs * RUN_COST_BYTES)

    def restore(self, client: str, producer: Producer) -> None:
        """Put in what was known of a client that has no producer here."""
        self._producers[client] = producer
        self._grow(_cost(producer))

    def forget(self, client: str) -> None:
        """Forget the pushes of a client."""
        producer = self._producers.pop(client, None)
        if producer is not None:
            self._grow(-_cost(producer))

    def forget_all(self) -> None:
        """Forget the pushes of all clients."""
        self._producers.clear()
        self._grow(-self.cost_bytes)

    def learn(self, others: Producers) -> None:
        """Know of each client what others know, too."""
        for client, producer in others.items():
            known = self._producers.get(client)
            learnt = producer.copy() if known is None else known.joined(producer)
            self.forget(client)
            self.restore(client, learnt)

    def charge(self, memory: MemoryBudget) -> None:
        """Charge another budget from now on."""
        memory.charge(self.cost_bytes)
        self._memory.release(self.cost_bytes)
        self._memory = memory

    def _grow(self, more_cost: int) -> None:
        self.cost_bytes += more_cost
        self._memory.free_bytes -= more_cost


def _cost(producer: Producer) -> int:
    return PRODUCER_COST_BYTES + producer.run_count * RUN_COST_BYTES


class PendingProducers(Producers):
    """Producers that may yet be taken back: they stand before others, and leave those as they are.

    What was applied is taken back by leaving them, or by :meth:`keep`. They charge no budget: they
    are as many as pushes wait.
    """

    __slots__ = ("_settled",)

    def __init__(self, settled: Producers) -> None:
        super().__init__()
        self._settled = settled

    def find(self, client: str) -> Producer | None:
        """See :meth:`Producers.find`."""
        return self._producers.get(client) or self._settled.find(client)

    def get(self, client: str) -> Producer:
        """See :meth:`Producers.get`."""
        producer = self._producers.get(client)
        if producer is None:
            known = self._settled.find(client)
            producer = self._producers[client] = Producer() if known is None else known.copy()
        return producer

    def _grow(self, more_cost: int) -> None:
        pass

    def keep(self, clients: Collection[str | None]) -> None:
        """Of all other clients know no more than the producers behind these do."""
        self._producers = {
            client: producer for client, producer in self._producers.items() if client in clients
        }
