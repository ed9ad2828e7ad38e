"""However a message is made, no step of taking it and of converting its value takes long."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest

from driftdb_jupyter.protocol.cbor_codec import CBOR
from driftdb_jupyter.protocol.codec import Codec
from driftdb_jupyter.protocol.messages import Push
from driftdb_jupyter.protocol.steps import Steps
from driftdb_jupyter.protocol.value import Value, prepare

from .extremes import LIMITS, extremes, table

# A step may take that many times as long as all of a usual message that is as large as it may be.
MOST = 0.65
TRIES = 12


def longest_step(steps: Steps[object]) -> tuple[float, object]:
    """The processor time of the longest of some steps, and what they return."""
    longest = 0.0
    while True:
        began = time.thread_time()
        try:
            next(steps)
        except StopIteration as end:
            return max(longest, time.thread_time() - began), end.value
        longest = max(longest, time.thread_time() - began)


def step_of(message: bytes, codec: Codec) -> float:
    """The longest step of taking a push, and of converting its value for the others."""
    longest, push = longest_step(codec.decode_in_steps(message, LIMITS))
    assert isinstance(push, Push)
    (value,) = codec.values(push, LIMITS)
    converting, _ = longest_step(prepare([value]))
    return max(longest, converting)


@pytest.fixture(scope="module")
def usual() -> float:
    """How long a large table takes, to be decoded and converted."""
    message = table()

    def take() -> float:
        began = time.thread_time()
        push = CBOR.decode(message, LIMITS)
        assert isinstance(push, Push)
        Value.from_cbor(push.value).as_json()
        return time.thread_time() - began

    return min(take() for _ in range(7))


@pytest.fixture(autouse=True)
def no_collections() -> object:
    gc.disable()
    yield
    gc.enable()


CASES = list(extremes())


@pytest.mark.parametrize(
    ("codec", "make"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_no_step_takes_long(codec: Codec, make: Callable[[], bytes], usual: float) -> None:
    message = make()
    longest = usual * 100
    for _ in range(TRIES):  # the machine may be busy
        longest = min(longest, step_of(message, codec))
        if longest < MOST * usual:
            break
    assert longest < MOST * usual
