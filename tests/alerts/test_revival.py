"""Entries that come back: the same as before, and one event is one object."""

from __future__ import annotations

from typing import Any

import msgspec
from small_city import report

from alerts.entry import SELECTED, Entry
from alerts.revival import Reviver


def saved(entry: Entry) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(entry))


def test_an_entry_comes_back_as_it_was_and_its_event_is_one_object_under_every_key() -> None:
    event = report("a", 5, unit="u", attrs={"n": 1})
    entries: list[Entry] = [(5, 2, "a", "a", SELECTED, (), event), (5, 2, "a", "b", SELECTED, (1, ("x", "y")), event)]
    revive = Reviver()
    one, other = (revive(saved(entry)) for entry in entries)

    assert [one, other] == entries
    assert one[6] is other[6]
    assert one[2] is one[3] is one[6].id


def test_an_event_of_two_matters_stays_two() -> None:
    revive = Reviver()
    one, other = (revive(saved((5, 2, "a", "a", 1, (), report("a", 5, matter=matter)))) for matter in ("m1", "m2"))

    assert (one[6].matter, other[6].matter) == ("m1", "m2")
