"""Python's collector, told how a stream processor lives: much is kept for long, little of it in cycles."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def calm_collector() -> Iterator[None]:
    """Collect cycles seldom inside the block: looking through all kept state again and again halves the speed."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
