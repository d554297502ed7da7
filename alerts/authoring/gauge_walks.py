"""What the gauges of ordered rules look for in a window: walks through steps, rising chains, shrinking intervals.

Each is asked now and then and for one key, so it looks at the whole window and keeps nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Chain = tuple[int, int, int]  # how many steps, event time of the first, measure of the last


def walks(
    seen: Sequence[tuple[int, set[int]]], places: Sequence[int], within: int, gap_max: int | None, at: int
) -> dict[int, int]:
    """For each number of places walked that an event at `at` could carry on: until when it can be.

    `seen` are event times, each with the steps that the event can be; `places` the step of each place.
    """
    ending: list[list[tuple[int, int]]] = [[] for _ in places]  # (start, end), the later the end the later the start
    for now, steps in seen:
        for place in range(len(places) - 1, -1, -1):  # backwards: one event fills one place of a walk
            if places[place] in steps:
                start = now if place == 0 else _start(ending, places, place, within, gap_max, now)
                if start is not None:
                    while ending[place] and ending[place][-1][0] <= start:
                        ending[place].pop()
                    ending[place].append((start, now))
    alive = {}
    for place, found in enumerate(ending):
        is_same_step = place + 1 < len(places) and places[place + 1] == places[place]
        gap = None if is_same_step else gap_max
        until = [min(start + within, end + gap if gap is not None else start + within) for start, end in found]
        if until and max(until) >= at:
            alive[place + 1] = max(until) + 1
    return alive


def _start(
    ending: Sequence[Sequence[tuple[int, int]]], places: Sequence[int], place: int, within: int, gap_max: int | None,
    now: int,
) -> int | None:  # fmt: skip
    """The latest start of a walk that an event now can carry on at `place`."""
    is_same_step = places[place] == places[place - 1]
    near = (
        start
        for start, end in ending[place - 1]
        if (gap_max is None or is_same_step or end >= now - gap_max) and start >= now - within
    )
    return max(near, default=None)


def rising(seen: Sequence[tuple[int, int]], needed: int, greatest: int | None) -> Chain | None:
    """The longest strictly rising chain of less than `needed` steps that can still rise to `needed`.

    `seen` are event times with their measures. Of equally long chains the one that starts latest, of those the one
    that ends lowest. None where there is none.
    """
    latest: dict[tuple[int, int], int] = {}  # (steps, last measure) -> latest start
    for now, measure in seen:
        reached = {1: now}
        for (steps, last), start in latest.items():
            if last < measure and steps + 1 < needed:
                reached[steps + 1] = max(start, reached.get(steps + 1, start))
        for steps, start in reached.items():
            latest[steps, measure] = max(start, latest.get((steps, measure), start))
    usable = [
        (steps, start, last)
        for (steps, last), start in latest.items()
        if steps < needed and (greatest is None or last + needed - steps <= greatest)
    ]
    return max(usable, key=lambda chain: (chain[0], chain[1], -chain[2]), default=None)


def shrinking(times: Sequence[int], needed: int, ratio: float, size: int, at: int) -> tuple[int, int | None]:
    """How many of the last events begin a run of `needed` shrinking intervals that an event at `at` could carry on.

    With it until when: the next interval must be short enough, and the first event still in the window.
    """
    for length in range(min(len(times), needed - 1), 0, -1):
        run = times[-length:]
        gaps = [late - early for early, late in pairwise(run)]
        until = run[0] + size
        if gaps:
            until = min(until, run[-1] + int(ratio * gaps[-1]) + 1)
        shrink = all(gap > 0 for gap in gaps) and all(later <= ratio * early for early, later in pairwise(gaps))
        if shrink and at < until:
            return length, until
    return 0, None
