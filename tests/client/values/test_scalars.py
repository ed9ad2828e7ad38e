from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftdb_jupyter.client.values.encoding import decode, encode
from driftdb_jupyter.protocol.errors import EncodingError

offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# Further apart, seconds in a double no longer hold each microsecond.
durations = st.timedeltas(timedelta(days=-365 * 270), timedelta(days=365 * 270))

scalars: st.SearchStrategy[Any] = (
    st.floats(allow_nan=False)
    | st.binary()
    | st.dates()
    | st.datetimes(timezones=st.none() | offsets)
    | st.times(timezones=st.none() | offsets)
    | durations
    | st.decimals(allow_nan=False)
    | st.uuids()
)


@given(
    st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["$a", "$date", "b"]), inner)
        ),
        max_leaves=6,
    )
)
def test_each_comes_back_as_it_was_and_of_its_own_type(value: Any) -> None:
    back = decode(encode(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.inf, '{"$float":"inf"}'),
        (-math.inf, '{"$float":"-inf"}'),
        (math.nan, '{"$float":"nan"}'),
        (b"\xff\x00", '{"$bytes":"/wA="}'),
        (memoryview(b"abcd")[::2], '{"$bytes":"YWM="}'),
        (date(2024, 2, 29), '{"$date":"2024-02-29"}'),
        (datetime(2024, 2, 29, 12), '{"$datetime":"2024-02-29T12:00:00"}'),
        (
            datetime(2024, 2, 29, 12, 0, 0, 5, timezone.utc),
            '{"$datetime":"2024-02-29T12:00:00.000005+00:00"}',
        ),
        (time(12, 30), '{"$time":"12:30:00"}'),
        (timedelta(minutes=-1.5), '{"$timedelta":-90.0}'),
        (Decimal("1.50"), '{"$decimal":"1.50"}'),
        (Decimal("sNaN"), '{"$decimal":"sNaN"}'),
        (UUID(int=1), '{"$uuid":"00000000-0000-0000-0000-000000000001"}'),
    ],
)
def test_each_is_written_as_the_docs_say(value: Any, text: str) -> None:
    assert encode(value).decode() == text


def test_of_a_time_zone_the_offset_stays() -> None:
    berlin = datetime(2024, 2, 29, 12, tzinfo=ZoneInfo("Europe/Berlin"))
    assert decode(encode(berlin)).isoformat() == "2024-02-29T12:00:00+01:00"


def test_a_time_whose_offset_depends_on_the_day_is_refused() -> None:
    with pytest.raises(EncodingError, match=r"^value\[0\]: expected a time whose zone has one "):
        encode([time(12, tzinfo=ZoneInfo("Europe/Berlin"))])


def test_moments_are_read_as_javascript_and_pandas_write_them() -> None:
    assert decode('[{"$datetime":"2024-02-29T12:00:00.250Z"}]') == [
        datetime(2024, 2, 29, 12, 0, 0, 250_000, timezone.utc)
    ]
    assert decode('[{"$datetime":"2024-02-29T12:00:00.123456789"}]') == [
        datetime(2024, 2, 29, 12, 0, 0, 123_456)
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"$float":"NaN"}',
        '{"$float":[]}',
        '{"$float":1.5}',
        '{"$bytes":"a"}',
        '{"$bytes":"ä==="}',
        '{"$bytes":null}',
        '{"$date":"2024-02-30"}',
        '{"$date":20240229}',
        '{"$datetime":"soon"}',
        '{"$datetime":{}}',
        '{"$time":"25:00"}',
        '{"$timedelta":"1"}',
        '{"$timedelta":true}',
        '{"$timedelta":1e300}',
        '{"$decimal":"one"}',
        '{"$decimal":[0,[1],0]}',
        '{"$decimal":"1e99999999999999999999"}',
        '{"$uuid":"1"}',
        '{"$uuid":7}',
        '{"$object":[]}',
        '{"$unheard":"of"}',
        '{"$":""}',
        '{"$bytes":"","more":1}',
    ],
)
def test_what_only_looks_encoded_stays_as_it_is(text: str) -> None:
    value = decode(text)
    assert isinstance(value, dict)
    assert decode(encode(value)) == value
