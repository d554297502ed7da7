"""What each stage of a replay costs: CPU seconds of its calls, counted while the flow runs as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from time import thread_time
from typing import Any
from unittest.mock import patch

from alerts.detection import Shard
from alerts.linking import Linking
from alerts.publishing import Publishing
from dataflows.books import Books

STAGES: dict[str, tuple[tuple[type, str], ...]] = {
    "link": ((Linking, "take"), (Linking, "finish")),
    "detect": ((Shard, "take"),),
    "publish": ((Publishing, "take"),),
    "books": ((Books, "enter"), (Books, "note"), (Books, "weigh")),
}


class StageClock:
    """CPU seconds of this thread by stage; what calls a stage inside of another counts once, for the outer one."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._is_running = False

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time counted for a stage."""

        @wraps(function)
        def counted(*given: Any, **named: Any) -> Any:
            if self._is_running:
                return function(*given, **named)
            self._is_running, began = True, thread_time()
            try:
                return function(*given, **named)
            finally:
                self.seconds[stage] += thread_time() - began
                self._is_running = False

        return counted


@contextmanager
def stages_timed(clock: StageClock) -> Iterator[None]:
    """Inside the block the stages of every flow are timed. They are called once for many events, so this is free."""
    with ExitStack() as stack:
        for stage, functions in STAGES.items():
            for owner, name in functions:
                stack.enter_context(patch.object(owner, name, clock.timed(stage, getattr(owner, name))))
        yield
