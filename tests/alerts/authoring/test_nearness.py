"""The near-miss board against a search by definition, over rules of every kind that counts."""

from __future__ import annotations

from typing import Any

import near_by_definition as by_trying
import pytest
from hypothesis import given, settings
from near_histories import LIFE, RULES, RUNGS, SIZE, STEPS, arrivals, histories, hours, known
from small_city import CHANNELS, DAY, HOUR, START, make_rule, report

from alerts.authoring.hindsight import Hindsight, look_back
from alerts.authoring.nearness import Gauges, Near, board, near
from alerts.entry import LEVEL_NUMBER
from alerts.model import Arrival, Event, Slice, to_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule


def levels(log: list[Arrival], until: int) -> dict[tuple[str, str], int]:
    """The level of the open alert of every (rule, pair), from a run of its own."""
    pipeline = Pipeline(RULES, CHANNELS)
    drafts = []
    for arrival in log:
        if arrival.arrived_us <= until:
            drafts += pipeline.take(Slice(arrival.arrived_us, [arrival]))[1]
    drafts += pipeline.take(Slice(until + 1, []))[1]
    last = {draft.revision.alert_id: draft.revision for draft in drafts}
    return {(r.rule, r.key["pair"]): LEVEL_NUMBER[r.level] for r in last.values() if r.state == "open"}


@given(history=histories, hour=hours)
@settings(max_examples=200)
def test_the_board_says_what_a_search_by_definition_finds(history: list[dict[str, Any]], hour: int) -> None:
    at = START + hour * HOUR
    log = arrivals(history)
    wanted = {}
    firing = levels(log, at) if any(each.arrived_us <= at for each in log) else {}
    for rule in RULES:
        for pair in ("x", "y"):
            reports = known(history, pair, at, bool(rule.spec.unless))
            found = by_trying.nearest(RUNGS[rule.id], reports, at, SIZE, firing.get((rule.id, pair), 0))
            if found is not None:
                wanted[rule.id, pair] = found

    hindsight = look_back(RULES, CHANNELS, log, until=at)
    places = board(hindsight, Gauges(RULES, CHANNELS), at)

    got = {(p.rule, p.key[1]): (p.distance.missing, LEVEL_NUMBER[p.distance.level], p.distance.needed) for p in places}
    assert got == wanted
    assert [place.newest[0] for place in places if place.newest[0] > at] == []
    assert places == sorted(places, key=order)


def order(place: Near) -> tuple[Any, ...]:
    distance = place.distance
    share = distance.measured / distance.needed
    return distance.missing, -LEVEL_NUMBER[distance.level], -share, -place.newest[0], place.rule, place.key


EVERY_KIND = [
    *RULES,
    make_rule(
        "progression", 5, id="t.faster", lifecycle=LIFE,
        when={"any": [{"name": "faster", "gaps": {"min_events": 4, "each_ratio_lte": 0.5}, "level": "blue"}]},
    ),
    make_rule(
        "score", 6, id="t.score", lifecycle=LIFE, levels=[{"gte": 9, "level": "blue"}, {"gte": 15, "level": "red"}],
        when={
            "score": [
                {"name": "weapon", "event": {"cues|any": ["weapon"]}, "points": 5, "cap": 10},
                {"name": "blows", "event": {"violence|gte": 2}, "points": 2},
            ]
        },
    ),
]  # fmt: skip


@given(history=histories, hour=hours)
@settings(max_examples=150)
def test_every_rung_misses_what_a_search_by_definition_finds(history: list[dict[str, Any]], hour: int) -> None:
    at = START + hour * HOUR
    hindsight = look_back(RULES, CHANNELS, arrivals(history), until=at)
    gauges = Gauges(RULES, CHANNELS)

    for rule in RULES:
        reports = known(history, "x", at, bool(rule.spec.unless))
        distances = gauges.distances(rule, hindsight.entries(rule, ("0", "x")), at)

        assert [distance.missing for distance in distances] == [
            by_trying.missing(rung, reports, at, SIZE) for rung in RUNGS[rule.id]
        ]


@given(history=histories, hour=hours)
@settings(max_examples=150)
def test_it_is_as_near_until_the_time_it_says_and_no_longer(history: list[dict[str, Any]], hour: int) -> None:
    at = START + hour * HOUR
    hindsight = look_back(EVERY_KIND, CHANNELS, arrivals(history), until=START + 20 * DAY)
    gauges = Gauges(EVERY_KIND, CHANNELS)

    for rule, key in hindsight.counted_keys():
        entries = [entry for entry in hindsight.entries(rule, key) if entry[0] <= at]
        for number, distance in enumerate(gauges.distances(rule, entries, at)):
            if distance.before is not None:
                assert distance.before > at
                assert gauges.distances(rule, entries, distance.before - 1)[number].missing == distance.missing
                assert gauges.distances(rule, entries, distance.before)[number].missing > distance.missing


def seen(rule: Rule, *events: Event, at: int) -> Any:
    """The nearest rung of the key of pair x, some events later."""
    hindsight = look_back([rule], CHANNELS, [Arrival(event, to_us(event.occurred_at)) for event in events], START + at)
    place = near(hindsight, Gauges([rule], CHANNELS), rule, ("0", "x"), START + at)
    return None if place is None else place.distance


def test_a_shrinking_interval_leaves_less_and_less_time() -> None:
    rule = make_rule(
        "progression", when={"any": [{"name": "f", "gaps": {"min_events": 4, "each_ratio_lte": 0.5}, "level": "blue"}]}
    )
    told = [report("a", 0), report("b", 16 * HOUR), report("c", 24 * HOUR)]

    in_time = seen(rule, *told, at=28 * HOUR)
    assert (in_time.missing, in_time.before) == (1, START + 28 * HOUR + 1)
    assert seen(rule, *told, at=28 * HOUR + 1).missing == 3  # too long already: only the last one may begin anew


