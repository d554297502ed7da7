"""The running window of a long track: out of order, taken away, pruned, it says what a fresh window says."""

from __future__ import annotations

import random
from typing import Any

import pytest
from small_city import HOUR, RANKS, START, make_rule, report

from alerts.entry import RESETS, SELECTED, Entry, window_start
from alerts.rule import Rule
from alerts.windows import KEPT_AT_MOST, KEPT_EVERY, Windows

SIZE = 60 * HOUR
RULES = {
    "threshold": make_rule(),
    "distinct": make_rule(
        "distinct", of="reporter", distinct={"exact_up_to": 30}, levels=[{"gte": 1, "level": "blue"}]
    ),
    "branches": make_rule(
        "progression",
        when={
            "any": [
                {"name": "cue", "prior_gte": 1, "event": {"cues|any": ["weapon"]}, "level": "red"},
                {"name": "rising", "chain": {"measure": "violence", "min_steps": 2}, "level": "yellow"},
                {"name": "faster", "gaps": {"min_events": 3, "each_ratio_lte": 0.9}, "level": "blue"},
            ]
        },
        unless={"fine": {"satisfied": [True]}},
    ),
    "sequence": make_rule(
        "sequence",
        when={
            "steps": [{"name": s, "event": {"channel": [s]}} for s in ("grid", "hotline", "police")],
            "gap_max": "9h",
        },
        levels=[{"steps": 2, "level": "blue"}],
    ),
}


def entry(rule: Rule, number: int, rng: random.Random) -> Entry:
    at = rng.randrange(300 * HOUR)
    event = report(
        f"e{number}", at, rng.choice(sorted(RANKS)), reporter=f"p{rng.randrange(80)}", violence=rng.randrange(4),
        cues=("weapon",) if rng.random() < 0.1 else (),
    )  # fmt: skip
    role = RESETS if rule.resets and rng.random() < 0.05 else SELECTED
    return (START + at, RANKS[event.channel], event.id, f"e{number // 2}", role, rule.judge.values(event), event)


def fresh(rule: Rule, entries: list[Entry], index: int) -> Any:
    window = rule.judge.start(SIZE)
    for place in range(window_start(entries, index, SIZE), index + 1):
        window.take(entries[place])
    return window.verdict(settled=True)


@pytest.mark.parametrize("case", RULES)
@pytest.mark.parametrize("seed", range(2))
def test_a_window_agrees_with_a_fresh_one_whatever_happened_to_the_entries_before(case: str, seed: int) -> None:
    rng = random.Random(seed)
    rule = RULES[case]
    entries = sorted((entry(rule, n, rng) for n in range(300)), key=lambda e: e[:3])
    windows = Windows(rule.judge, SIZE)
    lowest = 0
    for number in range(300, 460):
        turn = rng.random()
        if turn < 0.4:
            place = rng.randrange(max(lowest, len(entries) - 200), len(entries))
            new = (entries[place][0], entries[place][1], f"z{number}", *entry(rule, number, rng)[3:])
            entries.insert(place + 1, new)
            windows.changed(place + 1)
        elif turn < 0.5:
            place = rng.randrange(max(lowest, len(entries) - 200), len(entries))
            del entries[place]
            windows.changed(place)
        elif turn < 0.52:
            stop = window_start(entries, len(entries) // 3, SIZE)
            del entries[:stop]
            windows.pruned(stop)
            lowest = len(entries) // 3
        index = rng.randrange(max(lowest, len(entries) - 150), len(entries))
        for each in range(index, min(index + rng.randrange(1, 30), len(entries))):
            if entries[each][4] & SELECTED:
                assert windows.judge(entries, each, settled=True) == fresh(rule, entries, each)
            else:
                assert windows.judge(entries, each, settled=True) is None


def test_a_window_keeps_few_copies() -> None:
    rule, rng = RULES["threshold"], random.Random(1)
    entries = sorted((entry(rule, n, rng) for n in range(KEPT_EVERY * 20)), key=lambda e: e[:3])
    windows = Windows(rule.judge, SIZE)
    for index in range(len(entries)):
        windows.judge(entries, index, settled=False)

    assert len(windows._kept) == KEPT_AT_MOST


def test_a_short_track_keeps_no_window() -> None:
    rule, rng = RULES["threshold"], random.Random(1)
    entries = sorted((entry(rule, n, rng) for n in range(10)), key=lambda e: e[:3])
    windows = Windows(rule.judge, SIZE)
    windows.judge(entries, 9, settled=False)

    assert windows._window is None


@pytest.mark.parametrize("case", ["threshold", "branches", "sequence"])
def test_with_fewer_entries_than_the_least_nothing_is_said_and_with_as_many_something_may_be(case: str) -> None:
    rng = random.Random(3)
    rule = RULES[case]
    least = rule.judge.least
    spoken = set()
    for _ in range(2_000):
        entries = sorted((entry(rule, n, rng) for n in range(0, 2 * least, 2)), key=lambda e: e[:3])
        spoken |= {place for place in range(least) if entries[place][4] & SELECTED and fresh(rule, entries, place)}

    assert spoken == {least - 1}
