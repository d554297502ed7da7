"""What rules mean, written slowly and plainly from the contract: every window by definition, no state, no clock.

Used by the tests that compare the stages with it. Nothing here is shared with the code under test.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

DAY = 86_400_000_000
RED = 3

Report = dict[str, Any]  # t, rank, id, plus whatever the verdict looks at
Verdict = Callable[[list[Report]], "tuple[int, Any] | None"]  # of the window that ends with its last report
Test = Callable[[Report], bool]


def episodes(
    reports: list[Report],
    verdict: Verdict,
    *,
    size: int,
    quiet: int | None,
    reopen: int | None,
    until: int | None = None,
) -> set[tuple[int, int, frozenset[str]]]:
    """The (episode, highest level, evidence ids) of one key, given all its reports in any order."""
    reports = sorted(reports, key=lambda r: (r["t"], r["rank"], r["id"]))
    found: dict[int, tuple[int, set[str]]] = {}
    number, is_open, last, closed = 0, False, 0, 0
    for index, report in enumerate(reports):
        if not report.get("selected", True):
            continue
        t = report["t"]
        window = [r for r in reports[: index + 1] if t - size < r["t"]]
        said = verdict(window)
        if is_open and quiet is not None and t - last >= quiet:
            is_open, closed = False, last + quiet
        if said is not None and not is_open:
            if not (number and reopen is not None and t - closed <= reopen):
                number += 1
                found[number] = (0, set())
            is_open = True
            found[number][1].update(r["id"] for r in window if r.get("selected", True))
        if is_open:
            level, ids = found[number]
            ids.add(report["id"])
            found[number] = (max(level, said[0] if said else 0), ids)
            last = t
    return {(n, level, frozenset(ids)) for n, (level, ids) in found.items()}


def _selected(window: list[Report]) -> list[Report]:
    return [r for r in window if r.get("selected", True)]


def count(rungs: dict[int, int]) -> Verdict:
    """At least N different contacts."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        number = len({r["contact"] for r in window if r.get("selected", True)})
        levels = [level for least, level in rungs.items() if number >= least]
        return (max(levels), number) if levels else None

    return verdict


def distinct(of: str, rungs: dict[int, int]) -> Verdict:
    """At least N different values, absent ones not counted."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        number = len({r[of] for r in window if r[of] is not None and r.get("selected", True)})
        levels = [level for least, level in rungs.items() if number >= least]
        return (max(levels), number) if levels else None

    return verdict


def climb(of: str, min_steps: int, by_steps: dict[int, int], by_last: dict[int, int]) -> Verdict:
    """The longest strictly increasing subsequence that ends with the newest report and crosses no reset."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        resets = [i for i, r in enumerate(window) if r.get("resets")]
        walk = [r for r in window[(resets[-1] if resets else 0) :] if r.get("selected", True)]
        *before, newest = walk
        if newest[of] is None:
            return None
        before = [r for r in before if r[of] is not None]
        steps = 1
        for length in range(len({r[of] for r in before}), 0, -1):  # it cannot rise more often
            chains = ([r[of] for r in chosen] + [newest[of]] for chosen in combinations(before, length))
            if any(all(a < b for a, b in pairwise(c)) for c in chains):
                steps = length + 1
                break
        if steps < min_steps:
            return None
        levels = [level for least, level in by_steps.items() if steps >= least]
        levels += [level for least, level in by_last.items() if newest[of] >= least]
        return (max(levels), steps) if levels else None

    return verdict


def shrinking(events: int, ratio: float, level: int) -> Verdict:
    """Each interval between the last reports is at most a share of the one before."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        times = [r["t"] for r in _selected(window)][-events:]
        gaps = [b - a for a, b in pairwise(times)]
        if len(times) < events or not all(a > 0 and b <= ratio * a for a, b in pairwise(gaps)):
            return None
        return level, gaps

    return verdict


def after_contact(cue: str, prior: int, level: int) -> Verdict:
    """A grave report with at least `prior` other contacts before it."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        *before, newest = _selected(window)
        others = {r["contact"] for r in before} - {newest["contact"]}
        return (level, len(others)) if newest[cue] and len(others) >= prior else None

    return verdict


def any_of(*verdicts: Verdict) -> Verdict:
    """The highest of several."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        said = [found for each in verdicts if (found := each(window)) is not None]
        return max(said, key=lambda pair: pair[0]) if said else None

    return verdict


def in_order(steps: list[str], within: int, gap_max: int | None, rungs: dict[int, int]) -> Verdict:
    """Reports that are the steps one after the other; the newest report is the last step walked."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        *before, newest = _selected(window)
        for number in range(len(steps), 0, -1):
            if number not in rungs and not any(number >= least for least in rungs):
                continue
            for chosen in combinations(before, number - 1):
                walk = [*chosen, newest]
                times = [r["t"] for r in walk]
                fits = all(step in r["steps"] for step, r in zip(steps, walk, strict=False))
                near = gap_max is None or all(b - a <= gap_max for a, b in pairwise(times))
                if fits and near and times[-1] - times[0] <= within:
                    return max(level for least, level in rungs.items() if number >= least), number
        return None

    return verdict


def matching(rungs: list[tuple[Test, int]]) -> Verdict:
    """The newest report alone, by the highest level whose test it passes."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        levels = [level for fits, level in rungs if fits(window[-1])]
        return (max(levels), None) if levels else None

    return verdict


def weighted(cues: list[tuple[Test, int, int | None]], rungs: dict[int, int]) -> Verdict:
    """The sum over the cues of the points of each contact that shows it, each cue up to its cap."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        total = 0
        for shows, points, cap in cues:
            worth = points * len({r["contact"] for r in _selected(window) if shows(r)})
            total += worth if cap is None or worth < cap else cap
        levels = [level for least, level in rungs.items() if total >= least]
        return (max(levels), total) if levels else None

    return verdict


def share(of: Test, among: Test, at_least: int, rungs: dict[float, int]) -> Verdict:
    """How many of some contacts are of a sort, once there are enough of them."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        all_of_them = {r["contact"] for r in _selected(window) if among(r)}
        some = {r["contact"] for r in _selected(window) if among(r) and of(r)}
        if len(all_of_them) < at_least:
            return None
        levels = [level for least, level in rungs.items() if len(some) / len(all_of_them) >= least]
        return (max(levels), (len(some), len(all_of_them))) if levels else None

    return verdict


def surprising(of: str, known_for: int, within: int, rungs: dict[int, int]) -> Verdict:
    """A value that the window shows for the first time less than `within` ago, of a key that was known by then."""

    def verdict(window: list[Report]) -> tuple[int, Any] | None:
        reports = _selected(window)
        newest = reports[-1]
        with_it = [r for r in reports if newest[of] is not None and r[of] == newest[of]]
        if not with_it:
            return None
        first = min(r["t"] for r in with_it)
        was_known = any(r["t"] <= first - known_for for r in reports)
        if newest["t"] - first >= within or not was_known:
            return None
        number = len({r["contact"] for r in with_it})
        levels = [level for least, level in rungs.items() if number >= least]
        return (max(levels), number) if levels else None

    return verdict
