"""Python's collector, told how a stream processor lives: much is kept for long, little of it in cycles."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

SELDOM = 50_000  # new objects between two looks: pauses of some hundredths of a second
HARDLY = 10_000_000  # for runs that end: a look costs as much for each object, and most are gone before it


@contextlib.contextmanager
def calm_collector(every: int = SELDOM) -> Iterator[None]:
    """Collect cycles seldom inside the block: looking through all kept state again and again halves the speed.

    What is left at its end is looked through when the next block begins, and else never: where the process ends its
    memory goes with it, and to find first that all state is one large cycle took a sixth of a replay of ten days.
    """
    before = gc.get_threshold()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(every, 50, 1_000)
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*before)
