"""Steps in order: `min`, `within`, `gap_max`, `unless`, and windows that run on."""

from __future__ import annotations

import random
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from small_city import DAY, HOUR, RANKS, START, Run, make_rule, report, said

from alerts.entry import RESETS, SELECTED, Entry
from alerts.rule import Rule

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
STEPS = [
    {"name": "call", "event": {"channel": ["hotline", "petition"]}},
    {"name": "police", "event": {"channel": ["police", "petition"]}},
    {"name": "superior", "event": {"channel": ["superior"]}},
]
LEVELS = [{"steps": 2, "level": "blue"}, {"steps": 3, "level": "red"}]


def rule(steps: list[dict[str, Any]] | None = None, levels: Any = None, **when: Any) -> Rule:
    parts: dict[str, Any] = {}
    if "unless" in when:
        parts["unless"] = when.pop("unless")
    return make_rule("sequence", when={"steps": steps or STEPS, **when}, levels=levels or LEVELS, **parts)


def told(chosen: Rule, *reports: tuple[int, str]) -> Run:
    run = Run(chosen)
    for number, (hour, channel) in enumerate(reports):
        run.tell(report(f"e{number}", hour * HOUR, channel))
    return run


def test_steps_in_order_climb_the_ladder() -> None:
    run = told(rule(), (0, "hotline"), (1, "police"), (2, "hotline"), (3, "superior"))

    assert said(run.revisions) == [(1, "open", "blue", "opened"), (2, "open", "red", "level_up")]
    assert run.revisions[1].path == ("call", "police", "superior")
    assert run.revisions[1].measures == {"span_seconds": 3 * 3600}


def test_steps_in_the_wrong_order_say_nothing() -> None:
    assert told(rule(), (0, "superior"), (1, "police"), (2, "hotline")).revisions == []


def test_one_event_does_not_take_two_steps() -> None:
    assert told(rule(), (0, "petition")).revisions == []
    assert len(told(rule(), (0, "petition"), (1, "petition")).revisions) == 1


def test_a_step_with_a_least_number_needs_that_many() -> None:
    twice = rule([{**STEPS[0], "min": 2}, STEPS[1]], [{"steps": 2, "level": "blue"}])

    assert told(twice, (0, "hotline"), (1, "police")).revisions == []
    assert len(told(twice, (0, "hotline"), (1, "hotline"), (2, "police")).revisions) == 1


@pytest.mark.parametrize(("hour", "speaks"), [(10, True), (11, False)], ids=["at the edge", "after it"])
def test_first_and_last_step_are_within(hour: int, speaks: bool) -> None:
    assert bool(told(rule(within="10h"), (0, "hotline"), (hour, "police")).revisions) == speaks


@pytest.mark.parametrize(("hour", "speaks"), [(4, True), (5, False)], ids=["at the edge", "after it"])
def test_neighbouring_steps_are_near_enough(hour: int, speaks: bool) -> None:
    assert bool(told(rule(gap_max="4h"), (0, "hotline"), (hour, "police")).revisions) == speaks


def test_a_step_exactly_one_window_old_is_out() -> None:
    assert told(rule(), (0, "hotline"), (48, "police")).revisions == []
    assert len(told(rule(), (0, "hotline"), (47, "police")).revisions) == 1


def test_of_several_matches_the_latest_starting_one_is_taken() -> None:
    run = told(rule(), (0, "hotline"), (5, "hotline"), (6, "police"))

    assert run.revisions[0].measures == {"span_seconds": 3600}


def test_an_earlier_start_is_taken_where_the_latest_is_too_far_from_its_next_step() -> None:
    steps = [STEPS[0], {"name": "grid", "event": {"channel": ["grid"]}}, STEPS[2]]
    chosen = rule(steps, [{"steps": 3, "level": "blue"}], gap_max="4h")
    run = told(chosen, (0, "hotline"), (1, "grid"), (2, "hotline"), (4, "grid"), (8, "superior"))

    assert run.revisions[0].measures == {"span_seconds": 6 * 3600}


