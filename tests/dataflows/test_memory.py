"""The collector is calm inside the block and as before outside, also when the block fails."""

from __future__ import annotations

import contextlib
import gc

from dataflows.memory import calm_collector


def test_the_collector_is_as_before_after_the_block_even_when_it_fails() -> None:
    before = gc.get_threshold()
    inside = before

    with contextlib.suppress(RuntimeError), calm_collector():
        inside = gc.get_threshold()
        raise RuntimeError

    assert inside[0] > before[0]
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
