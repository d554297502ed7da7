"""Python's collector, told how a stream processor lives: much is kept for long, little of it in cycles."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

# new objects between two looks through the youngest, such looks between two through the middle-aged, and those
# between two through all. Each object is looked at twice, however often: only the pauses are longer or shorter.
OFTEN = 1_000, 5, 500_000  # for runs that somebody waits for: pauses of a few milliseconds, and never through all
HARDLY = 10_000_000, 50, 1_000  # for runs that end: most objects are gone before the first look


@contextlib.contextmanager
def calm_collector(when: tuple[int, int, int] = OFTEN) -> Iterator[None]:
    """Collect cycles so inside the block that kept state is not looked through again and again: that halves the speed.

    What is left at its end is looked through when the next block begins, and else never: where the process ends its
    memory goes with it, and to find first that all state is one large cycle took a sixth of a replay of ten days.
    """
    before = gc.get_threshold()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*when)
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*before)
