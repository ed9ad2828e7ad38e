from __future__ import annotations

import contextlib
import gc
import io
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tqdm import tqdm

from driftdb_jupyter.client.objects.stream.stream import Stream
from driftdb_jupyter.client.room import Room

from ...served import come_true


def test_each_line_that_is_printed_is_a_value(mine: Room, theirs: Room) -> None:
    log, other = Stream("log", room=mine), Stream("log", room=theirs)
    file = log.file()
    print("one", file=file)
    print("two\nthree", "and", "more", file=file)
    come_true(theirs, lambda: list(other) == ["one", "two", "three and more"])


def test_an_unfinished_line_waits_until_it_is_flushed(mine: Room) -> None:
    log = Stream("log", room=mine)
    with log.file(flush_seconds=60) as file:
        file.write("be")
        file.write("gun\nof")
        file.flush()
        come_true(mine, lambda: list(log) == ["begun", "of"])
        file.write("end")
    come_true(mine, lambda: log[-1] == "end")
    for use in (lambda: file.write("x"), file.flush):
        with pytest.raises(ValueError, match="got a closed one"):
            use()
    file.close()


def test_of_a_line_that_was_written_over_the_last_state_counts(mine: Room) -> None:
    log = Stream("log", room=mine)
    with log.file() as file:
        file.write(" 10 %\r 50 %\r100 %\nwindows\r\n")
    come_true(mine, lambda: list(log) == ["100 %", "windows"])


def test_a_bar_is_one_line_although_it_flushes(mine: Room) -> None:
    log = Stream("log", room=mine)
    for _ in tqdm(range(30), file=log.file(), mininterval=0):
        pass
    mine.flush()
    come_true(mine, lambda: len(log) == 1)
    assert log[0].startswith("100%|█")
    assert "30/30" in log[0]


def test_a_bar_that_has_ended_arrives_by_itself(mine: Room) -> None:
    log = Stream("log", room=mine)
    file = log.file()
    file.write("\r 99 %\r100 %\n")
    come_true(mine, lambda: list(log) == ["100 %"])


def test_a_flushed_line_is_one_line(mine: Room) -> None:
    log = Stream("log", room=mine)
    file = log.file()
    print("x", end="", flush=True, file=file)
    print(file=file)
    print("y", flush=True, file=file)
    mine.flush()
    come_true(mine, lambda: list(log) == ["x", "y"])


def test_what_utf8_can_not_hold_takes_no_other_line_along(mine: Room) -> None:
    log = Stream("log", room=mine)
    file = log.file()
    for name in ("good 1", "caf\udce9.txt", "\ud83d\ude00", "good 2"):
        print(name, file=file)
    come_true(mine, lambda: list(log) == ["good 1", "caf\ufffd.txt", "😀", "good 2"])


def test_many_lines_go_in_few_messages_and_long_ones_are_cut(mine: Room) -> None:
    log = Stream("log", room=mine)
    with log.file(flush_seconds=60) as file:
        file.write("x" * 150_000 + "\n")
        file.writelines(f"{n}\n" for n in range(5000))
    mine.flush()
    come_true(mine, lambda: len(log) == 5003)
    assert [len(line) for line in log[:3]] == [65536, 65536, 18928]
    assert mine.connection._session.pushes.last_id < 30


def test_what_is_printed_comes_before_what_is_written_later(mine: Room) -> None:
    log = Stream("log", room=mine)
    for number in range(100):
        print(number, file=log.file())
        log.append([number])
    mine.flush()
    come_true(mine, lambda: len(log) == 200)
    assert list(log) == [value for number in range(100) for value in (str(number), [number])]


def test_the_lines_of_threads_that_print_at_once_stay_whole(mine: Room) -> None:
    log = Stream("log", room=mine)
    file = log.file()

    def work(name: int) -> None:
        for number in range(300):
            print(name, number, sep="-", file=file, flush=number % 50 == 0)

    threads = [threading.Thread(target=work, args=[name]) for name in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    mine.flush()
    come_true(mine, lambda: len(log) == 2400)
    for name in range(8):
        own = [line for line in log if line.startswith(f"{name}-")]
        assert own == [f"{name}-{number}" for number in range(300)]


def test_it_takes_the_place_of_the_standard_output(mine: Room) -> None:
    log = Stream("log", room=mine)
    with contextlib.redirect_stdout(log.file()):
        print("printed")
    come_true(mine, lambda: list(log) == ["printed"])


def test_it_is_a_text_file_as_others_are(mine: Room) -> None:
    file = Stream("log", room=mine).file()
    assert (file.writable(), file.readable(), file.seekable(), file.isatty()) == (
        *(True, False, False, False),
    )
    assert (file.encoding, file.name, file.closed) == ("utf-8", "log", False)
    assert file.write("") == 0
    assert file.write("ö\n") == 2
    with pytest.raises(TypeError, match="expected a str, got bytes"):
        file.write(b"x")  # type: ignore[arg-type]
    for refused in (file.fileno, file.read, lambda: file.seek(0)):
        with pytest.raises(io.UnsupportedOperation):
            refused()
    with pytest.raises(io.UnsupportedOperation):
        subprocess.run(["true"], stdout=file)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="cannot pickle a StreamFile"):
        pickle.dumps(file)
    with pytest.raises(ValueError, match="expected flush_seconds of 0 or more, got -1"):
        Stream("log", room=mine).file(flush_seconds=-1)


def test_a_file_that_nobody_holds_is_sent_to_its_end(mine: Room) -> None:
    log = Stream("log", room=mine)
    file = log.file(flush_seconds=60)
    file.write("one\nunfinished")
    del file
    gc.collect()
    mine.flush()
    come_true(mine, lambda: list(log) == ["one", "unfinished"])


def test_a_room_that_is_closed_takes_the_unfinished_line_first(mine: Room, theirs: Room) -> None:
    other = Stream("log", room=theirs)
    file = Stream("log", room=mine).file(flush_seconds=60)
    file.write("one\n 50 %\r100 %")
    mine.close()
    come_true(theirs, lambda: list(other) == ["one", "100 %"])


def test_a_process_that_ends_leaves_nothing_behind(mine: Room, tmp_path: Path) -> None:
    log = Stream("log", room=mine)
    program = f"""
from driftdb_jupyter import Stream
from driftdb_jupyter.client.room import room
file = Stream("log", room=room(url={mine.url!r})).file(flush_seconds=60)
print("one", file=file)
print("unfinished", end="", file=file)
raise SystemExit(3)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (3, b"")
    come_true(mine, lambda: list(log) == ["one", "unfinished"])
