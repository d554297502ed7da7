"""The stages against the slow reference, in any arrival order, cut anywhere, with any number of shards."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import reference as by_definition
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alerts.alert import Draft
from alerts.channel import Channel
from alerts.entry import LEVEL_NUMBER
from alerts.model import Arrival, Event, Link, Slice, Text, from_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule, compile_rule

HOUR = 3_600_000_000
DAY = 24 * HOUR
START = 1_772_000_000_000_000
LATENESS = 6 * HOUR
RANKS = {"grid": 1, "hotline": 2, "police": 2, "petition": 3, "superior": 4}
CHANNELS = {name: Channel(name, Text(name, name), rank, LATENESS, 3 * DAY) for name, rank in RANKS.items()}
LEVELS = {"blue": 1, "yellow": 2, "red": 3}


def rule(kind: str, **parts: Any) -> Rule:
    spec = {
        "apiVersion": "rules/v1", "id": f"test.{kind}", "version": 1, "kind": kind, "title": {"zh": "测", "en": "t"},
        "owner": "tests", "purpose": "life-safety", "channels": list(RANKS),
        "select": {"contact": {"action": ["received"]}}, "key": ["pair"],
        "window": {"size": "2d", "lateness": "6h"},
        "lifecycle": {"quiet_close": "1d", "reopen_within": "2d"},
        **parts,
    }  # fmt: skip
    return compile_rule(spec, CHANNELS)


RUNGS = [{"gte": 3, "level": "blue"}, {"gte": 5, "level": "red"}]
STEPS = [
    {"name": "a", "event": {"channel": ["grid"]}},
    {"name": "b", "event": {"channel": ["hotline", "petition"]}},
    {"name": "c", "event": {"channel": ["police", "petition"]}},
]
SHARE = {"of": {"violence|gte": 2}, "among": {"channel": ["hotline", "police", "petition"]}, "at_least": 2}
SHARES = [{"ratio": 0.5, "level": "blue"}, {"ratio": 0.75, "level": "red"}]
NEW = {"new_value": {"forget_after": "4d", "known_for": "1d"}, "within": "20h"}
NEW_RUNGS = [{"gte": 1, "level": "blue"}, {"gte": 2, "level": "red"}]


def is_violent(least: int) -> Callable[[dict[str, Any]], bool]:
    return lambda r: r["violence"] is not None and r["violence"] >= least


def has_weapon_at_police(r: dict[str, Any]) -> bool:
    return bool(r["weapon"]) and r["channel"] == "police"


def share_of_violence() -> by_definition.Verdict:
    wanted = SHARE["among"]["channel"]  # type: ignore[index]
    return by_definition.share(is_violent(2), lambda r: r["channel"] in wanted, 2, {0.5: 1, 0.75: 3})


CASES = {
    "threshold": (
        rule("threshold", levels=RUNGS),
        by_definition.count({3: 1, 5: 3}),
    ),
    "distinct": (
        rule("distinct", of="reporter", levels=RUNGS),
        by_definition.distinct("reporter", {3: 1, 5: 3}),
    ),
    "climb": (
        rule(
            "progression",
            when={"chain": {"measure": "channel_rank", "min_steps": 2}},
            levels=[{"steps": 2, "level": "blue"}, {"steps": 3, "level": "yellow"}, {"measure_gte": 4, "level": "red"}],
        ),
        by_definition.climb("channel_rank", 2, {2: 1, 3: 2}, {4: 3}),
    ),
    "climb until satisfied, eager": (
        rule(
            "progression",
            when={"chain": {"measure": "channel_rank", "min_steps": 2}, "eager": True},
            unless={"fine": {"action": ["visited"], "satisfied": [True]}},
            levels=[{"steps": 2, "level": "blue"}, {"steps": 3, "level": "yellow"}],
        ),
        by_definition.climb("channel_rank", 2, {2: 1, 3: 2}, {}),
    ),
    "climb until satisfied": (
        rule(
            "progression",
            when={"chain": {"measure": "channel_rank", "min_steps": 2}},
            unless={"fine": {"action": ["visited"], "satisfied": [True]}},
            levels=[{"steps": 2, "level": "blue"}, {"steps": 3, "level": "yellow"}],
        ),
        by_definition.climb("channel_rank", 2, {2: 1, 3: 2}, {}),
    ),
    "branches": (
        rule(
            "progression",
            when={
                "any": [
                    {"name": "cue", "prior_gte": 1, "event": {"cues|any": ["weapon"]}, "level": "red"},
                    {"name": "rising", "chain": {"measure": "violence", "min_steps": 2}, "level": "yellow"},
                    {"name": "faster", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}, "level": "blue"},
                ]
            },
        ),
        by_definition.any_of(
            by_definition.after_contact("weapon", 1, 3),
            by_definition.climb("violence", 2, {2: 2}, {}),
            by_definition.shrinking(3, 0.5, 1),
        ),
    ),
    "gaps, eager": (
        rule(
            "progression",
            when={"any": [{"name": "faster", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}, "level": "blue"}],
                  "eager": True},
        ),
        by_definition.shrinking(3, 0.5, 1),
    ),
    "sequence": (
        rule(
            "sequence",
            when={"steps": STEPS, "gap_max": "20h"},
            levels=[{"steps": 2, "level": "blue"}, {"steps": 3, "level": "red"}],
        ),
        by_definition.in_order(["a", "b", "c"], 2 * DAY, 20 * HOUR, {2: 1, 3: 3}),
    ),
    "match": (
        rule(
            "match",
            window={"lateness": "6h"},
            levels=[
                {"event": {"violence|gte": 1}, "level": "blue"},
                {"event": {"violence|gte": 3}, "level": "yellow"},
                {"event": {"cues|any": ["weapon"], "channel": ["police"]}, "level": "red"},
            ],
        ),
        by_definition.matching([(is_violent(1), 1), (is_violent(3), 2), (has_weapon_at_police, 3)]),
    ),
    "score": (
        rule(
            "score",
            when={
                "score": [
                    {"name": "weapon", "event": {"cues|any": ["weapon"]}, "points": 3},
                    {"name": "violence", "event": {"violence|gte": 2}, "points": 2, "cap": 5},
                    {"name": "told", "event": {}, "points": 1, "cap": 3},
                ]
            },
            levels=[{"gte": 4, "level": "blue"}, {"gte": 7, "level": "yellow"}, {"gte": 9, "level": "red"}],
        ),
        by_definition.weighted(
            [(lambda r: r["weapon"], 3, None), (is_violent(2), 2, 5), (lambda r: True, 1, 3)], {4: 1, 7: 2, 9: 3}
        ),
    ),
    "ratio": (rule("ratio", when={"ratio": SHARE}, levels=SHARES), share_of_violence()),
    "ratio, eager": (rule("ratio", when={"ratio": SHARE, "eager": True}, levels=SHARES), share_of_violence()),
    "new value": (
        rule("new_value", of="reporter", window={"lateness": "6h"}, when=NEW, levels=NEW_RUNGS),
        by_definition.surprising("reporter", DAY, 20 * HOUR, {1: 1, 2: 3}),
    ),
    "new value, eager": (
        rule("new_value", of="reporter", window={"lateness": "6h"}, when={**NEW, "eager": True}, levels=NEW_RUNGS),
        by_definition.surprising("reporter", DAY, 20 * HOUR, {1: 1, 2: 3}),
    ),
}  # fmt: skip

report = st.builds(
    dict,
    hour=st.integers(0, 24 * 9),
    second=st.sampled_from([0, 0, 1, 1800]),
    channel=st.sampled_from(sorted(RANKS)),
    pair=st.sampled_from(["x", "x", "y"]),
    reporter=st.sampled_from(["p1", "p2", "p3", "p4", "p5", "p6", None]),
    violence=st.sampled_from([None, 0, 1, 2, 3]),
    weapon=st.sampled_from([False, False, False, True]),
    satisfied=st.sampled_from([False] * 6 + [True]),
    follows=st.sampled_from([None] * 5 + [0, 1, 2]),
    delay=st.integers(0, 6 * 60),
)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
histories = st.lists(report, min_size=1, max_size=14)


def arrivals(history: list[dict[str, Any]]) -> list[Arrival]:
    """The log of a history: each report with the delay it was given, in order of arrival."""
    found = []
    for number, r in enumerate(history):
        at = START + r["hour"] * HOUR + r["second"] * 1_000_000
        link = None
        if r["follows"] is not None and r["follows"] < number:
            link = Link("transfer", f"e{r['follows']}")
        event = Event(
            id=f"e{number}", channel=r["channel"], action="visited" if r["satisfied"] else "received",
            occurred_at=from_us(at), pair=r["pair"], reporter=r["reporter"], violence=r["violence"], matter=r["pair"],
            cues=("weapon",) if r["weapon"] else (), link=link, satisfied=True if r["satisfied"] else None,
        )  # fmt: skip
        found.append(Arrival(event, at + r["delay"] * 60_000_000))
    return sorted(found, key=lambda a: (a.arrived_us, a.event.id))


def reports(history: list[dict[str, Any]], pair: str, resets: bool) -> list[dict[str, Any]]:
    """The same history as the reference reads it."""
    found = []
    for number, r in enumerate(history):
        if r["pair"] != pair:
            continue
        steps = {"a"} if r["channel"] == "grid" else set()
        steps |= {"b"} if r["channel"] in ("hotline", "petition") else set()
        steps |= {"c"} if r["channel"] in ("police", "petition") else set()
        found.append(
            {
                **r,
                "id": f"e{number}",
                "t": START + r["hour"] * HOUR + r["second"] * 1_000_000,
                "rank": RANKS[r["channel"]],
                "channel_rank": RANKS[r["channel"]],
                "contact": f"e{number}",
                "steps": steps,
                "selected": not r["satisfied"],
                "resets": resets and r["satisfied"],
            }
        )
    return found


def run(
    chosen: Rule,
    log: list[Arrival],
    shards: int = 1,
    cuts: random.Random | None = None,
    restarts: bool = False,
) -> list[Draft]:
    """All drafts over a log, cut into slices anywhere, stopped and started again anywhere."""
    pipeline = Pipeline([chosen], CHANNELS, shards)
    drafts: list[Draft] = []
    position = 0
    while position < len(log):
        step = cuts.randint(1, 4) if cuts else 1
        part = log[position : position + step]
        drafts += pipeline.take(Slice(part[-1].arrived_us, part))[1]
        position += step
        if restarts:
            kept = pipeline.snapshot()
            pipeline = Pipeline([chosen], CHANNELS, shards)
            pipeline.restore(kept)
    return drafts + pipeline.finish()[1]


def weak(drafts: list[Draft]) -> set[tuple[str, int, int, frozenset[str]]]:
    """(key, episode, highest level, evidence) of every alert that stands."""
    final = {draft.revision.alert_id: draft for draft in drafts}
    return {
        (
            d.revision.key["pair"],
            d.revision.episode,
            LEVEL_NUMBER[d.revision.level_max],
            frozenset(d.evidence_ids),
        )
        for d in final.values()
        if d.revision.state not in ("retracted", "merged")
    }


def expected(case: str, history: list[dict[str, Any]]) -> set[tuple[str, int, int, frozenset[str]]]:
    chosen, verdict = CASES[case]
    return {
        (pair, *found)
        for pair in ("x", "y")
        for found in by_definition.episodes(
            reports(history, pair, bool(chosen.spec.unless)), verdict, size=chosen.size, quiet=chosen.life.quiet_close,
            reopen=chosen.life.reopen_within,
        )
    }  # fmt: skip


def without_links(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**r, "follows": None} for r in history]


@pytest.mark.parametrize("case", CASES)
@given(history=histories, seed=st.integers(0, 1 << 30))
@settings(max_examples=150, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_any_arrival_order_gives_what_the_contract_says(case: str, history: Any, seed: int) -> None:
    history = without_links(history)
    wanted = expected(case, history)
    rng = random.Random(seed)
    for _ in range(3):
        got = weak(run(CASES[case][0], arrivals(history), cuts=rng))

        assert got == wanted
        history = [{**r, "delay": rng.randint(0, 6 * 60)} for r in history]


@pytest.mark.parametrize("case", CASES)
@given(history=histories, seed=st.integers(0, 1 << 30))
@settings(max_examples=60, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow])
def test_cuts_shards_and_restarts_change_no_byte(case: str, history: Any, seed: int) -> None:
    log = arrivals(history)
    plain = run(CASES[case][0], log)
    rng = random.Random(seed)

    assert run(CASES[case][0], log, cuts=rng) == plain
    assert run(CASES[case][0], log, shards=3, cuts=rng) == plain
    assert run(CASES[case][0], log, shards=2, cuts=rng, restarts=True) == plain
