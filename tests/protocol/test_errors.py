from __future__ import annotations

import pickle

from driftdb_jupyter.protocol.errors import EncodingError, Forbidden, TimedOut, Unreachable, refusal


def test_what_helps_in_python_alone_can_be_left_out() -> None:
    for kind in (Unreachable, TimedOut, EncodingError):
        error = kind("nothing answers.", in_python="In Python, .retry() tries again.")
        for each in (error, pickle.loads(pickle.dumps(error))):
            assert str(each) == "nothing answers. In Python, .retry() tries again."
            assert each.plain == "nothing answers."


def test_a_message_alone_is_all_of_it() -> None:
    assert str(Unreachable("gone")) == Unreachable("gone").plain == "gone"


def test_the_words_of_the_other_side_are_one_printable_line() -> None:
    told = refusal("forbidden", "no\x1b]52;c;QQ==\x07\nway\u202e, ö")
    assert isinstance(told, Forbidden)
    assert str(told) == "no\ufffd]52;c;QQ==\ufffd\ufffdway\ufffd, ö"
