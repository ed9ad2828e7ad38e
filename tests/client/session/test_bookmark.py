from __future__ import annotations

from driftdb_jupyter.client.session.bookmark import Bookmark
from driftdb_jupyter.client.session.log import Heard, Missed, StartedOver


def heard(*seqs: int) -> list[Heard]:
    return [Heard(b"%d" % seq, seq) for seq in seqs]


def test_after_a_new_start_nothing_is_seen_twice() -> None:
    bookmark = Bookmark(skip=False)
    assert bookmark.pick(StartedOver(heard(1, 2), same_epoch=False)) == heard(1, 2)
    assert bookmark.pick(heard(3)[0]) == (heard(3)[0],)
    assert bookmark.pick(StartedOver(heard(2, 3, 5), same_epoch=True)) == heard(5)
    assert bookmark.pick(StartedOver(heard(3, 5, 6), same_epoch=False)) == heard(6)
    assert bookmark.pick(Missed(3)) == ()


def test_a_stream_of_another_epoch_that_is_another_is_seen_from_its_start() -> None:
    bookmark = Bookmark(skip=True)
    assert bookmark.pick(StartedOver(heard(1, 2), same_epoch=False)) == []
    other = [Heard(b"else", 2), Heard(b"more", 3)]
    assert bookmark.pick(StartedOver(other, same_epoch=False)) == other
    assert bookmark.pick(StartedOver(heard(1), same_epoch=False)) == heard(1)


def test_what_was_not_taken_in_time_is_found_again_where_the_stream_holds_it() -> None:
    mark = Bookmark(skip=True)
    mark.pick(StartedOver([Heard(b"0", 1)], True))
    held = [Heard(b"%d" % n, n) for n in (3, 4, 5, 6)]
    next_one = Heard(b"5", 5)
    # One of the three is gone.
    assert mark.catch_up(3, held, [Missed(3), next_one, Heard(b"6", 6)]) == (1, held[:2])
    assert mark.pick(next_one) == (next_one,)
    assert mark.pick(next_one) == ()
