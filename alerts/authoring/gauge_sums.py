"""The gauges of rules that add up: the points of a score, the share of a ratio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.authoring.distance import Distance, Gauge, selected
from alerts.channel import Channel
from alerts.entry import Entry
from alerts.rule import Rule
from alerts.rule_file import ScoreWhen
from alerts.select import compile_map


def score(rule: Rule, channels: Mapping[str, Channel]) -> Gauge:
    """Points: each cue is worth its points for every contact that shows it, at most its cap."""
    when = rule.spec.when
    assert when is not None
    cues = [(cue, compile_map(cue.event, channels)) for cue in when.score or ()]

    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        shown = [(cue, _latest([e for e in selected(window) if shows(e[6])])) for cue, shows in cues]
        value = _points(shown, at - rule.size)
        found = []
        for rung in rule.spec.levels:
            assert rung.gte is not None
            measured = min(value, rung.gte - 1)
            missing = rung.gte - measured
            needs = f"{missing} more {'point' if missing == 1 else 'points'}"
            before = _falls_below(shown, measured, rule.size)
            found.append(Distance(rung.level, "gte", value, measured, rung.gte, missing, needs, before))
        return found

    return gauge


def ratio(rule: Rule, channels: Mapping[str, Channel]) -> Gauge:
    """Percentage points, once there are as many contacts as the rule asks for."""
    when = rule.spec.when
    assert when is not None
    assert when.ratio is not None
    share = when.ratio
    is_of, is_among = compile_map(share.of, channels), compile_map(share.among, channels)

    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        inside = [entry for entry in selected(window) if is_among(entry[6])]
        among = len({entry[3] for entry in inside})
        of = len({entry[3] for entry in inside if is_of(entry[6])})
        value = round(100 * of / among, 2) if among >= share.at_least else 0.0
        found = []
        for rung in rule.spec.levels:
            needed = round(100 * (rung.ratio or 0), 2)
            missing = round(max(needed - value, 0), 2)
            needs = f"{missing:g} more percentage points (now {of} of {among})"
            if among < share.at_least:
                needs = f"at least {share.at_least} contacts to have a share (now {among})"
            found.append(Distance(rung.level, "ratio", value, min(value, needed), needed, missing, needs))
        return found

    return gauge


Shown = list[tuple[ScoreWhen, dict[str, int]]]  # each cue, and when every contact showed it last


def _latest(entries: Sequence[Entry]) -> dict[str, int]:
    return {entry[3]: entry[0] for entry in entries}


def _points(shown: Shown, after: int) -> int:
    """What the contacts after an instant are worth."""
    points = 0
    for cue, contacts in shown:
        worth = cue.points * sum(time > after for time in contacts.values())
        points += worth if cue.cap is None else min(cue.cap, worth)
    return points


def _falls_below(shown: Shown, measured: int, size: int) -> int | None:
    """When so many contacts have left the window that less than `measured` points are left."""
    if not measured:
        return None
    times = sorted({time for _, contacts in shown for time in contacts.values()})
    return next(time + size for time in times if _points(shown, time) < measured)
