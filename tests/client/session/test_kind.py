from __future__ import annotations

import json

import pytest

from driftdb_jupyter.client.session.kind import Kind, kind_in_meta, looks_like
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.protocol.errors import WrongKind


def tell(session: Session, **message: object) -> None:
    session.receive(json.dumps({"epoch": "E", "recovered": False, **message}))


def asked(session: Session) -> list[tuple[str, str]]:
    frames = [json.loads(frame) for frame in session.outgoing()]
    return [(frame["type"], frame["key"]) for frame in frames]


def opened(kind: Kind, *values: object, meta: object = None) -> Session:
    """Return a session that uses a key as a kind, in a room that holds these values there."""
    session = Session()
    if kind == "state":
        session.state("k", kind=kind).offer(b"0")
    else:
        session.log("k", kind=kind, keep=True)
    session.connected()
    session.outgoing()
    described = [] if meta is None else [{"value": meta, "seq": 1}]
    tell(session, type="init", key="$meta/k", data=described)
    data = [{"value": value, "seq": seq} for seq, value in enumerate(values, 5)]
    tell(session, type="init", key="k", data=data)
    return session


def replica(session: Session, kind: Kind) -> object:
    return (
        session.state("k", kind=kind) if kind == "state" else session.log("k", kind=kind, keep=True)
    )


def write(session: Session, kind: Kind) -> None:
    if kind == "state":
        session.state("k", kind=kind).write(b"7")
    else:
        session.log("k", kind=kind, keep=True).push(b"1", keep=True)


STATE = {"v": 1, "i": ""}
ACTION = {"apply": 1, "i": "x"}
SNAPSHOT = {"reset": [1]}


@pytest.mark.parametrize(
    ("value", "several", "kind"),
    [
        (STATE, False, "state"),
        (STATE, True, "stream"),
        ({**SNAPSHOT, "initial": "A"}, False, "reducer"),
        ({"v": 1, "i": 1}, False, None),
        ({"v": 1}, False, None),
        (ACTION, False, "reducer"),
        (ACTION, True, "reducer"),
        ({"apply": 1}, False, None),
        (SNAPSHOT, False, "reducer"),
        ({"parts": 1, "of": "S"}, False, "reducer"),
        ({"part": 0, "of": "S", "text": "1"}, True, "reducer"),
        ({"reset": 1, "more": 2}, True, "stream"),
        (5, False, None),
        (5, True, "stream"),
        ("\ud800", True, "stream"),
    ],
)
def test_values_tell_what_they_are_of(value: object, several: bool, kind: Kind | None) -> None:
    assert looks_like(json.dumps(value).encode(), several=several) == kind


@pytest.mark.parametrize(
    ("meta", "kind"),
    [
        ({"kind": "stream"}, "stream"),
        ({"v": {"kind": "dict"}, "i": ""}, "dict"),
        ({"kind": "presence"}, None),
        ({"kind": 5}, None),
        ("stream", None),
    ],
)
def test_a_description_names_a_kind(meta: object, kind: Kind | None) -> None:
    assert kind_in_meta(json.dumps(meta).encode()) == kind


def test_what_a_key_is_said_to_be_is_asked_for_first_and_once() -> None:
    session = Session()
    session.log("k", kind="stream", keep=True)
    session.connected()
    assert asked(session) == [("get", "$meta/k"), ("get", "k")]
    tell(session, type="init", key="$meta/k", data=[])
    assert asked(session) == [("unsubscribe", "$meta/k")]
    tell(session, type="init", key="k", data=[])
    session.disconnected()
    session.connected()
    assert asked(session) == [("get", "k")]


def test_who_hears_a_description_goes_on_hearing_it() -> None:
    session = Session()
    session.state("$meta/k")
    session.log("k", kind="stream", keep=True)
    session.connected()
    session.outgoing()
    tell(session, type="init", key="$meta/k", data=[])
    assert asked(session) == []


@pytest.mark.parametrize(
    ("wanted", "values", "meta", "found"),
    [
        ("state", [ACTION], None, "reducer"),
        ("state", [1, 2], None, "stream"),
        ("state", [], {"kind": "channel"}, "channel"),
        ("stream", [STATE], None, "state"),
        ("stream", [SNAPSHOT, ACTION], None, "reducer"),
        ("channel", [STATE], None, "state"),
        ("reducer", [STATE], None, "state"),
        ("reducer", [1, 2], None, "stream"),
        ("reducer", [ACTION], {"kind": "dict"}, "dict"),
        ("dict", [ACTION], {"kind": "reducer"}, "reducer"),
        ("stream", [1, 2], {"kind": "channel"}, "channel"),
    ],
)
def test_another_kind_is_refused_and_writes_nothing(
    wanted: Kind, values: list[object], meta: object, found: Kind
) -> None:
    session = opened(wanted, *values, meta=meta)
    with pytest.raises(
        WrongKind, match=f"the key 'k' for a {wanted}, got .* as a {found}"
    ) as raised:
        write(session, wanted)
    assert (raised.value.key, raised.value.wanted, raised.value.found) == ("k", wanted, found)
    assert [each for each in asked(session) if each[0] == "push"] == []


@pytest.mark.parametrize(
    ("wanted", "values", "meta"),
    [
        ("state", [5], None),
        ("stream", [5], None),
        ("stream", [STATE], {"kind": "stream"}),
        ("stream", [ACTION, ACTION], {"v": {"kind": "stream"}, "i": ""}),
        ("dict", [ACTION], None),
        ("reducer", [ACTION], None),
        ("state", [STATE], {"kind": "presence"}),
    ],
)
def test_its_own_kind_and_what_tells_none_are_taken(
    wanted: Kind, values: list[object], meta: object
) -> None:
    session = opened(wanted, *values, meta=meta)
    write(session, wanted)
    assert ("push", "k") in asked(session)


def test_a_key_that_becomes_another_kind_is_not_written_to_any_more() -> None:
    session = opened("state")
    session.outgoing()
    tell(session, type="push", key="k", value=ACTION, seq=9)
    with pytest.raises(WrongKind):
        write(session, "state")


def test_a_stream_may_hold_what_looks_like_a_state() -> None:
    session = opened("stream")
    log = session.log("k", kind="stream", keep=True)
    log.push(json.dumps(STATE).encode(), keep=True)
    tell(session, type="push", key="k", value=STATE, seq=9)
    write(session, "stream")


def test_a_key_that_is_deleted_may_become_another_kind() -> None:
    session = opened("stream", 1, 2, meta={"kind": "stream"})
    tell(session, type="delete", key="k", seq=9)
    tell(session, type="push", key="k", value=STATE, seq=10)
    with pytest.raises(WrongKind, match="as a state"):
        write(session, "stream")


def test_two_kinds_in_one_process_are_refused() -> None:
    session = opened("stream")
    with pytest.raises(WrongKind, match="for a channel, got one that is in use as a stream"):
        session.log("k", kind="channel", keep=False)
    with pytest.raises(WrongKind, match="for a state, got one that is in use as a stream"):
        session.state("k", kind="state")
