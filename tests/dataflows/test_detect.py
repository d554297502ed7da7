"""Detection as a Bytewax flow: the same drafts as the plain stages, with any workers, stopped anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import AbortExecution, FixedPartitionedSource, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from alerts.alert import Draft
from alerts.entry import Entry
from alerts.failing import Failure
from alerts.model import Arrival, End, Event, Slice, from_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule
from alerts.track import Track
from connectors.metrics import Metrics
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.books import Books
from dataflows.collect import ListSink
from dataflows.detect import add_detection
from dataflows.state_store import FORGETFUL, StateStore

CHANNELS = load_channels()
HOUR = 3_600_000_000
START = 1_772_409_600_000_000
SHARDS = 4


@pytest.fixture(scope="module")
def rules() -> list[Rule]:
    return load_rules([RULES_FOLDER], CHANNELS)


def city_corner(seed: int, reports: int = 400) -> list[Arrival]:
    """Three weeks of a few quarrelling families and residents, late by up to an hour."""
    rng = Random(seed)
    found = []
    for number in range(reports):
        at = START + rng.randrange(21 * 24) * HOUR + rng.randrange(3600) * 1_000_000
        someone = rng.randrange(12)
        event = Event(
            id=f"e{number}",
            channel=rng.choice(["grid", "hotline", "police", "petition"]),
            action=rng.choice(["received"] * 6 + ["visited", "closed"]),
            occurred_at=from_us(at),
            reporter=f"r{rng.randrange(30)}",
            pair=f"p{someone}",
            category="dispute",
            subcategory=rng.choice(["family", "neighbour", "labour"]),
            subject=rng.choice(["estate", None]),
            region=rng.choice(["620102001", "620103002"]),
            violence=rng.choice([None, 0, 1, 2, 3]),
            cues=("weapon",) if rng.random() < 0.05 else (),
            satisfied=rng.random() < 0.5,
        )
        found.append(Arrival(event, at + rng.randrange(3600) * 1_000_000))
    return sorted(found, key=lambda arrival: (arrival.arrived_us, arrival.event.id))


def in_slices(log: list[Arrival], size: int) -> list[Slice | End]:
    parts = [log[start : start + size] for start in range(0, len(log), size)]
    return [*(Slice(part[-1].arrived_us, part) for part in parts), End()]


class Cuts(FixedPartitionedSource[Slice | End, int]):
    """Slices from a list; `abort_at` breaks the flow off there, once."""

    def __init__(self, cuts: list[Slice | End], abort_at: list[int]) -> None:
        self._cuts = cuts
        self._abort_at = abort_at

    def list_parts(self) -> list[str]:
        return ["log"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        return _CutsPart(self._cuts, self._abort_at, resume_state or 0)


class _CutsPart(StatefulSourcePartition[Slice | End, int]):
    def __init__(self, cuts: list[Slice | End], abort_at: list[int], position: int) -> None:
        self._cuts = cuts
        self._abort_at = abort_at
        self._position = position

    def next_batch(self) -> list[Slice | End]:
        if self._abort_at and self._position >= self._abort_at[0]:
            self._abort_at.pop(0)
            raise AbortExecution
        if self._position == len(self._cuts):
            raise StopIteration
        self._position += 1
        return [self._cuts[self._position - 1]]

    def snapshot(self) -> int:
        return self._position


def run(
    rules: list[Rule],
    cuts: list[Slice | End],
    workers: int = 1,
    state: Path | None = None,
    aborts: tuple[int, ...] = (),
    failures: list[list[Failure]] | None = None,
) -> list[Draft]:
    """All drafts of the flow; after each abort it is started again from its state."""
    found: list[list[Draft]] = []
    recovery: Any = None
    store = FORGETFUL
    if state is not None:
        (state / "snapshots").mkdir()
        init_db_dir(state / "snapshots", 1)
        recovery = RecoveryConfig(str(state / "snapshots"), timedelta(0))
        store = StateStore(state / "kept")
    left = list(aborts)
    for _ in range(len(aborts) + 1):
        flow = Dataflow("test")
        log = op.input("log", flow, Cuts(cuts, left))
        detected = add_detection(log, rules, CHANNELS, SHARDS, Books(Metrics()), store=store)
        op.output("drafts", detected.drafts, ListSink(found))
        op.output("failed", detected.failures, ListSink([] if failures is None else failures))
        cli_main(flow, workers_per_process=workers, recovery_config=recovery, epoch_interval=timedelta(0))
    return [draft for part in found for draft in part]


def once_each(drafts: list[Draft]) -> Iterator[Draft]:
    """What a reader keeps of drafts that come again after a crash; they must be equal to the byte."""
    seen: dict[tuple[str, int, bool], Draft] = {}
    for draft in drafts:
        place = (draft.revision.alert_id, draft.revision.revision, draft.standing)
        assert seen.setdefault(place, draft) == draft
    return iter(seen.values())


def plain(rules: list[Rule], log: list[Arrival]) -> list[Draft]:
    pipeline = Pipeline(rules, CHANNELS)
    drafts = [draft for arrival in log for draft in pipeline.take(Slice(arrival.arrived_us, [arrival]))[1]]
    return drafts + pipeline.finish()[1]


def test_the_flow_says_what_the_plain_stages_say(rules: list[Rule]) -> None:
    log = city_corner(1)
    wanted = plain(rules, log)

    assert len(wanted) > 50
    assert run(rules, in_slices(log, 37)) == wanted
    assert run(rules, in_slices(log, 1000)) == wanted


def test_two_workers_say_the_same_in_the_same_order(rules: list[Rule]) -> None:
    log = city_corner(2)

    assert run(rules, in_slices(log, 20), workers=2) == run(rules, in_slices(log, 50))


def test_a_flow_that_is_broken_off_twice_goes_on_where_it_was(rules: list[Rule], tmp_path: Path) -> None:
    log = city_corner(3)
    cuts = in_slices(log, 10)

    got = list(once_each(run(rules, cuts, state=tmp_path, aborts=(13, 29))))

    assert got == run(rules, cuts)


def test_a_shadow_rule_is_recorded_and_takes_no_place_in_the_feed(rules: list[Rule]) -> None:
    log = city_corner(4)
    loud = plain(rules, log)
    quiet = {rule.id for rule in rules if rule.spec.status == "shadow"} | {"rc.repeat-contact"}
    shadowed = load_rules([RULES_FOLDER], CHANNELS)
    for rule in shadowed:
        if rule.id == "rc.repeat-contact":
            rule.spec.status = "shadow"

    drafts = plain(shadowed, log)

    told = [d.revision for d in drafts if not d.standing and d.revision.origin != "shadow"]
    shadows = {d.revision.rule for d in drafts if d.revision.origin == "shadow"}
    assert "rc.repeat-contact" in shadows <= quiet
    assert [r.feed_seq for r in told] == list(range(1, len(told) + 1))
    assert [r.content_hash for r in told] == [
        d.revision.content_hash for d in loud if not d.standing and d.revision.rule not in quiet
    ]


def test_a_rule_that_raises_in_the_engine_is_noted_and_the_others_say_what_they_would(
    rules: list[Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = city_corner(5)
    cuts = in_slices(log, 25)
    wanted = run(rules, cuts)
    rule, poison = wanted[0].revision.rule, wanted[0].evidence_ids[0]
    add = Track.add

    def raising(track: Track, entry: Entry, watermark: int) -> bool:
        if entry[2] == poison and track.rule.id == rule:
            raise ZeroDivisionError("what a person said")
        return add(track, entry, watermark)

    monkeypatch.setattr(Track, "add", raising)
    failures: list[list[Failure]] = []
    got = run(rules, cuts, workers=2, failures=failures)

    def others(drafts: list[Draft]) -> list[str]:
        return [draft.revision.content_hash for draft in drafts if draft.revision.rule != rule]

    assert others(got) == others(wanted)
    assert len(got) < len(wanted)
    assert {failure.rule for found in failures for failure in found} == {rule}
