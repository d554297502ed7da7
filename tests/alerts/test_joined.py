"""What the linker has said of an event as rows of the pool."""

from __future__ import annotations

from alerts.joined import Joined, in_matter
from alerts.model import Event, MatterLink, PooledEvent, from_us

AT = 1_772_000_000_000_000
EVENT = Event(id="e1", channel="hotline", action="received", occurred_at=from_us(AT))


def test_the_pool_gets_the_event_in_its_matter_and_why_it_is_there() -> None:
    joined = Joined(EVENT, "m2", "pair", AT + 5, AT + 3, "file:a.csv:1", previous="m1")

    assert joined.pooled() == PooledEvent(in_matter(EVENT, "m2"), "m2", from_us(AT + 3), "file:a.csv:1")
    assert joined.pooled().event.matter == "m2"
    assert joined.link() == MatterLink("e1", "m2", "pair", 0.8, from_us(AT + 5), proposed=True, previous="m1")


def test_an_event_that_was_given_its_matter_stays_as_it_is() -> None:
    given = in_matter(EVENT, "m")

    assert in_matter(given, "m") is given
    assert not Joined(given, "m", "given", AT, AT).link().proposed
