"""Caps: a flood of keys that come once pushes out one another, and nobody who has begun to say something."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_city import CHANNELS, DAY, HOUR, START, Run, make_rule, report, said

from alerts.alert import Draft
from alerts.eviction import PART, to_evict
from alerts.model import Arrival, Slice
from alerts.pipeline import Pipeline
from alerts.rule import Rule
from alerts.rule_file import RuleError

CAP = 40


def rule(number: int = 0, **parts: Any) -> Rule:
    kept = {"state": {"max_keys": CAP}, "window": {"size": "30d", "lateness": "6h"}}
    return make_rule("threshold", number, **{**kept, **parts})


def keys(run: Run) -> set[str]:
    return {key[1] for shard in run.pipeline.shards for key in shard.subjects[0]}


def flood(run: Run, count: int, at: int = 0, name: str = "once") -> None:
    for number in range(count):
        run.tell(report(f"{name}-{number}", at + number, pair=f"{name}-{number}"))


def test_keys_up_to_the_cap_all_stay() -> None:
    run = Run(rule())

    flood(run, CAP)

    assert len(keys(run)) == CAP


def test_of_keys_that_came_once_the_oldest_go_a_part_at_a_time() -> None:
    run = Run(rule())

    flood(run, CAP + 1)

    assert keys(run) == {f"once-{number}" for number in range(1 + CAP // PART, CAP + 1)}


def test_the_cap_holds_however_many_come() -> None:
    run = Run(rule())

    flood(run, 20 * CAP)

    assert len(keys(run)) <= CAP


def test_a_pair_that_builds_slowly_is_not_pushed_out_by_a_flood() -> None:
    run = Run(rule())

    for month in range(3):
        run.tell(report(f"slow-{month}", month * 10 * DAY, pair="slow"))
        flood(run, CAP // 2 if month == 0 else 5 * CAP, month * 10 * DAY + HOUR, f"flood-{month}")

    assert [(each.key["pair"], each.count) for each in run.revisions] == [("slow", 3)]


def test_a_life_safety_rule_grows_before_it_forgets_a_chain_that_has_begun() -> None:
    run = Run(rule())

    for number in range(3 * CAP):
        run.tell(report(f"a-{number}", 2 * number, pair=f"p-{number}"))
        run.tell(report(f"b-{number}", 2 * number + 1, pair=f"p-{number}"))

    assert len(keys(run)) == 3 * CAP


def test_another_rule_forgets_chains_with_few_events_once_no_others_are_left() -> None:
    run = Run(rule(purpose="operations"))
    for number in range(CAP):
        run.tell(report(f"a-{number}", 2 * number, pair=f"p-{number}"))
        run.tell(report(f"b-{number}", 2 * number + 1, pair=f"p-{number}"))

    run.tell(report("new", DAY, pair="new"))

    assert keys(run) == {f"p-{number}" for number in range(CAP // PART, CAP)}


def test_a_key_that_has_had_an_alert_is_never_forgotten() -> None:
    run = Run(rule(purpose="operations", levels=[{"gte": 1, "level": "blue"}], lifecycle={"quiet_close": "1h"}))

    flood(run, 2 * CAP)
    run.wait_until(10 * DAY)  # they are closed by now
    flood(run, 2 * CAP, 11 * DAY, "later")

    assert len(keys(run)) == 4 * CAP
    assert {each.revision for each in run.revisions if each.state == "open"} == {1}


@pytest.mark.parametrize("restarts", [False, True])
def test_where_nothing_may_go_all_keys_are_looked_through_once_for_each_part_that_comes(restarts: bool) -> None:
    run = Run(rule())
    looked = []

    for number in range(2 * CAP):
        for name in "ab":
            run.tell(report(f"{name}-{number}", 2 * number, pair=f"p-{number}"))
            looked += run.pipeline.shards[0].evictions
        if restarts:
            run.restart()

    assert len(looked) == CAP // (CAP // PART)
    assert {each.keys for each in looked} == {0}
    assert looked[-1].over == CAP + 1 - CAP // PART


def test_a_forgotten_key_leaves_no_timer_behind() -> None:
    run = Run(rule())

    flood(run, 20 * CAP)

    assert len(run.pipeline.shards[0].timers) <= CAP
    assert run.wait_until(60 * DAY) == []
    assert keys(run) == set()


def test_a_forgotten_key_begins_anew() -> None:
    run = Run(rule(levels=[{"gte": 2, "level": "blue"}]))

    run.tell(report("first", 0, pair="x"))
    flood(run, 2 * CAP, 1)
    assert run.tell(report("second", DAY, pair="x")) == []

    assert said(run.tell(report("third", DAY + 1, pair="x"))) == [(1, "open", "blue", "opened")]


def test_an_obligation_is_owed_whatever_else_comes() -> None:
    owed = {"id": ["case"], "opens": {"action": ["received"]}, "satisfied_by": {"action": ["closed"]}, "due": "5d"}
    run = Run(
        make_rule(
            "obligation", obligation=owed, stages=[{"at": "100%", "level": "red"}], state={"max_keys": CAP}, key=[],
            window={"lateness": "6h"},
        )
    )  # fmt: skip

    evictions = []
    for number in range(2 * CAP):
        run.tell(report(f"e-{number}", number, case=f"c-{number}", pair=None))
        evictions += run.pipeline.shards[0].evictions

    assert len(run.pipeline.shards[0].subjects[0]) == 2 * CAP
    assert sum(each.keys for each in evictions) == 0
    assert evictions[-1].over > 0


def test_shards_share_the_cap() -> None:
    run = Run(rule(), shards=4)

    flood(run, 20 * CAP)

    assert all(len(shard.subjects[0]) <= CAP // 4 for shard in run.pipeline.shards)


def test_a_key_that_sleeps_after_a_restart_weighs_what_it_weighed() -> None:
    run = Run(rule(purpose="operations", levels=[{"gte": 20, "level": "blue"}]))
    rng = random.Random(5)
    for number in range(300):
        run.tell(report(f"e-{number}", number * HOUR, pair=f"p-{rng.randrange(30)}"))
    shard = run.pipeline.shards[0]
    before = to_evict(shard.rules[0], shard.subjects[0], shard.alerts[0], 1000)

    run.restart()
    shard = run.pipeline.shards[0]
    after = to_evict(shard.rules[0], shard.subjects[0], shard.alerts[0], 1000)

    assert shard.subjects[0].awake == {}
    assert before == after != []


def events(seed: int) -> list[Arrival]:
    rng = random.Random(seed)
    found = []
    for number in range(250):
        at = number * HOUR
        pair = f"slow-{rng.randrange(8)}" if rng.random() < 0.3 else f"once-{number}"
        event = report(f"e-{number}", at - rng.randrange(5 * HOUR), pair=pair)
        found.append(Arrival(event, START + at, f"row-{number}"))
    return found


def play(log: list[Arrival], rng: random.Random | None, shards: int) -> tuple[list[Draft], list[set[Any]]]:
    def pipeline() -> Pipeline:
        return Pipeline([rule(state={"max_keys": 24})], CHANNELS, shards)

    stages, drafts, kept = pipeline(), list[Draft](), None
    while log:
        step = rng.randint(1, 60) if rng else len(log)
        part, log = log[:step], log[step:]
        drafts += stages.take(Slice(part[-1].arrived_us, part))[1]
        if rng and rng.random() < 0.7:
            kept = stages.snapshot()
            stages = pipeline()
            stages.restore(kept)
    return drafts, [set(shard.subjects[0]) for shard in stages.shards]


@given(seed=st.integers(0, 10_000), shards=st.integers(1, 4))
def test_what_is_forgotten_is_the_same_however_the_log_is_cut_and_the_flow_restarted(seed: int, shards: int) -> None:
    log = events(seed)

    assert play(log, random.Random(seed), shards) == play(log, None, shards)


def test_a_cap_below_one_is_refused() -> None:
    with pytest.raises(RuleError, match="`max_keys` must be at least 1; got 0"):
        rule(state={"max_keys": 0})


def test_a_cap_changes_no_meaning() -> None:
    assert rule().semantic_hash == rule(state={"max_keys": 7}).semantic_hash