def test_an_unless_between_two_steps_resets_once_the_watermark_has_passed() -> None:
    chosen = rule(unless={"fine": {"satisfied": [True]}})
    run = told(chosen, (0, "hotline"), (2, "police"))

    assert run.revisions == []
    assert said(run.wait_until(8 * HOUR)) == [(1, "open", "blue", "opened")]

    calm = told(chosen, (0, "hotline"), (2, "police"))
    calm.tell(report("ok", HOUR, action="visited", satisfied=True), arrive=3 * HOUR)

    assert calm.wait_until(3 * DAY) == []


# --- against every choice of events -------------------------------------------------------------------------------

SIZE, WITHIN, GAP = 48, 40, 15


def entries(chosen: Rule, history: list[tuple[int, str, bool]]) -> list[Entry]:
    found = []
    for number, (hour, channel, resets) in enumerate(sorted(history)):
        event = report(f"e{number}", hour * HOUR, channel)
        role = RESETS if resets else SELECTED
        found.append((START + hour * HOUR, RANKS[channel], event.id, event.id, role, chosen.judge.values(event), event))
    return sorted(found, key=lambda e: e[:3])


def by_definition(found: list[Entry], gap: int | None) -> tuple[int, int] | None:
    """(steps, least span in hours) of the longest walk over the first steps that ends with the newest entry."""
    newest = found[-1]
    window = [e for e in found if e[0] > newest[0] - SIZE * HOUR]
    resets = [n for n, e in enumerate(window) if e[4] & RESETS]
    *before, last = [e for e in window[resets[-1] if resets else 0 :] if e[4] & SELECTED]
    for steps in range(len(STEPS), 0, -1):
        spans = []
        for chosen in combinations(before, steps - 1):
            walk = [*chosen, last]
            hours = [e[0] // HOUR for e in walk]
            fits = all(e[6].channel in step["event"]["channel"] for e, step in zip(walk, STEPS, strict=False))  # type: ignore[index]
            near = gap is None or all(b - a <= gap for a, b in pairwise(hours))
            if fits and near and hours[-1] - hours[0] <= WITHIN:
                spans.append(hours[-1] - hours[0])
        if spans:
            return steps, min(spans)
    return None


@given(
    history=st.lists(
        st.tuples(
            st.integers(0, 90), st.sampled_from(["hotline", "police", "petition", "superior"]),
            st.sampled_from([False] * 7 + [True]),
        ),
        min_size=1, max_size=10,
    ),
    gap=st.sampled_from([None, GAP]),
)  # fmt: skip
@settings(max_examples=300, deadline=None, phases=PHASES)
def test_a_window_that_runs_on_agrees_with_every_choice_of_events(
    history: list[tuple[int, str, bool]], gap: int | None
) -> None:
    levels = [{"steps": 1, "level": "blue"}, {"steps": 2, "level": "yellow"}, {"steps": 3, "level": "red"}]
    chosen = rule(None, levels, within=f"{WITHIN}h", **({"gap_max": f"{gap}h"} if gap else {}))
    found = entries(chosen, history)
    running = chosen.judge.start(SIZE * HOUR)
    for number, entry in enumerate(found):
        running.take(entry)
        if entry[4] & SELECTED:
            verdict = running.verdict(settled=True)
            got = None if verdict is None else (verdict.steps, verdict.measures[0][1] // 3600)  # type: ignore[operator]

            assert got == by_definition(found[: number + 1], gap)


def test_a_window_that_ran_for_long_agrees_with_a_fresh_one() -> None:
    chosen = rule(gap_max="9h")
    rng = random.Random(5)
    found = entries(chosen, [(rng.randrange(2_000), rng.choice(sorted(RANKS)), False) for _ in range(800)])
    running = chosen.judge.start(SIZE * HOUR)
    for number, entry in enumerate(found):
        running.take(entry)
        if number % 7 == 0:
            fresh = chosen.judge.start(SIZE * HOUR)
            for each in (e for e in found[: number + 1] if e[0] > entry[0] - SIZE * HOUR):
                fresh.take(each)

            assert running.verdict(settled=True) == fresh.verdict(settled=True)
