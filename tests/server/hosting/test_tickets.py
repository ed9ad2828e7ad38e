"""Tickets: good once, for a while, in one room."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from driftdb_jupyter.access.credential import Guest, Operator
from driftdb_jupyter.access.grants import Grant
from driftdb_jupyter.access.identity import GUEST, Identity
from driftdb_jupyter.access.owner import Owner, owner_change, owner_secret
from driftdb_jupyter.access.room_access import RoomAccess
from driftdb_jupyter.access.share_link import LinkPerson, LinkTerms, ShareLink
from driftdb_jupyter.access.tokens.claims import Claims
from driftdb_jupyter.access.tokens.keys import KeyId
from driftdb_jupyter.access.tokens.token import Token
from driftdb_jupyter.protocol.errors import RateExceeded
from driftdb_jupyter.protocol.value import Value
from driftdb_jupyter.server.hosting.carried import Carried
from driftdb_jupyter.server.hosting.tickets import SharedTickets, Tickets
from driftdb_jupyter.server.limits.callers import Caller, Callers
from driftdb_jupyter.server.settings import DriftDB

from ...broker.shared import FakeShared, Place

SECRET = owner_secret()
((_, DIGEST),) = owner_change(SECRET)
TERMS = LinkTerms(grants=(Grant(("read",)),), made_at=0.0, people_limit=5)


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_caller() -> Caller:
    """The counters of another address."""
    return Callers(DriftDB())["192.0.2.1"]


@pytest.fixture
def tickets(clock: Clock) -> Tickets:
    return Tickets(30, 3, 2, clock=clock, monotonic=clock)


def test_one_stands_for_its_credential_once(tickets: Tickets) -> None:
    guest = Guest()
    text = tickets.issue(guest, "r", a_caller()).ticket
    assert tickets.redeem(text, "r") is guest
    assert tickets.redeem(text, "r") is None


def test_one_is_good_in_its_room_alone_and_used_up_elsewhere(tickets: Tickets) -> None:
    text = tickets.issue(Guest(), "r", a_caller()).ticket
    assert tickets.redeem(text, "other") is None
    assert tickets.redeem(text, "r") is None


def test_one_ends_by_itself(tickets: Tickets, clock: Clock) -> None:
    ticket = tickets.issue(Guest(), "r", a_caller())
    assert ticket.expires_at == 1030
    clock.now = 1030
    assert tickets.redeem(ticket.ticket, "r") is None


def test_no_more_are_out_than_may_be_and_none_is_forgotten_for_another(
    tickets: Tickets, clock: Clock
) -> None:
    first = tickets.issue(Guest(), "r", a_caller()).ticket
    clock.now += 10
    for _ in range(2):
        tickets.issue(Guest(), "r", a_caller())
    with pytest.raises(RateExceeded) as refused:
        tickets.issue(Guest(), "r", a_caller())
    assert refused.value.retry_after_seconds == 21
    assert tickets.redeem(first, "r") is not None
    tickets.issue(Guest(), "r", a_caller())
    clock.now += 30
    tickets.forget_old()
    assert len(tickets) == 0


def test_one_address_leaves_some_for_others(tickets: Tickets, clock: Clock) -> None:
    greedy = a_caller()
    texts = [tickets.issue(Guest(), "r", greedy).ticket for _ in range(2)]
    with pytest.raises(RateExceeded):
        tickets.issue(Guest(), "r", greedy)
    assert not greedy.forgettable
    tickets.issue(Guest(), "r", a_caller())
    assert tickets.redeem(texts[0], "r") is not None
    tickets.issue(Guest(), "r", greedy)
    clock.now += 30
    tickets.forget_old()
    assert greedy.forgettable


def test_one_ends_with_its_credential(tickets: Tickets, clock: Clock) -> None:
    credential = Operator(GUEST)
    credential.expires_at = 1010.0
    ticket = tickets.issue(credential, "r", a_caller())
    assert ticket.expires_at == 1010
    clock.now = 1010
    assert tickets.redeem(ticket.ticket, "r") is None


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_one_is_good_as_long_though_the_clock_is_set(seconds: float) -> None:
    clock, monotonic = Clock(), Clock()
    tickets = Tickets(30, 2, 2, clock=clock, monotonic=monotonic)
    first, second = [tickets.issue(Guest(), "r", a_caller()).ticket for _ in range(2)]
    clock.now += seconds
    monotonic.now += 29
    assert tickets.redeem(first, "r") is not None
    monotonic.now += 1
    assert tickets.redeem(second, "r") is None
    assert tickets.issue(Guest(), "r", a_caller()).expires_at == clock.now + 30


@pytest.mark.parametrize("text", ["", "unknown", "\ud800", "x" * 100_000])
def test_others_are_worth_nothing(tickets: Tickets, text: str) -> None:
    assert tickets.redeem(text, "r") is None


@pytest.mark.asyncio
class TestShared:
    @pytest.fixture
    def store(self) -> Place:
        return Place()

    @pytest.fixture
    def make(self, store: Place, clock: Clock) -> Callable[[], SharedTickets]:
        """A server among others, in whose rooms there is one link."""
        access = RoomAccess("r")
        access.apply({("link", "a"): msgspec.json.encode(TERMS), ("owner", DIGEST): b"{}"})

        async def access_of(room: str) -> RoomAccess | None:
            return access if room == "r" else None

        def token(claims: Claims, key_id: KeyId) -> Token | None:
            if key_id != ("HS256", "known"):
                return None
            return Token(claims, expires_at=2000, key_id=key_id, is_key_known=lambda: True)

        def make() -> SharedTickets:
            own = Tickets(30, 3, 2, clock=clock, monotonic=clock)
            carried = Carried(guest=Guest(), token=token, access=access_of)
            return SharedTickets(own, FakeShared(store), carried, clock)

        return make

    async def test_one_is_good_at_any_server_once(self, make: Callable[[], SharedTickets]) -> None:
        one, other = make(), make()
        for server in (one, other):
            text = (await one.issue(Guest(), "r", a_caller())).ticket
            assert await server.redeem(text, "r") is not None
            for again in (one, other):
                assert await again.redeem(text, "r") is None

    async def test_it_stands_for_the_same_person_with_the_same_rights(
        self, make: Callable[[], SharedTickets]
    ) -> None:
        link = ShareLink("a", TERMS)
        identity = Identity("link", user=Value.from_json(b'{"name":"Ada"}'), link="a")
        claims = Claims(room="r", grants=TERMS.grants, expires_at=1500, subject="ada", id="1")
        access = RoomAccess("r")
        access.apply({("link", "a"): msgspec.json.encode(TERMS), ("owner", DIGEST): b"{}"})
        for credential in (
            Owner(SECRET),
            LinkPerson("r", link, "person", identity),
            Token(claims, expires_at=2000, key_id=("HS256", "known"), is_key_known=lambda: True),
        ):
            text = (await make().issue(credential, "r", a_caller())).ticket
            found = await make().redeem(text, "r")
            assert type(found) is type(credential)
            assert found is not None
            assert found.identity == credential.identity
            assert found.grants(access) == credential.grants(access)

    async def test_nothing_that_is_shared_opens_anything(
        self, make: Callable[[], SharedTickets], store: Place
    ) -> None:
        text = (await make().issue(Owner(SECRET), "r", a_caller())).ticket
        ((name, content),) = store.lent.items()
        for secret in (text, SECRET):
            assert secret not in name + content.decode()

    async def test_one_is_for_its_room_and_as_long_as_its_link_and_key_are_there(
        self, make: Callable[[], SharedTickets]
    ) -> None:
        claims = Claims(room="r", expires_at=1500)
        gone = LinkPerson("r", ShareLink("gone", TERMS), "person", Identity("link", link="gone"))
        old = Token(claims, expires_at=2000, key_id=("HS256", "old"), is_key_known=lambda: True)
        for credential, room in ((Guest(), "other"), (gone, "r"), (old, "r")):
            text = (await make().issue(credential, "r", a_caller())).ticket
            assert await make().redeem(text, room) is None

    async def test_what_only_one_server_knows_is_good_there_alone(
        self, make: Callable[[], SharedTickets], store: Place
    ) -> None:
        one = make()
        operator = Operator(GUEST)
        text = (await one.issue(operator, "r", a_caller())).ticket
        assert store.lent == {}
        assert await make().redeem(text, "r") is None
        assert await one.redeem(text, "r") is operator

    async def test_where_nobody_comes_in_with_nothing_no_guest_does_by_a_ticket(
        self, make: Callable[[], SharedTickets], store: Place, clock: Clock
    ) -> None:
        async def access(room: str) -> RoomAccess | None:
            return None

        own = Tickets(30, 3, 2, clock=clock, monotonic=clock)
        carried = Carried(guest=None, token=None, access=access)
        strict = SharedTickets(own, FakeShared(store), carried, clock)
        claims = Claims(room="r", expires_at=1500)
        token = Token(claims, expires_at=2000, key_id=("HS256", "known"), is_key_known=lambda: True)
        for credential in (Guest(), Owner(SECRET), token):
            text = (await make().issue(credential, "r", a_caller())).ticket
            assert await strict.redeem(text, "r") is None
