"""The collector is calm inside the block and as before outside, also when the block fails; what is left stays."""

from __future__ import annotations

import contextlib
import gc
import weakref

from dataflows.memory import calm_collector


def test_the_collector_is_as_before_after_the_block_even_when_it_fails() -> None:
    before = gc.get_threshold()
    inside = before

    with contextlib.suppress(RuntimeError), calm_collector():
        inside = gc.get_threshold()
        raise RuntimeError

    assert inside[0] > before[0]
    assert gc.get_threshold() == before


class Cycle:
    """Something that only the collector can take away."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_left_at_the_end_is_taken_away_when_the_next_block_begins() -> None:
    with calm_collector():
        left = weakref.ref(Cycle())
    gc.collect()
    assert left() is not None

    with calm_collector():
        assert left() is None
