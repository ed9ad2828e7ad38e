from __future__ import annotations

from driftdb_jupyter.client.session.bookmark import Bookmark
from driftdb_jupyter.client.session.log import Heard, Missed, News, StartedOver


def heard(*seqs: int) -> list[Heard]:
    return [Heard(b"%d" % seq, seq) for seq in seqs]


def picked(bookmark: Bookmark, *news: News) -> list[list[Heard]]:
    """What is picked of each of the news, one after the other."""
    found = []
    for each in news:
        values, bookmark = bookmark.after(each)
        found.append(list(values))
    return found


def test_of_values_in_a_row_those_that_the_beginning_held_are_not_seen_twice() -> None:
    seen = Bookmark(False, heard(2)[0])
    assert seen.after_all(heard(1, 2, 3, 4)) == (heard(3, 4), Bookmark(False, heard(4)[0]))
    assert seen.after_all(heard(1, 2)) == ([], seen)


def test_after_a_new_start_nothing_is_seen_twice() -> None:
    assert picked(
        Bookmark(skip=False),
        StartedOver(heard(1, 2), same_epoch=False),
        heard(3)[0],
        StartedOver(heard(2, 3, 5), same_epoch=True),
        StartedOver(heard(3, 5, 6), same_epoch=False),
        Missed(3),
    ) == [heard(1, 2), heard(3), heard(5), heard(6), []]


def test_a_stream_of_another_epoch_that_is_another_is_seen_from_its_start() -> None:
    other = [Heard(b"else", 2), Heard(b"more", 3)]
    assert picked(
        Bookmark(skip=True),
        StartedOver(heard(1, 2), same_epoch=False),
        StartedOver(other, same_epoch=False),
        StartedOver(heard(1), same_epoch=False),
    ) == [[], other, heard(1)]


def test_what_was_not_taken_in_time_is_found_again_where_the_stream_holds_it() -> None:
    mark = Bookmark(skip=False, seen=Heard(b"0", 1))
    held = [Heard(b"%d" % n, n) for n in (3, 4, 5, 6)]
    next_one = Heard(b"5", 5)
    gone, values, place = mark.after_gap(3, held, [next_one, Heard(b"6", 6)])
    assert (gone, list(values)) == (1, held[:2])
    assert picked(place, next_one, next_one) == [[next_one], []]
