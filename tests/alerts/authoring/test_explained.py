"""What each rule made of one event: listening, selecting, counting, and the verdict that came of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from near_histories import RULES, arrivals, histories
from small_city import CHANNELS, DAY, HOUR, START, make_rule, report

from alerts.authoring.explained import EventUnderRule, explain_event
from alerts.authoring.hindsight import Hindsight, look_back
from alerts.model import Arrival, Event, Link, to_us
from alerts.rule import Rule


def look(rule: Rule, *told: Event | Arrival) -> Hindsight:
    log = [each if isinstance(each, Arrival) else Arrival(each, to_us(each.occurred_at)) for each in told]
    return look_back([rule], CHANNELS, log)


def explained(rule: Rule, event_id: str, *told: Event | Arrival) -> EventUnderRule:
    [under] = explain_event(look(rule, *told), CHANNELS, event_id)
    return under


def test_the_event_that_makes_a_rule_speak_has_its_verdict_and_alert() -> None:
    told = [report(f"e{n}", n * HOUR) for n in range(3)]

    first, last = (explained(make_rule(), name, *told) for name in ("e0", "e2"))

    assert (first.verdict, first.part) == (None, ("counts",))
    assert last.verdict is not None
    assert (last.verdict.level, last.verdict.count) == (1, 3)
    assert first.alerts == last.alerts != ()


def test_a_late_event_is_judged_by_nobody_and_says_so() -> None:
    rule = make_rule(window={"size": "2d", "lateness": "1h"})

    under = explained(rule, "late", report("a", 4 * DAY), Arrival(report("late", DAY), START + 5 * DAY))

    assert under.late is not None
    assert (under.part, under.verdict, under.tree.passed) == ((), None, True)


def test_the_same_contact_names_its_first_event() -> None:
    under = explained(make_rule(), "b", report("a", 0), report("b", HOUR, link=Link("transfer", "a")))

    assert under.contact == "a"


def test_an_unless_event_and_a_cue_have_their_parts() -> None:
    rule = make_rule(
        "progression",
        unless={"settled": {"action": ["closed"]}},
        when={"any": [{"name": "knife", "event": {"cues": ["weapon"]}, "level": "red"}]},
    )
    told = [report("a", 0, cues=("weapon",)), report("done", HOUR, action="closed")]

    assert explained(rule, "a", *told).part == ("counts", "knife")
    done = explained(rule, "done", *told)
    assert (done.part, [each.passed for each in done.unless]) == (("begins anew",), [True])


def test_rules_that_took_the_event_come_first() -> None:
    deaf = make_rule(id="a.deaf", channels=["grid"])
    blind = make_rule(id="b.blind", number=1, select={"noise": {"subcategory": ["noise"]}})
    open_one = make_rule(id="c.open", number=2)
    hindsight = look_back([deaf, blind, open_one], CHANNELS, [Arrival(report("a", 0), START)])

    assert [each.rule for each in explain_event(hindsight, CHANNELS, "a")] == ["c.open", "b.blind", "a.deaf"]


@given(history=histories)
@settings(max_examples=60)
def test_an_event_with_a_verdict_is_evidence_of_an_alert_and_no_alert_is_without_one(history: list[Any]) -> None:
    hindsight = look_back(RULES, CHANNELS, arrivals(history))
    spoken: set[str] = set()
    for event_id in hindsight.pooled:
        for under in explain_event(hindsight, CHANNELS, event_id):
            assert under.verdict is None or under.alerts
            spoken.update(under.alerts if under.verdict is not None else ())

    standing = {name for name in hindsight.drafts if hindsight.last(name).state not in ("retracted", "merged")}
    assert spoken >= standing
