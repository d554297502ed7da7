from __future__ import annotations

from itertools import count

import pytest
from live_flow import wait_until

from connectors.kafka_beats import REMEMBERED, Beats, Heard

pytestmark = pytest.mark.integration

NUMBERS = count()


@pytest.fixture
def topic() -> str:
    return f"beats-{next(NUMBERS)}.group.v1"


def hear(beats: Beats, wanted: int) -> list[Heard]:
    found: list[Heard] = []

    def is_heard() -> bool:
        found.extend(beats.hear(0.05))
        return len(found) >= wanted

    wait_until(is_heard, "beats must be heard")
    return found


def test_everybody_hears_what_everybody_says_in_one_order(bootstrap: str, topic: str) -> None:
    one, other = Beats(bootstrap, topic), Beats(bootstrap, topic)
    one.say(b"1")
    other.say(b"2")

    heard = hear(one, 2)

    assert sorted(beat.body for beat in heard) == [b"1", b"2"]
    assert [beat.place for beat in heard] == [0, 1]
    assert hear(other, 2) == heard
    for beats in (one, other):
        beats.close()


def test_since_when_a_beat_stands_is_when_it_was_said(bootstrap: str, topic: str) -> None:
    now = iter([10.0, 20.0])
    beats = Beats(bootstrap, topic, lambda: next(now))
    assert beats.stands_since is None

    beats.say(b"1")
    assert beats.is_on_its_way
    assert beats.stands_since is None
    hear(beats, 1)
    wait_until(lambda: not beats.hear(0.01) and not beats.is_on_its_way, "the beat must stand")

    assert beats.stands_since == 10.0
    beats.close()


def test_who_comes_late_hears_the_last_beats(bootstrap: str, topic: str) -> None:
    first = Beats(bootstrap, topic)
    for number in range(REMEMBERED + 5):
        first.say(b"%d" % number)
    hear(first, REMEMBERED + 5)

    late = Beats(bootstrap, topic)

    assert [beat.place for beat in hear(late, REMEMBERED)] == list(range(5, REMEMBERED + 5))
    for beats in (first, late):
        beats.close()
