"""A replay measured from inside: every event after the warm-up counts once, and the answer is that of the flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.crowd import crowd
from benchmarks.growth import RULES
from benchmarks.histories import write_history
from benchmarks.replay_cluster import shared
from benchmarks.replay_run import Task, run
from benchmarks.stage_clock import STAGES, StageClock, stages_timed


@pytest.fixture
def task(tmp_path: Path) -> Task:
    history = tmp_path / "history.jsonl"
    write_history(history, crowd(400, 6_000, 2_000))
    return Task(str(history), str(tmp_path / "result.json"), (str(RULES),), warm_up=2_000)


def test_every_event_after_the_warm_up_counts_once_day_by_day(task: Task) -> None:
    found = run(task)

    assert [(period.name, period.events) for period in found.periods] == [("2026-03-03", 2_000), ("2026-03-04", 2_000)]
    assert found.events == 4_000
    for period in found.periods:
        assert period.seconds["flow"] >= sum(period.seconds[stage] for stage in STAGES) > 0
    assert (found.revisions, found.profile) == (0, [])


def test_a_profile_names_the_functions_of_the_product(task: Task) -> None:
    found = run(Task(task.history, task.result, task.rules, warm_up=2_000, is_profiled=True))

    assert any(row.function.startswith("alerts/") for row in found.profile)
    assert sum(row.own_share for row in found.profile) <= 1


def test_a_stage_inside_of_a_stage_counts_for_the_outer_one() -> None:
    clock = StageClock()
    inner = clock.timed("detect", lambda: sum(range(100_000)))
    outer = clock.timed("link", inner)

    with stages_timed(clock):
        outer()

    assert clock.seconds["link"] > 0
    assert clock.seconds["detect"] == 0


def test_processes_that_share_a_replay_have_addresses_and_results_of_their_own(task: Task) -> None:
    tasks = shared(task, 3)

    assert [each.process for each in tasks] == [0, 1, 2]
    assert len({each.result for each in tasks}) == 3
    assert len(set(tasks[0].addresses)) == 3
    assert {each.addresses for each in tasks} == {tasks[0].addresses}
