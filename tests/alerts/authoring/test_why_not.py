"""Why a rule did not speak: the fate of every event, and when it came nearest, against a search by definition."""

from __future__ import annotations

from typing import Any

import near_by_definition as by_trying
import pytest
from hypothesis import given, settings
from near_histories import RULES, RUNGS, SIZE, arrivals, histories, known
from small_city import CHANNELS, DAY, HOUR, START, make_rule, report

from alerts.authoring.hindsight import look_back
from alerts.authoring.why_not import Answer, Asker, needs_words
from alerts.entry import LEVEL_NUMBER
from alerts.model import Arrival, Event, Link, Slice, to_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule

COUNT: dict[str, Any] = {
    "select": {
        "contact": {"action": ["received"]},
        "moved": {"link.type": ["referral"]},
        "condition": "contact and not moved",
    },
    "channels": ["hotline", "police", "petition"],
}


def reached(log: list[Arrival]) -> dict[tuple[str, str], int]:
    """The highest level that stands of every (rule, pair), from a run of its own."""
    pipeline = Pipeline(RULES, CHANNELS)
    drafts = [draft for arrival in log for draft in pipeline.take(Slice(arrival.arrived_us, [arrival]))[1]]
    drafts += pipeline.finish()[1]
    last = {draft.revision.alert_id: draft.revision for draft in drafts}
    found: dict[tuple[str, str], int] = {}
    for revision in last.values():
        if revision.state not in ("retracted", "merged"):
            subject = (revision.rule, revision.key["pair"])
            found[subject] = max(found.get(subject, 0), LEVEL_NUMBER[revision.level_max])
    return found


@given(history=histories)
@settings(max_examples=80)
def test_it_came_nearest_when_a_search_by_definition_says(history: list[dict[str, Any]]) -> None:
    log = arrivals(history)
    end = log[-1].arrived_us
    asker = Asker(look_back(RULES, CHANNELS, log), CHANNELS)
    levels = reached(log)

    for rule in RULES:
        for key in asker.keys(rule, {"pair": "x"}):
            answer = asker.why_not(rule, key)
            reports = known(history, "x", end, bool(rule.spec.unless))
            times = {r["t"] for r in reports if r["selected"] or r["resets"]} | {end}
            above = levels.get((rule.id, "x"), 0)
            found = [
                (missing, -level, missing / needed, -at)
                for at in times
                if (near := by_trying.nearest(RUNGS[rule.id], reports, at, SIZE, above)) is not None
                for missing, level, needed in [near]
            ]

            assert _closest(answer) == min(found, default=None)
            counted = [told for told in answer.events if told.fate == "counted"]
            window = [r for r in reports if answer.closest.at - SIZE < r["t"] <= answer.closest.at and r["selected"]]
            assert len(counted) == len({r["contact"] for r in window}) or _contact_reaches_further_back(reports)


def _closest(answer: Answer) -> tuple[float, ...] | None:
    near = answer.closest.nearest
    if near is None:
        return None
    return (near.missing, -LEVEL_NUMBER[near.level], near.missing / near.needed, -answer.closest.at)


def _contact_reaches_further_back(reports: list[dict[str, Any]]) -> bool:
    return len({r["contact"] for r in reports}) < len(reports)


def ask(rule: Rule, *told: Event | Arrival, until: int | None = None) -> Answer:
    log = [each if isinstance(each, Arrival) else Arrival(each, to_us(each.occurred_at)) for each in told]
    asker = Asker(look_back([rule], CHANNELS, log, None if until is None else START + until), CHANNELS)
    return asker.why_not(rule, ("0", "x"))


def fates(answer: Answer) -> dict[str, str]:
    return {told.event.id: told.fate for told in answer.events}


