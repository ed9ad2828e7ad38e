from __future__ import annotations

import gc

from driftdb_jupyter.client.connection.listeners import Listeners

from .test_connection import Ear


def test_a_topic_is_deserted_when_its_last_listener_has_gone() -> None:
    listeners, topic = Listeners(), ("k", False)
    one, other = Ear(), Ear()
    listeners.add(topic, one)
    listeners.add(topic, other)
    listeners.add(("of another", True), one)
    del other
    gc.collect()
    assert listeners.deserted() == []
    listeners.discard(topic, one)
    assert listeners.deserted() == [topic]
    assert listeners.deserted() == [topic]  # until it is forgotten
    listeners.forget(topic)
    assert listeners.deserted() == []
    del one
    gc.collect()
    assert listeners.deserted() == [("of another", True)]


def test_a_topic_that_has_a_listener_again_is_not_deserted() -> None:
    listeners, topic, one = Listeners(), ("k", False), Ear()
    listeners.add(topic, one)
    listeners.discard(topic, one)
    assert listeners.deserted() == [topic]
    listeners.add(topic, one)
    assert listeners.deserted() == []
    listeners.discard(topic, one)
    assert listeners.deserted() == [topic]


def test_to_find_deserted_topics_no_others_are_looked_at() -> None:
    class Counted(Listeners):
        looks = 0

        def of(self, topic: tuple[str, bool]) -> list[object]:  # type: ignore[override]
            self.looks += 1
            return list(super().of(topic))

    listeners, ears = Counted(), [Ear() for _ in range(100)]
    for number, ear in enumerate(ears):
        listeners.add((f"k{number}", False), ear)
    listeners.looks = 0
    ears.pop()
    del ear
    gc.collect()
    assert listeners.deserted() == [("k99", False)]
    assert listeners.looks == 1
