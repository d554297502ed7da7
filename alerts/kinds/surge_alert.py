"""surge: what an alert says: the episode that begins or rises with a finding about an area or a district."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from alerts.baseline import ratio
from alerts.entry import Entry, Key, Verdict
from alerts.episode import Episode, Facts
from alerts.kinds.surge_days import Reading
from alerts.model import Region

if TYPE_CHECKING:
    from alerts.kinds.surge_plan import SurgePlan

KEPT = 200  # entries of one episode; the newest
_LEAST_WINS = ("p", "slots")  # the strongest of several is the smallest
_ADDED = ("median", "expected")


class Finding(NamedTuple):
    """What is said of an area or a district at one slide."""

    level: int
    reading: Reading
    entries: Sequence[Entry]
    codes: tuple[str, ...] = ()  # of the areas in a district
    region: Region | None = None


def together(readings: Sequence[Reading]) -> Reading:
    """Several areas as one: what was counted and expected is added up, the rarest stands for the rest."""
    count, expected = sum(each.number for each in readings), sum(each.expected for each in readings)
    times = ratio(count, expected)
    known: dict[str, list[float]] = {}
    for each in readings:
        for name, value in each.measures:
            known.setdefault(name, []).append(value)
    measures = [(name, _joined(name, values)) for name, values in known.items() if name != "ratio"]
    measures.append(("ratio", round(times, 1)))
    return Reading(count, expected, times, True, tuple(measures), _version([each.version for each in readings]))


def begin(before: Episode | None, number: int, at: int, finding: Finding, plan: SurgePlan) -> Episode:
    """An episode opens; `before` is the same one, closed so shortly ago that it opens again."""
    episode = before or Episode()
    episode.number = number
    episode.open = True
    tell(episode, at, finding, plan)
    return episode


def tell(episode: Episode, at: int, finding: Finding, plan: SurgePlan) -> None:
    """The episode rises, or an area joins it: it says what is found now, and keeps its highest level."""
    reading = finding.reading
    entries = sorted(finding.entries)[-KEPT:]
    episode.level = max(episode.level, finding.level)
    episode.matched = at
    episode.last = entries[-1][0]
    episode.best = Verdict(finding.level, reading.number, measures=reading.measures)
    episode.branches = episode.branches.union(finding.codes)
    episode.evidence = {entry[2]: entry for entry in entries}
    for entry in entries:
        event = entry[6]
        if event.channel not in episode.channels:
            episode.channels = (*episode.channels, event.channel)
        episode.unit = event.unit or episode.unit
    episode.facts = Facts(
        baseline_version=reading.version,
        first_occurred=min(finding.entries)[0],
        region=finding.region,
        words=_words(reading, finding.entries, sorted(episode.branches), plan),
    )


def end(episode: Episode, at: int, merged_into: tuple[Key, int] | None = None) -> None:
    """The episode is over: quiet, or part of its district's alert, given by key and episode."""
    episode.open = False
    episode.closed = at
    episode.ending = ("closed", "quiet") if merged_into is None else ("merged", "merged")
    episode.facts = msgspec.structs.replace(episode.facts, merged_into=merged_into)


def _words(reading: Reading, entries: Sequence[Entry], codes: list[str], plan: SurgePlan) -> dict[str, Any]:
    words: dict[str, Any] = {name: f"{value:g}" for name, value in reading.measures}
    words["ratio"] = f"{reading.ratio:.1f}"
    words["count"] = str(reading.number)
    if codes:
        words["areas"] = ["、".join(codes), ", ".join(codes)]
    for name, most, get in plan.top:
        values = Counter(str(value) for entry in entries if (value := get(entry[6])) is not None)
        top = sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))[:most]
        said = [f"{value}×{count}" for value, count in top]
        words[f"top.{name}"] = ["、".join(said), ", ".join(said)]
    return words


def _joined(name: str, values: list[float]) -> float:
    if name in _ADDED:
        return round(sum(values), 1)
    return min(values) if name in _LEAST_WINS else max(values)


def _version(versions: list[str]) -> str:
    """The dates are those of each area; of the short hashes one is made."""
    different = sorted({version for version in versions if version})
    if len(different) < 2:
        return "".join(different)
    return f"{different[0].partition('#')[0]}#{zlib.crc32(repr(different).encode()):08x}"
