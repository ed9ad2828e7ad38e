"""What two ends agree on about compression; the messages themselves are in ``tests/rfc6455``."""

from __future__ import annotations

import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.server.receiving.deflate import Deflate

NAME = "permessage-deflate"


def accepted(offers: str) -> Deflate:
    deflate = Deflate.accept(offers)
    assert deflate is not None
    return deflate


@given(
    st.lists(st.binary(max_size=300), max_size=6),
    st.sampled_from(["", "; server_no_context_takeover"]),
    st.integers(9, 15),
)
def test_what_is_deflated_can_be_inflated_with_the_window_that_was_agreed_on(
    messages: list[bytes], takes_over: str, bits: int
) -> None:
    deflate = accepted(f"{NAME}{takes_over}; server_max_window_bits={bits}")
    inflater = zlib.decompressobj(-bits)
    for message in messages:
        if takes_over:
            inflater = zlib.decompressobj(-bits)
        content = deflate.deflate(message)
        assert inflater.decompress(content + b"\x00\x00\xff\xff") == message


@given(st.binary(max_size=200), st.integers(0, 1000))
def test_any_bytes_are_inflated_up_to_the_limit_or_refused(content: bytes, limit: int) -> None:
    try:
        message = accepted(NAME).inflate(content, limit)
    except ValueError:
        return
    assert len(message) <= limit + 1


@given(st.text(max_size=300))
def test_any_offer_is_accepted_or_declined(offers: str) -> None:
    deflate = Deflate.accept(offers)
    assert deflate is None or deflate.agreed.startswith(NAME)


@pytest.mark.parametrize("piece", [" ", ";", ",", "=", '"', f"{NAME};", "a;", ";a="])
def test_reading_long_offers_takes_time_in_proportion(piece: str) -> None:
    def seconds(length: int) -> float:
        offers = NAME + piece * (length // len(piece)) + "!"
        times = []
        for _ in range(3):
            began = time.process_time()
            Deflate.accept(offers)
            times.append(time.process_time() - began)
        return min(times)

    assert seconds(160_000) < 100 * max(seconds(10_000), 1e-3)
