"""Authors: which row of the journal says who wrote an entry.

A row can be given to another author as soon as nothing that is kept names the first one. To know
that, no entries are counted or searched: every entry that the file has is in memory too, with its
:class:`~..protocol.entry.Author`, or its removal is written before the row changes hands. So a row
is free when the last of those objects is. A room to which somebody without a name writes every
second for a year has as many rows as it has entries, and a few.

A number is given to an author at once, but its row counts as written only when a commit has said
so.
"""

from __future__ import annotations

from weakref import ref

from ...protocol.entry import Author

__all__ = ["AuthorRow", "Authors"]


class AuthorRow:
    """The row of an author; ``written``: it is in the journal."""

    __slots__ = ("author_count", "client", "number", "user", "written")

    def __init__(self, number: int, client: str, user: bytes | None, *, written: bool) -> None:
        self.number = number
        self.client = client
        self.user = user
        self.written = written
        self.author_count = 0


class _Hold(ref[Author]):
    """An author's hold on its row; ``place``: the author's identity."""

    __slots__ = ("place", "row")

    place: int
    row: AuthorRow


class Authors:
    """The authors of one room.

    ``newest``: the highest number that a row has; ``free``: those of whom no entry is left.
    """

    __slots__ = ("_by_object", "_by_who", "_free", "_newest")

    def __init__(self, *, newest: int, free: list[int]) -> None:
        self._newest = newest
        self._free = free
        self._by_who: dict[tuple[str, bytes | None], AuthorRow] = {}
        self._by_object: dict[int, _Hold] = {}

    def restore(self, author: Author, number: int) -> None:
        """Note a row that is in the journal, and the author that its entries have."""
        row = AuthorRow(number, author.client, _user(author), written=True)
        self._by_who[row.client, row.user] = row
        self._hold(author, row)

    def row(self, author: Author) -> AuthorRow:
        """Return the row of an author; a new one, or a free one, if it has none."""
        known = self._by_object.get(id(author))
        if known is not None:
            return known.row
        who = author.client, _user(author)
        row = self._by_who.get(who)
        if row is None:
            row = self._by_who[who] = AuthorRow(self._number(), *who, written=False)
        self._hold(author, row)
        return row

    def _number(self) -> int:
        if self._free:
            return self._free.pop()
        self._newest += 1
        return self._newest

    def _hold(self, author: Author, row: AuthorRow) -> None:
        row.author_count += 1
        hold = _Hold(author, self._let_go)
        hold.place, hold.row = id(author), row
        self._by_object[hold.place] = hold

    def _let_go(self, hold: _Hold) -> None:
        row = hold.row
        del self._by_object[hold.place]
        row.author_count -= 1
        if not row.author_count:
            del self._by_who[row.client, row.user]
            self._free.append(row.number)


def _user(author: Author) -> bytes | None:
    return None if author.user is None else bytes(author.user.as_json())
