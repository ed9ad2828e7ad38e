"""The schedules would find such faults of several servers: each is planted, and must show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from driftdb_jupyter.broker.redis import replica, snapshot, store
from driftdb_jupyter.broker.redis.connecting import PUSH, ROOM, Identity, Script
from driftdb_jupyter.broker.redis.open_rooms import OpenRooms
from driftdb_jupyter.broker.redis.presence import PresenceTold, RedisPresence
from driftdb_jupyter.broker.redis.presences import Presences
from driftdb_jupyter.broker.redis.record import Begun, Record
from driftdb_jupyter.broker.redis.replica import Replica
from driftdb_jupyter.broker.redis.sequencer import RedisSequencer
from driftdb_jupyter.broker.redis.snapshot import SnapshotReader
from driftdb_jupyter.broker.redis.store import Store
from driftdb_jupyter.rooms.room import Applied

from ..schedule import Step
from . import redis
from .world import SCHEDULES, run

Plant = Callable[[pytest.MonkeyPatch], None]
BUGS: dict[str, Plant] = {}


def bug(plant: Plant) -> Plant:
    """Note a fault under the name of its function."""
    BUGS[plant.__name__] = plant
    return plant


def altered(plant: pytest.MonkeyPatch, old: str, new: str, *, script: Script = ROOM) -> None:
    """Put something in the place of something else in a script."""
    assert old.encode() in script.text
    plant.setattr(redis, "alterations", [(old.encode(), new.encode())])


@bug
def a_gap_is_not_noticed(plant: pytest.MonkeyPatch) -> None:
    def take(self: Replica, record: Record) -> None:
        if record.number > self.number:
            self.time = record.before
            self._apply(record)

    plant.setattr(Replica, "take", take)


@bug
def what_comes_twice_is_applied_twice(plant: pytest.MonkeyPatch) -> None:
    take = Replica.take

    def again(self: Replica, record: Record) -> None:
        if record.number == self.number:
            self.number, self.time = record.number - 1, record.before
        take(self, record)

    plant.setattr(Replica, "take", again)


@bug
def what_was_missed_is_never_read(plant: pytest.MonkeyPatch) -> None:
    def nothing(self: OpenRooms, room: RedisSequencer) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    plant.setattr(OpenRooms, "catch_up", nothing)


@bug
def a_push_is_answered_before_it_is_in_order(plant: pytest.MonkeyPatch) -> None:
    taken = OpenRooms.taken

    def hasty(self: OpenRooms, sequencer: RedisSequencer, record: Record) -> None:
        for waiting in sequencer._sent.get(record.batch, ()):
            push = waiting.gathered.push
            waiting.pusher.answer(push, Applied(push.key, sequencer.room.seq + 1))
        taken(self, sequencer, record)

    plant.setattr(OpenRooms, "taken", hasty)


@bug
def a_snapshot_overtakes(plant: pytest.MonkeyPatch) -> None:
    altered(plant, "or before >= tonumber(number) then", "then")


@bug
def a_snapshot_of_a_lost_history_is_taken(plant: pytest.MonkeyPatch) -> None:
    do = Store.do

    async def any_generation(self: Store, *parts: Any, generation: Any = None, **more: Any) -> Any:
        return await do(self, *parts, **more)

    plant.setattr(Store, "do", any_generation)


@bug
def the_log_is_trimmed_beyond_the_snapshot(plant: pytest.MonkeyPatch) -> None:
    altered(
        plant,
        "'MINID', string.format('%.0f-0', before + 1)",
        "'MINID', string.format('%.0f-0', tonumber(number) + 3)",
    )


@bug
def snapshots_forget_which_pushes_were_applied(plant: pytest.MonkeyPatch) -> None:
    parts = snapshot._parts

    def without(head: Any, streams: Any, clients: Any, *rest: Any) -> Any:
        return parts(head, streams, [], *rest)

    plant.setattr(snapshot, "_parts", without)


@bug
def snapshots_forget_what_clients_may_have_missed(plant: pytest.MonkeyPatch) -> None:
    take = SnapshotReader._take

    def without(self: SnapshotReader, part: Any) -> None:
        if isinstance(part, snapshot._Window):
            self.room.remember().forget((self.room.seq, {}), relays=(self.room.seq, {}))
        elif not isinstance(part, snapshot._Broadcasts):
            take(self, part)

    plant.setattr(SnapshotReader, "_take", without)


@bug
def an_epoch_is_kept_over_a_failover(plant: pytest.MonkeyPatch) -> None:
    async def identify(connection: object) -> Identity:
        return Identity("always the same", None)

    plant.setattr(store, "identify", identify)
    plant.setattr(Store, "doubt", lambda self: None)


@bug
def a_batch_that_is_sent_again_is_taken_again(plant: pytest.MonkeyPatch) -> None:
    check = "if known[4] and tonumber(known[4]) >= tonumber(batch) then"
    altered(plant, check, "if false then", script=PUSH)


@bug
def a_server_decides_by_its_own_settings(plant: pytest.MonkeyPatch) -> None:
    begin = RedisSequencer._begin

    def own(self: RedisSequencer, begun: Begun) -> None:
        begin(self, begun)
        handle: Any = self._handle
        self.room.quota = handle._store._own_bounds.quota

    plant.setattr(RedisSequencer, "_begin", own)


@bug
def time_is_a_servers_own(plant: pytest.MonkeyPatch) -> None:
    apply_push = Replica._apply_push

    def timed(self: Any, gathered: replica.Gathered) -> Any:
        time, self.time = self.time, int(self._handle._store._monotonic() * 1e6) + self.time % 1000
        try:
            return apply_push(self, gathered)
        finally:
            self.time = time

    plant.setattr(Replica, "_apply_push", timed)


@bug
def a_client_is_answered_by_a_server_that_knows_less(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(RedisSequencer, "behind", lambda self, epoch, seq: None)


@bug
def a_lease_never_ends(plant: pytest.MonkeyPatch) -> None:
    altered(plant, "string.format('(%.0f', time), '+inf'),", "'-inf', '+inf'),")


@bug
def a_presence_that_is_told_and_not_heard_is_not_noticed(plant: pytest.MonkeyPatch) -> None:
    def hear(self: RedisPresence, time: int, before: int, told: PresenceTold) -> bool:
        self.hear(told)
        return True

    plant.setattr(RedisPresence, "hear_next", hear)
    plant.setattr(Presences, "changed", lambda self, name, at: None)


@bug
def old_news_of_a_presence_are_believed_for_ever(plant: pytest.MonkeyPatch) -> None:
    hear = RedisPresence.hear

    def credulous(self: RedisPresence, told: Any) -> None:
        hear(self, told)
        self._claims.clear()

    plant.setattr(RedisPresence, "hear", credulous)


SEEDS = {
    "a_gap_is_not_noticed": 15,
    "what_was_missed_is_never_read": 27,
    "a_snapshot_of_a_lost_history_is_taken": 58,
    "an_epoch_is_kept_over_a_failover": 10,
    "a_lease_never_ends": 44,
    "old_news_of_a_presence_are_believed_for_ever": 223,
    "a_snapshot_overtakes": 39,
    "a_batch_that_is_sent_again_is_taken_again": 66,
    "the_log_is_trimmed_beyond_the_snapshot": 11,
    "snapshots_forget_what_clients_may_have_missed": 54,
    "a_client_is_answered_by_a_server_that_knows_less": 18,
    "a_presence_that_is_told_and_not_heard_is_not_noticed": 27,
}
"""The seeds of schedules in which bugs show, so as not to look for long."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    first = SEEDS.get(name, 0)
    with pytest.MonkeyPatch.context() as planting:
        BUGS[name](planting)
        seeds = range(first, first + 1_000)
        seed = next((seed for seed in seeds if fails(SCHEDULES.one(Random(seed)))), None)
    assert seed is not None, "it shows in no schedule"
    assert not fails(SCHEDULES.one(Random(seed))), f"{seed} fails without it, too"


def fails(schedule: Sequence[Step]) -> bool:
    """Return True if a promise is broken; a crash is raised, for it shows nothing of that."""
    try:
        run(schedule)
    except AssertionError:
        return True
    return False
