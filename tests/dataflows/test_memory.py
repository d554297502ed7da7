"""The collector is calm inside the block and as before outside, also when the block fails."""

from __future__ import annotations

import gc

import pytest

from dataflows.memory import calm_collector


def test_the_collector_is_as_before_after_the_block_even_when_it_fails() -> None:
    before = gc.get_threshold()

    with pytest.raises(RuntimeError), calm_collector():
        assert gc.get_threshold()[0] > before[0]
        raise RuntimeError

    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
