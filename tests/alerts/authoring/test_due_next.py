"""What is owed: open obligations by the time of their next stage."""

from __future__ import annotations

from typing import Any

from small_city import CHANNELS, DAY, HOUR, START, make_rule, report

from alerts.authoring.due_next import due_next
from alerts.authoring.hindsight import look_back
from alerts.model import Arrival, Event, to_us

OWED: dict[str, Any] = {
    "key": [],
    "window": {},
    "obligation": {
        "id": ["matter"],
        "opens": {"action": ["received"]},
        "satisfied_by": {"action": ["closed"]},
        "due": "10d",
        "vouch": ["hotline"],
    },
    "stages": [{"at": "80%", "level": "blue"}, {"at": "100%", "level": "red"}],
    "select": {},
    "lifecycle": {"close_on": "satisfied", "retract_on": "late_evidence"},
}


def found(at: int, *told: Event) -> list[tuple[str, str, str, int]]:
    rule = make_rule("obligation", **OWED)
    log = [Arrival(event, to_us(event.occurred_at)) for event in told]
    owed = due_next(look_back([rule], CHANNELS, log, START + at), START + at)
    return [(each.key[1], each.stage, each.level, each.at - START) for each in owed]


def test_open_obligations_are_ordered_by_their_next_stage_and_satisfied_ones_are_gone() -> None:
    told = [
        report("a", 0, matter="m1"),
        report("b", DAY, matter="m2"),
        report("c", 2 * DAY, matter="m3"),
        report("d", 2 * DAY + HOUR, action="closed", matter="m2"),
    ]

    assert found(3 * DAY, *told) == [("m1", "80%", "blue", 8 * DAY), ("m3", "80%", "blue", 10 * DAY)]
    assert found(9 * DAY, *told) == [("m1", "100%", "red", 10 * DAY), ("m3", "80%", "blue", 10 * DAY)]


def test_what_has_passed_all_its_stages_is_no_longer_next() -> None:
    assert found(11 * DAY, report("a", 0, matter="m1")) == []
