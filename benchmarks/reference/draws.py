"""Numbers that look random and are the same everywhere: splitmix64, counted instead of stepped."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

SEED = 20260301
ALL = (1 << 64) - 1
STEP = 0x9E3779B97F4A7C15
BETWEEN_STREAMS = 0xD1342543DE82EF95


def bits(stream: int) -> Callable[[int], int]:
    """A stream of 64-bit numbers: its n-th is a function of the stream and n alone."""
    base = _mixed((SEED + stream * BETWEEN_STREAMS) & ALL)

    def nth(n: int) -> int:
        z = (base + (n + 1) * STEP) & ALL
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & ALL
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & ALL
        return z ^ (z >> 31)

    return nth


def units(stream: int) -> Callable[[int], float]:
    """A stream of numbers in [0, 1)."""
    nth = bits(stream)
    return lambda n: (nth(n) >> 11) / (1 << 53)


def choices(stream: int, weights: Sequence[float]) -> Callable[[int], int]:
    """A stream of indices of `weights`, each as frequent as its weight says."""
    nth = units(stream)
    sums = list(accumulate(weights))
    shares = [each / sums[-1] for each in sums]
    last = len(shares) - 1
    return lambda n: min(bisect_right(shares, nth(n)), last)


def zipf(ranks: int, exponent: float) -> list[float]:
    """Weights of ranks 1, 2, 3 ...: a few are frequent, most are rare."""
    return [rank**-exponent for rank in range(1, ranks + 1)]


def _mixed(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & ALL
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & ALL
    return z ^ (z >> 31)
