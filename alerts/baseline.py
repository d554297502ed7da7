"""What is usual: counts of earlier days, their median and spread, and how rare a count is among them.

Two forms (semantics 6). *Slots*: the same hour of earlier days of the same class, by median and median absolute
deviation. *Days*: the same stretch of the last days, as a negative binomial, which is a Poisson whose mean varies.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from math import exp, lgamma, log, log1p
from typing import Any, NamedTuple

MAD_TO_DEVIATION = 1.4826  # a normal distribution's standard deviation in units of its MAD
_NEGLIGIBLE = 1e-17
_MORE_THAN_CHANCE = 1 + 1e-6  # nearer to a Poisson the difference of two huge logarithms says nothing


class Usual(NamedTuple):
    """What the earlier windows of one area hold: `middle` and `spread` are median and MAD, or mean and variance."""

    middle: float
    spread: float
    size: int  # how many windows there were
    digest: str  # of the counts themselves


class History:
    """Counts in equal buckets of local time, kept sparse; a bucket may be flagged as part of a surge.

    A bucket is open on the left: what happened at 11:00 sharp lies in the one that ends then.
    """

    __slots__ = ("_buckets", "_until", "changes", "flagged")

    def __init__(self) -> None:
        self._buckets: list[int] = []  # those with a count, in their order
        self._until: list[int] = [0]  # how many lie before each of them, and in all; from any start
        self.flagged: set[int] = set()
        self.changes = 0  # grows when a flag is set

    def add(self, bucket: int, count: int = 1) -> None:
        """So many more in a bucket, which must not lie before one that has any."""
        if self._buckets and self._buckets[-1] == bucket:
            self._until[-1] += count
        else:
            self._buckets.append(bucket)
            self._until.append(self._until[-1] + count)

    def flag(self, first: int, last: int) -> None:
        """The buckets from `first` to `last` belong to a surge."""
        before = len(self.flagged)
        self.flagged.update(range(first, last + 1))
        self.changes += len(self.flagged) > before

    def total(self, end: int, length: int) -> int:
        """How many lie in the `length` buckets that end with `end`."""
        return self._sums([end], length)[0]

    def totals(self, ends: Iterable[int], length: int) -> list[int]:
        """The same for each end, without those that touch a flagged bucket."""
        if self.flagged:
            flagged = self.flagged
            ends = [end for end in ends if flagged.isdisjoint(range(end - length + 1, end + 1))]
        return self._sums(ends, length)

    def _sums(self, ends: Iterable[int], length: int) -> list[int]:
        buckets, until = self._buckets, self._until
        return [until[bisect_right(buckets, end)] - until[bisect_right(buckets, end - length)] for end in ends]

    def prune(self, oldest: int) -> None:
        """Forget the buckets before `oldest`."""
        gone = bisect_left(self._buckets, oldest)
        del self._buckets[:gone], self._until[:gone]
        if self.flagged and min(self.flagged) < oldest:
            self.flagged = {bucket for bucket in self.flagged if bucket >= oldest}

    def is_empty(self) -> bool:
        """Nothing is counted, and nothing is flagged."""
        return not self._buckets and not self.flagged

    def state(self) -> Any:
        """Everything that is kept, in plain types."""
        return [self._buckets, self._until, sorted(self.flagged)]

    @staticmethod
    def restored(state: Any) -> History:
        """The history that `state` described."""
        history = History()
        history._buckets, history._until, flagged = state
        history.flagged = set(flagged)
        return history


def slot_usual(values: Sequence[int]) -> Usual:
    """Median and median absolute deviation of at least one count."""
    middle = median(values)
    return Usual(middle, median([abs(value - middle) for value in values]), len(values), _digest(values))


def daily_usual(values: Sequence[int]) -> Usual:
    """Mean and variance of at least one count.

    Where nothing ever happened the mean is taken as one event in as many days, so that a first event is rare and
    not impossible.
    """
    size = len(values)
    mean = sum(values) / size
    variance = sum([(value - mean) ** 2 for value in values]) / (size - 1) if size > 1 else 0.0
    return Usual(max(mean, 1 / size), variance, size, _digest(values))


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def score(count: int, usual: Usual) -> float:
    """How many deviations a count lies above the median; a deviation is at least one event."""
    return (count - usual.middle) / max(MAD_TO_DEVIATION * usual.spread, 1.0)


def ratio(count: int, expected: float) -> float:
    """How many times the expected a count is; less than one event is expected as one."""
    return count / max(expected, 1.0)


def tail(count: int, mean: float, variance: float, scale: float = 1.0) -> float:
    """How probable at least `count` events are where the earlier days had this mean (above 0) and variance.

    A negative binomial where they varied more than chance alone would, a Poisson where not. `scale` multiplies the
    mean and leaves the shape, so that the variance grows with it.
    """
    shape = mean * mean / (variance - mean) if variance > mean * _MORE_THAN_CHANCE else None
    expected = mean * scale
    if count <= expected:
        return max(1.0 - sum(_below(count, expected, shape)), 0.0)
    return min(sum(_upwards(count, expected, shape)), 1.0)


def _upwards(number: int, mean: float, shape: float | None) -> Iterable[float]:
    """The probabilities from `number` on, until they no longer matter."""
    term = exp(_log_probability(number, mean, shape))
    step = mean if shape is None else mean / (shape + mean)
    added = 0.0
    while term > added * _NEGLIGIBLE:
        yield term
        added += term
        term *= step * (1.0 if shape is None else number + shape) / (number + 1)
        number += 1


def _below(number: int, mean: float, shape: float | None) -> Iterable[float]:
    """The probabilities below `number`, from the greatest number down to 0: none of them underflows on the way."""
    term = exp(_log_probability(number - 1, mean, shape)) if number else 0.0
    step = mean if shape is None else mean / (shape + mean)
    for each in range(number - 1, -1, -1):
        yield term
        term *= each / (step * (1.0 if shape is None else each - 1 + shape)) if each else 0.0


def _log_probability(number: int, mean: float, shape: float | None) -> float:
    if shape is None:
        return number * log(mean) - mean - lgamma(number + 1)
    ways = lgamma(number + shape) - lgamma(shape) - lgamma(number + 1)
    return ways - shape * log1p(mean / shape) + number * log(mean / (shape + mean))


def _digest(values: Sequence[int]) -> str:
    return f"{zlib.crc32(repr(sorted(values)).encode()):08x}"