def test_every_event_of_the_key_has_its_fate_and_its_words() -> None:
    late = Arrival(report("late", DAY), START + 5 * DAY)
    answer = ask(
        make_rule(**COUNT, window={"size": "2d", "lateness": "1h"}),
        report("old", 0),
        report("grid", 3 * DAY, "grid"),
        report("a", 3 * DAY + HOUR),
        report("same", 3 * DAY + 2 * HOUR, link=Link("transfer", "a")),
        report("a", 3 * DAY + HOUR),
        report("moved", 3 * DAY + 3 * HOUR, link=Link("referral", "a")),
        report("reply", 3 * DAY + 4 * HOUR, action="replied"),
        report("b", 4 * DAY),
        late,
    )

    assert fates(answer) == {
        "old": "outside_window", "late": "late", "grid": "not_listened_to", "a": "counted", "same": "same_contact",
        "moved": "not_selected", "reply": "not_selected", "b": "counted",
    }  # fmt: skip
    why = {told.event.id: "; ".join(told.why) for told in answer.events}
    assert why["old"] == "left the window of 2d at 2026-02-27 14:13"
    assert why["late"] == "arrived 2026-03-02 14:13, when the rule waited only back to 2026-03-02 13:13"
    assert why["grid"] == "the rule does not listen to `grid`"
    assert why["same"] == "the same contact as `a`"
    assert why["moved"] == "moved: `link.type` is `referral`"
    assert why["reply"] == "contact: `action` is `replied`; must be `received`"
    assert {told.event.id: told.delivered_again for told in answer.events if told.delivered_again} == {"a": 1}


def test_what_is_missing_is_one_sentence_with_its_last_moment() -> None:
    answer = ask(make_rule(), report("a", 0), report("b", HOUR))

    assert answer.now.nearest is not None
    assert needs_words(answer.rule, answer.now.nearest) == (
        "needs 1 more contact inside 2d, i.e. before 2026-02-27 14:13 (blue)"
    )


def test_an_unless_event_begins_anew_and_is_named() -> None:
    rule = make_rule(
        "progression", when={"chain": {"measure": "violence"}}, levels=[{"steps": 2, "level": "blue"}],
        unless={"settled": {"action": ["closed"]}},
    )  # fmt: skip

    answer = ask(rule, report("a", 0, violence=1), report("done", HOUR, action="closed"), report("b", DAY, violence=2))

    told = {each.event.id: each for each in answer.events}
    assert (told["done"].fate, told["done"].why) == ("resets", ("begins anew: `settled`",))
    assert answer.closest.nearest is not None
    assert answer.closest.nearest.measured == 1


def test_what_fired_is_told_and_then_how_near_the_next_rung_came() -> None:
    answer = ask(make_rule(), *(report(f"e{n}", n * HOUR) for n in range(4)))

    assert [(revision.level, revision.state) for revision in answer.fired] == [("blue", "open")]
    assert answer.closest.nearest is not None
    assert (answer.closest.nearest.level, answer.closest.nearest.missing) == ("red", 1)
    assert all(len(told.evidence_of) == 1 for told in answer.events)


def test_with_an_until_only_what_was_known_then_counts() -> None:
    told = [report("a", 0), report("b", HOUR), report("c", 2 * HOUR)]

    assert ask(make_rule(), *told).fired
    assert not ask(make_rule(), *told, until=HOUR).fired
    assert set(fates(ask(make_rule(), *told, until=HOUR))) == {"a", "b"}


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        ({"matter": "m"}, [("0", "p1", "m"), ("0", "p2", "m")]),
        ({"reporter": "p2", "matter": "m"}, [("0", "p2", "m")]),
        ({"reporter": "p2", "matter": "m", "pair": "x"}, [("0", "p2", "m"), ("1", "x")]),
        ({"pair": "x"}, [("1", "x")]),
        ({"matter": "m", "place": "here"}, []),
        ({"matter": "n"}, []),
    ],
    ids=["a part of the key", "the key", "more than the key", "the fallback", "another key", "another value"],
)
def test_a_key_is_asked_by_all_or_a_part_of_its_fields(asked: dict[str, str], keys: list[tuple[str, ...]]) -> None:
    rule = make_rule(key=["reporter", "matter"], key_fallback=["pair"])
    told = [report("a", 0, reporter="p1"), report("b", 1, reporter="p2"), report("c", 2)]
    hindsight = look_back([rule], CHANNELS, [Arrival(event, to_us(event.occurred_at)) for event in told])

    assert Asker(hindsight, CHANNELS).keys(rule, asked) == keys
