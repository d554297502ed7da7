"""The harness itself: the same seed plays the same faults on the same load, and the checks can fail."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path

import pytest
from msgspec import structs
from revisions import a_revision

from alerts.digest import Said
from alerts.model import to_us
from connectors.metrics import page
from tests.faults.__main__ import main
from tests.faults.checks import Truth
from tests.faults.followers import Heard
from tests.faults.load import DELAY_US, Load
from tests.faults.plan import KINDS, SERVERS, faults

LOAD = Load(seed=7, start_us=1_772_000_000_000_000, rate=60.0, speed=60.0)
PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_plays_the_same_faults(kind: str) -> None:
    first, again, other = (list(faults(kind, 30, seed, 6.0, True)) for seed in (1, 1, 2))

    assert first == again
    assert first != other
    assert {fault.part for fault in first} == ({*SERVERS, "flow"} if kind == "mixed" else {kind})
    assert all(fault.away <= 6.0 for fault in first)


def test_a_broker_that_forgets_is_never_killed() -> None:
    played = [fault for kind in KINDS for fault in faults(kind, 60, 3, 6.0, False)]
    struck = [fault for fault in [*played, *(fault.second for fault in played)] if fault and fault.part == "broker"]

    assert {fault.act for fault in struck} == {"hang"}


def test_the_load_is_the_same_for_the_same_seed_and_out_of_order_inside_the_lateness() -> None:
    first, again = (list(islice(LOAD.events(), 3_000)) for _ in range(2))
    arrivals = [to_us(event.arrived_at) for event in first if event.arrived_at is not None]
    ids = [event.id for event in first]

    assert first == again
    assert arrivals == sorted(arrivals)
    assert len(set(ids)) < len(ids)
    assert any(one.occurred_at > other.occurred_at for one, other in pairwise(first))
    assert all(event.occurred_at <= event.arrived_at for event in first if event.arrived_at is not None)
    assert DELAY_US < 10 * 60_000_000


def said(alert: str, revision: int, content: str = "x") -> Said:
    return Said(alert, revision, content, 10, "told", "r", "threshold", {}, 1, "open", "blue", "")


@pytest.mark.parametrize(
    ("found", "lost", "other", "doubled"),
    [
        ([said("a", 1), said("a", 2)], 0, 0, 0),
        ([said("a", 1)], 1, 0, 0),
        ([said("a", 1), said("a", 2, "y")], 0, 1, 0),
        ([said("a", 1), said("a", 2), said("a", 2)], 0, 0, 1),
        ([said("a", 1), said("a", 2), said("b", 1)], 0, 1, 0),
    ],
    ids=["the same", "lost", "another content", "twice", "invented"],
)
def test_a_difference_from_the_log_is_seen(found: list[Said], lost: int, other: int, doubled: int) -> None:
    truth = Truth.__new__(Truth)
    truth.said = [said("a", 1), said("a", 2)]

    difference = truth.differs(found, truth.until(10, told_only=True))

    assert (len(difference.lost), len(difference.other), difference.doubled) == (lost, other, doubled)
    assert difference.is_none == (not (lost or other or doubled))


def test_a_subscriber_counts_what_it_sees_twice_and_what_is_missing() -> None:
    heard = Heard()
    for number in (1, 2, 2, 1, 4):
        revision = a_revision("a", number, datetime(2026, 3, 2, tzinfo=UTC))
        heard.take(structs.replace(revision, feed_seq=number))
    heard.take(a_revision("b", 1, datetime(2026, 3, 2, tzinfo=UTC)))

    assert heard.twice == 2
    assert len(heard.gaps) == 1
    assert heard.seq_back == 1
    assert heard.places == {("a", 1), ("a", 2), ("a", 4), ("b", 1)}


def test_the_page_names_every_option_and_kind() -> None:
    options = {option for parameter in main.params for option in parameter.opts}
    rows = {line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `--")}

    assert rows == options
    assert all(f"`{kind}`" in PAGE and f"**{kind}**" in PAGE for kind in KINDS)


@pytest.mark.parametrize("path", ["flow.py", "round.py"])
def test_every_metric_that_is_asked_for_exists(path: str) -> None:
    asked = re.findall(r'total\("(\w+)"\)', (Path(__file__).parent / path).read_text(encoding="utf-8"))
    declared = page()

    assert asked
    assert [name for name in asked if f"anlan_{name}`" not in declared] == []