def test_a_score_is_points_each_cue_capped() -> None:
    rule = make_rule("score", when={"score": [{"name": "w", "event": {"cues|any": ["weapon"]}, "points": 5, "cap": 7}]},
                     levels=[{"gte": 9, "level": "blue"}])  # fmt: skip
    told = [report("a", 0, cues=("weapon",)), report("b", HOUR, cues=("weapon",))]

    distance = seen(rule, *told, at=2 * HOUR)

    assert (distance.measured, distance.missing, distance.before) == (7, 2, START + 2 * DAY)


def test_points_above_a_cap_keep_a_score_where_it_is() -> None:
    rule = make_rule("score", when={"score": [{"name": "w", "event": {"cues|any": ["weapon"]}, "points": 5, "cap": 7}]},
                     levels=[{"gte": 9, "level": "blue"}])  # fmt: skip
    told = [report(f"e{n}", n * HOUR, cues=("weapon",)) for n in range(3)]

    assert seen(rule, *told, at=3 * HOUR).before == START + HOUR + 2 * DAY  # two are enough for the cap


@pytest.mark.parametrize(
    ("limit", "at", "before"),
    [({"within": "10h"}, 10 * HOUR, 10 * HOUR + 1), ({"gap_max": "10h"}, 12 * HOUR, 20 * HOUR + 1)],
    ids=["within", "gap_max"],
)
def test_a_step_exactly_at_a_limit_is_walked(limit: dict[str, str], at: int, before: int) -> None:
    rule = make_rule("sequence", when={"steps": STEPS, **limit}, levels=[{"steps": 3, "level": "red"}])

    distance = seen(rule, report("a", 0, "grid"), report("b", 10 * HOUR, "hotline"), at=at)

    assert (distance.measured, distance.before) == (2, START + before)


def test_a_chain_begins_anew_at_the_last_unless_and_rises_strictly() -> None:
    rule = make_rule(
        "progression", unless={"settled": {"action": ["closed"]}}, when={"chain": {"measure": "violence"}},
        levels=[{"steps": 4, "level": "red"}],
    )  # fmt: skip
    told = [
        report("r1", 0, action="closed"),
        report("a", HOUR, violence=0),
        report("r2", 2 * HOUR, action="closed"),
        report("b", 3 * HOUR, violence=1),
    ]
    anew = [report("c", 4 * HOUR, violence=0), report("d", 5 * HOUR, violence=0), report("e", 6 * HOUR, violence=1)]

    assert seen(rule, *told, at=3 * HOUR) is None  # from 1 no four steps are left
    assert seen(rule, *told, *anew, at=6 * HOUR).measured == 2


def test_a_ratio_is_near_only_with_enough_events() -> None:
    rule = make_rule(
        "ratio", levels=[{"ratio": 0.75, "level": "blue"}],
        when={"ratio": {"of": {"satisfied": [False]}, "at_least": 4}},
    )  # fmt: skip
    told = [report(f"e{n}", n * HOUR, satisfied=n % 2 == 0) for n in range(4)]

    assert seen(rule, *told[:3], at=5 * HOUR) is None
    assert (seen(rule, *told, at=5 * HOUR).measured, seen(rule, *told, at=5 * HOUR).missing) == (50, 25)


def test_what_is_closed_needs_one_more_and_what_is_open_looks_above() -> None:
    rule = make_rule("threshold", lifecycle={"quiet_close": "1h"}, window={"size": "2d", "lateness": "0s"})
    told = [report("a", 0), report("b", HOUR), report("c", 2 * HOUR)]

    still_open = seen(rule, *told, at=2 * HOUR)
    closed = seen(rule, *told, at=10 * HOUR)

    assert (still_open.level, still_open.missing) == ("red", 2)
    assert (closed.level, closed.missing, closed.before) == ("blue", 1, START + HOUR + 2 * DAY)


@pytest.mark.parametrize(
    ("parts", "needs"),
    [
        ({"kind": "threshold"}, "2 more contacts"),
        ({"kind": "distinct", "of": "reporter"}, "2 more values of `reporter`"),
        (
            {"kind": "sequence", "when": {"steps": STEPS}, "levels": [{"steps": 3, "level": "red"}]},
            "2 more events: b, then c",
        ),
        (
            {
                "kind": "progression",
                "when": {"chain": {"measure": "channel_rank"}},
                "levels": [{"measure_gte": 4, "level": "red"}],
            },
            "1 more contact with `channel_rank` at least 4",
        ),
        (
            {
                "kind": "progression",
                "when": {"any": [{"name": "knife", "prior_gte": 2, "event": {"cues": ["weapon"]}, "level": "red"}]},
            },
            "1 more contact, then one that is `knife`",
        ),
    ],
    ids=["threshold", "distinct", "sequence", "chain", "cue"],
)
def test_what_is_missing_is_said_in_words(parts: dict[str, Any], needs: str) -> None:
    event = report("a", 0, "grid", reporter="p1", violence=1)

    assert seen(make_rule(**parts), event, at=HOUR).needs == needs


def test_a_kind_without_a_distance_is_left_out_and_named() -> None:
    rule = make_rule("match", levels=[{"level": "blue"}])

    hindsight: Hindsight = look_back([rule], CHANNELS, [Arrival(report("a", 0), START)])
    gauges = Gauges([rule], CHANNELS)

    assert gauges.left_out == [rule]
    assert board(hindsight, gauges, START) == []
