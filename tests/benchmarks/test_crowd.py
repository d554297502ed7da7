"""Made people: the same for the same seed, each calls in turn, and never later than they are heard."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.crowd import crowd
from benchmarks.histories import write_history


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_history(tmp_path / name, crowd(7, 50, 100, seed))

    one, again, other = ((tmp_path / name).read_bytes() for name in ("one", "again", "other"))
    assert one == again
    assert one != other
    assert len(one.splitlines()) == 50


def test_everybody_calls_as_often_as_everybody_else_at_the_rate_that_was_asked_for() -> None:
    found = list(crowd(10, 40, 20))

    assert set(Counter(event.reporter for event in found).values()) == {4}
    assert len({event.id for event in found}) == 40
    arrivals = [event.arrived_at for event in found if event.arrived_at]
    assert arrivals == sorted(arrivals)
    assert (arrivals[20] - arrivals[0]).total_seconds() == 86_400
    assert all(event.arrived_at and event.occurred_at <= event.arrived_at for event in found)
