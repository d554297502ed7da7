"""How often a caller may ask, and how many streams they may hold."""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus

from msgspec import Struct

from dataflows.api.problem import RefusedError


class Limits(Struct, frozen=True):
    """What one token may do."""

    per_second: float = 20.0
    at_once: int = 100  # requests that may come together after a quiet time
    streams: int = 10


class Buckets:
    """One bucket for each name: it holds `at_once` requests and is filled again by `per_second`."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._left: dict[str, tuple[float, float]] = {}  # how many are left, and when that was
        self._streams: Counter[str] = Counter()

    def take(self, name: str) -> None:
        """One request. Raises a refusal that says when to come again."""
        now = self._now()
        left, at = self._left.get(name, (float(self._limits.at_once), now))
        left = min(self._limits.at_once, left + (now - at) * self._limits.per_second)
        if left < 1:
            self._left[name] = left, now
            wait = math.ceil((1 - left) / self._limits.per_second)
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"requests must be at most {self._limits.per_second:g} a second; got more; wait {wait} s",
                Retry_After=str(wait),
            )
        self._left[name] = left - 1, now

    def refuse_stream(self, name: str) -> None:
        """Raise a refusal where somebody holds as many streams as they may."""
        if self._streams[name] >= self._limits.streams:
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"streams must be at most {self._limits.streams} at once; got one more; close another",
                Retry_After="5",
            )

    @contextlib.contextmanager
    def stream(self, name: str) -> Iterator[None]:
        """Somebody holds a stream."""
        self._streams[name] += 1
        try:
            yield
        finally:
            self._streams[name] -= 1
