"""The schedules would find such faults: each is planted, and must show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest
from msgspec import structs

from driftdb_jupyter.broker.broker import NOBODY
from driftdb_jupyter.broker.file import journal
from driftdb_jupyter.broker.file.batch import Batch
from driftdb_jupyter.broker.file.bulk_read import read_entries
from driftdb_jupyter.broker.file.journal import Journal
from driftdb_jupyter.broker.journaled import batched
from driftdb_jupyter.broker.journaled.batched import BatchedSequencer
from driftdb_jupyter.broker.journaled.broker import JournalBroker
from driftdb_jupyter.broker.journaled.committer import Committer
from driftdb_jupyter.broker.journaled.draft import Draft
from driftdb_jupyter.broker.journaled.rows import RoomRows
from driftdb_jupyter.broker.journaled.sequencer import JournaledSequencer
from driftdb_jupyter.broker.journaled.synced import SyncedSequencer
from driftdb_jupyter.client.session import messages
from driftdb_jupyter.client.session.log import LogReplica
from driftdb_jupyter.client.session.messages import Incoming, Value
from driftdb_jupyter.client.session.presence import PresenceReplica
from driftdb_jupyter.client.session.pushes import Pushes
from driftdb_jupyter.client.session.replica import Replica
from driftdb_jupyter.client.session.session import Session
from driftdb_jupyter.client.session.state import StateReplica
from driftdb_jupyter.client.transport.heartbeat import Heartbeat
from driftdb_jupyter.protocol.errors import Refusal
from driftdb_jupyter.protocol.steps import Steps
from driftdb_jupyter.rooms.presence import Presence
from driftdb_jupyter.rooms.producer import Producer, Producers
from driftdb_jupyter.rooms.room import Applied, Room
from driftdb_jupyter.rooms.window import Window
from driftdb_jupyter.server.hosting.peer import Peer

from . import client, server
from .journaled import Durability, serving
from .schedule import Step
from .world import SCHEDULES, World

Plant = Callable[[pytest.MonkeyPatch], None]
BUGS: dict[str, Plant] = {}
JOURNAL_BUGS: dict[str, Plant] = {}


def bug(plant: Plant) -> Plant:
    """Note a fault under the name of its function."""
    BUGS[plant.__name__] = plant
    return plant


def journal_bug(plant: Plant) -> Plant:
    """Note a fault of the broker, or of its journal."""
    JOURNAL_BUGS[plant.__name__] = plant
    return plant


def answered(change: Callable[[Replica, Incoming], Incoming]) -> Callable[..., Any]:
    """``Replica.initialized`` with another answer than the one that came."""
    initialized = Replica.initialized

    def misled(self: Replica, answer: Incoming) -> bytes | None:
        return initialized(self, change(self, answer))

    return misled


def changed(answer: Incoming, **fields: object) -> Incoming:
    for name, value in fields.items():
        setattr(answer, name, value)
    return answer


@bug
def nothing_is_sent_again(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Pushes, "send_again", lambda self: None)


@bug
def what_is_sent_again_has_a_new_id(plant: pytest.MonkeyPatch) -> None:
    def again(self: Pushes) -> None:
        pushes, self._pushes = self._pushes, type(self._pushes)()
        self._unsent.clear()
        for old_id, push in pushes.items():
            self.last_id += 1
            frame = push.frame.replace(b'"id":%d' % old_id, b'"id":%d' % self.last_id)
            self._pushes[self.last_id] = push._replace(frame=frame)
            self._unsent[self.last_id] = None

    plant.setattr(Pushes, "send_again", again)


@bug
def a_refused_id_is_used_again(plant: pytest.MonkeyPatch) -> None:
    done = Pushes.done

    def reuse(self: Pushes, push_id: int) -> Any:
        if push_id == self.last_id:
            self.last_id -= 1
        return done(self, push_id)

    plant.setattr(Pushes, "done", reuse)


@bug
def more_is_in_flight_than_the_server_remembers(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(client._SmallPushes, "widest_window", 1_000)
    plant.setattr(client._SmallPushes, "narrowest_window", 1_000)
    plant.setattr(client, "QUEUE_LIMIT_COUNT", 1_000)


@bug
def what_the_server_has_no_time_for_is_given_up(plant: pytest.MonkeyPatch) -> None:
    refused = Session._refused

    def give_up(self: Session, push_id: int | None, error: Refusal) -> None:
        refused(self, push_id, Refusal(str(error)))

    plant.setattr(Session, "_refused", give_up)


@bug
def what_the_server_has_no_time_for_waits_for_ever(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Session, "retry", lambda self: None)


@bug
def a_start_over_is_taken_for_what_was_missed(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(
        Replica,
        "initialized",
        answered(lambda self, answer: changed(answer, recovered=self.epoch is not None)),
    )


@bug
def what_was_missed_is_taken_for_a_start_over(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(
        Replica, "initialized", answered(lambda _, answer: changed(answer, recovered=False))
    )


@bug
def the_epoch_is_not_looked_at(plant: pytest.MonkeyPatch) -> None:
    recover = Room.recover

    def in_any_epoch(self: Room, key: str, *, epoch: str | None, above: int) -> Any:
        return recover(self, key, epoch=epoch and self.epoch, above=above)

    plant.setattr(Room, "recover", in_any_epoch)


@bug
def only_the_first_page_is_read(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Replica, "initialized", answered(lambda _, answer: changed(answer, more=False)))


@bug
def keys_are_not_asked_for_again(plant: pytest.MonkeyPatch) -> None:
    def connected(self: Session) -> None:
        self.pushes.online = True
        self.pushes.send_again()

    plant.setattr(Session, "connected", connected)


@bug
def a_lost_initial_value_is_not_offered_again(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(StateReplica, "_caught_up", Replica._caught_up)


@bug
def an_own_value_does_not_give_way(plant: pytest.MonkeyPatch) -> None:
    def settle(self: StateReplica) -> None:
        own = self._queued or self._flying
        known = (own.value if own else None, self._shown, self.confirmed, self.initial)
        self._shown = next((value for value in known if value is not None), None)
        self._notices.touched(self.key)

    plant.setattr(StateReplica, "_settle", settle)


@bug
def an_update_is_written_over_what_came_between(plant: pytest.MonkeyPatch) -> None:
    next_write = StateReplica.next_write

    def careless(self: StateReplica) -> None:
        if self._queued is not None:
            self._queued.depends = False
        next_write(self)

    plant.setattr(StateReplica, "next_write", careless)


@bug
def an_update_that_came_too_late_is_given_up(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(StateReplica, "_try_again", lambda self, flying, conflict: None)


@bug
def a_dead_connection_is_kept(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Heartbeat, "tick", lambda self, now, doubtful=False: "well")


@bug
def one_push_of_many_is_not_heard(plant: pytest.MonkeyPatch) -> None:
    heard = LogReplica._heard

    def mishear(self: LogReplica, value: Value) -> None:
        if value.seq % 7:
            heard(self, value)

    plant.setattr(LogReplica, "_heard", mishear)


@bug
def the_server_applies_what_is_sent_again(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Producer, "knows", lambda self, push_id: False)


@bug
def the_server_drops_what_a_slow_peer_does_not_take(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Peer, "close", lambda self, code, reason: None)


@bug
def the_server_forgets_the_oldest_push_that_was_missed(plant: pytest.MonkeyPatch) -> None:
    above = Window.above

    def too_few(self: Window, key: str, seq: int) -> Any:
        missed = above(self, key, seq)
        return missed and missed[1:]

    plant.setattr(Window, "above", too_few)


@bug
def the_server_acknowledges_before_it_commits(plant: pytest.MonkeyPatch) -> None:
    push = server.Server.push

    def hasty(self: server.Server, *arguments: Any) -> None:
        push(self, *arguments)
        self._answer()

    plant.setattr(server.Server, "push", hasty)


@bug
def the_server_keeps_its_epoch_though_it_lost_its_tail(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(server.Server, "_new_epoch", lambda self: "epoch")


def changed_batch(change: Callable[[Batch], None]) -> Callable[..., Any]:
    """``Journal.commit`` that writes something else than it was given."""
    commit = Journal.commit

    def commit_changed(self: Journal, batches: Sequence[Batch]) -> None:
        for batch in batches:
            change(batch)
        commit(self, batches)

    return commit_changed


@bug
def a_new_connection_does_not_say_who_is_there(plant: pytest.MonkeyPatch) -> None:
    ask = PresenceReplica.ask

    def silent(self: PresenceReplica) -> list[bytes]:
        asked = ask(self)
        self._unsent = False
        return asked

    plant.setattr(PresenceReplica, "ask", silent)


@bug
def a_withdrawal_is_said_once(plant: pytest.MonkeyPatch) -> None:
    def forget(self: Session, key: str) -> None:
        if self._presences.pop(key).spoke and self.online:
            self._notices.outbox.append(messages.set_presence(key, None))

    plant.setattr(Session, "forget_presence", forget)


@bug
def who_left_is_shown_for_ever(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Presence, "expire", lambda self, until: [])


@journal_bug
def ids_are_not_written(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Journal, "commit", changed_batch(lambda batch: batch.ids.clear()))


@journal_bug
def an_entry_is_not_written(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(
        Journal, "commit", changed_batch(lambda batch: batch.entries.__delitem__(slice(1)))
    )


@journal_bug
def batched_acknowledges_before_the_commit(plant: pytest.MonkeyPatch) -> None:
    answer = BatchedSequencer._answer

    def hasty(self: BatchedSequencer, *arguments: Any, wait: bool = False) -> bool:
        return answer(self, *arguments)

    plant.setattr(BatchedSequencer, "_answer", hasty)


@journal_bug
def synced_shows_before_the_commit(plant: pytest.MonkeyPatch) -> None:
    take = SyncedSequencer.take

    def hasty(self: SyncedSequencer) -> Batch | None:
        batch = take(self)
        shown, self._in_flight = self._in_flight, []
        for waiting in shown:
            self._show(waiting)
        return batch

    plant.setattr(SyncedSequencer, "take", hasty)


@journal_bug
def a_commit_that_failed_is_taken_for_done(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(SyncedSequencer, "failed", lambda self, reason: self.committed() or False)
    plant.setattr(Journal, "commit", lambda self, batches: None)


@journal_bug
def a_refused_push_is_remembered(plant: pytest.MonkeyPatch) -> None:
    failed = SyncedSequencer.failed

    def remember(self: SyncedSequencer, reason: str) -> bool:
        for waiting in (*self._in_flight, *self._waiting):
            client, applied = waiting.pusher.client, waiting.outcome
            if waiting.push.id is not None and client is not None and isinstance(applied, Applied):
                assert applied.seq is not None
                self.room.producers.get(client).applied(waiting.push.id, applied.seq)
        return failed(self, reason)

    plant.setattr(SyncedSequencer, "failed", remember)


@journal_bug
def a_crash_keeps_the_epoch(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Journal, "begin", lambda self: 0)


@journal_bug
def a_room_that_is_left_forgets_the_ids_of_relays(plant: pytest.MonkeyPatch) -> None:
    committed = SyncedSequencer.committed

    def forgetful(self: SyncedSequencer) -> None:
        in_use, self.in_use = self.in_use, True
        committed(self)
        self.in_use = in_use
        self._handle.written(self)

    plant.setattr(SyncedSequencer, "committed", forgetful)


@journal_bug
def the_encoding_is_kept_beside_the_value(plant: pytest.MonkeyPatch) -> None:
    """By its number alone, which a compact may give to a value in the other encoding."""
    note, make_entries = Draft.note, RoomRows._make_entries
    # With whose they are, so that nothing else gets the same id.
    of_drafts: dict[int, tuple[Draft, set[int]]] = {}
    of_rooms: dict[int, tuple[RoomRows, set[int]]] = {}

    def note_numbers(self: Draft, applied: Applied) -> None:
        note(self, applied)
        _, numbers = of_drafts.setdefault(id(self), (self, set()))
        numbers.update(entry.seq for entry in applied.kept if entry.value.came_as_cbor)

    def mixed(self: RoomRows, draft: Draft, batch: Batch) -> None:
        make_entries(self, draft, batch)
        _, numbers = of_rooms.setdefault(id(self), (self, set()))
        numbers |= of_drafts.pop(id(draft), (draft, set()))[1]
        batch.entries[:] = [(*row[:3], int(row[2] in numbers), *row[4:]) for row in batch.entries]

    plant.setattr(Draft, "note", note_numbers)
    plant.setattr(RoomRows, "_make_entries", mixed)


@journal_bug
def rows_count_as_written_when_they_are_made(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(RoomRows, "failed", RoomRows.committed)


@journal_bug
def one_answer_that_fails_keeps_the_others_from_theirs(plant: pytest.MonkeyPatch) -> None:
    def answer(self: JournaledSequencer, pusher: Any, push: Any, outcome: Any) -> None:
        pusher.answer(push, outcome)

    plant.setattr(JournaledSequencer, "_answer_later", answer)


@journal_bug
def a_room_that_breaks_takes_the_others_along(plant: pytest.MonkeyPatch) -> None:
    def write_apart(self: Committer, batches: Any, journal: Journal, outcome: Any) -> None:
        try:
            journal.commit(batches)
        except Exception as error:
            outcome.faults.update({id(batch): error for batch in batches})
        else:
            outcome.written.update(map(id, batches))

    plant.setattr(Committer, "_write_apart", write_apart)


@journal_bug
def a_room_that_breaks_keeps_its_epoch(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Journal, "renew_epoch", lambda self, number, epoch: None)


@journal_bug
def relays_wait_while_the_disk_is_full(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(batched, "_is_relay", lambda answer: False)


@journal_bug
def a_room_that_was_replaced_forgets_its_clients(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Producers, "learn", lambda self, others: None)


@journal_bug
def a_room_that_was_replaced_gives_its_numbers_again_in_its_epoch(
    plant: pytest.MonkeyPatch,
) -> None:
    def put(self: RoomRows, *arguments: Any, **options: Any) -> Steps[Batch]:
        self.epoch = "epoch"
        return make_new(self, *arguments, **options)

    make_new = RoomRows.make_new
    plant.setattr(RoomRows, "make_new", put)


@journal_bug
def a_replacement_takes_the_numbers_of_the_copy(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Room, "succeed", lambda self, other: None)


@journal_bug
def a_replacement_deletes_first(plant: pytest.MonkeyPatch) -> None:
    async def replace(self: JournalBroker, room: Room, name: str) -> None:
        await self._delete(name)
        await self._put(name, room, replace=False)

    plant.setattr(JournalBroker, "_replace", replace)


@journal_bug
def what_is_read_was_joined_by_commas(plant: pytest.MonkeyPatch) -> None:
    def cut(*arguments: Any) -> Any:
        for key, *row in read_entries(*arguments):
            yield (key.partition(",")[0], *row)

    plant.setattr(journal, "read_entries", cut)


@journal_bug
def a_room_in_use_expires_by_an_old_list(plant: pytest.MonkeyPatch) -> None:
    async def expire(self: JournalBroker, _: float, name: str) -> bool:
        return await self._delete(name)

    plant.setattr(JournalBroker, "_expire", expire)


@journal_bug
def nobody_hears_that_a_room_was_replaced(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(JournalBroker, "_let_go", lambda self, room: NOBODY)


@journal_bug
def what_failed_in_synced_is_shown_all_the_same(plant: pytest.MonkeyPatch) -> None:
    failed = SyncedSequencer.failed

    def show(self: SyncedSequencer, reason: str) -> bool:
        for waiting in self._in_flight:
            self._show(waiting)
        return failed(self, reason)

    plant.setattr(SyncedSequencer, "failed", show)


@journal_bug
def a_failed_commit_drops_what_was_taken(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(BatchedSequencer, "failed", lambda self, reason: False)


@journal_bug
def values_of_one_push_lose_their_last(plant: pytest.MonkeyPatch) -> None:
    note = Draft.note

    def short(self: Draft, applied: Applied) -> None:
        if len(applied.kept) > 1:
            applied = structs.replace(applied, kept=applied.kept[:-1])
        note(self, applied)

    plant.setattr(Draft, "note", short)


@journal_bug
def a_bounded_stream_keeps_in_the_file_what_it_dropped(plant: pytest.MonkeyPatch) -> None:
    plant.setattr(Journal, "commit", changed_batch(lambda batch: batch.removed.clear()))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    check_that_it_shows(BUGS[name], "batched", "memory")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", JOURNAL_BUGS)
def test_a_planted_bug_of_the_journal_is_found(name: str) -> None:
    first = RARE.get(name, 0)
    check_that_it_shows(JOURNAL_BUGS[name], "journal, batched", "journal, synced", first=first)


RARE = {
    "a_room_that_is_left_forgets_the_ids_of_relays": 304,
    "the_encoding_is_kept_beside_the_value": 1140,
}
"""The seeds of schedules in which bugs show that want a rare moment, so as not to look for long."""


def check_that_it_shows(plant: Plant, *durabilities: Durability, first: int = 0) -> None:
    """Check that of many schedules one fails with a bug, which ends well without it."""
    with pytest.MonkeyPatch.context() as planting:
        plant(planting)
        failing = next(
            (
                (seed, durability)
                for seed in range(first, first + 1_000)
                for durability in durabilities
                if fails(SCHEDULES.one(Random(seed)), durability)
            ),
            None,
        )
    assert failing is not None, "it shows in no schedule"
    seed, durability = failing
    assert not fails(SCHEDULES.one(Random(seed)), durability), f"{failing} fails without it, too"


def fails(schedule: Sequence[Step], durability: Durability) -> bool:
    try:
        with serving(durability) as server:
            World(server).run(schedule)
    except Exception:
        return True
    return False
