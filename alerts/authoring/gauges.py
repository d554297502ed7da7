"""Gauges: for each kind of rule, how much of every rung is there in a window, and how much is missing.

A gauge is shown the entries of one key inside `(at - size, at]` and says for every rung a `Distance`: how far it is
from firing if the next event came right at `at`. A rule speaks only when it hears something, so what has been
reached already still misses one event: `measured` stops at one less than `needed`.

* threshold: different contacts. distinct: different values of `of`.
* sequence: places (a step with `min` m is m of them) of the longest walk that the next event could still carry on:
  it began at most `within` before `at`, and ended at most `gap_max` before it where another step comes next.
* progression, chain: the longest strictly rising chain that leaves room for what is missing below the measure's
  greatest value. event: contacts before the cue, and the cue itself. gaps: the last events whose intervals shrink
  and after which `at` is not yet too late. A chain and gaps go back no further than the last `unless` event.
* score: points, each cue at most its cap. ratio: percentage points, once the least number of events is there.

Other kinds have nothing that grows and are left out: `gauge_of` gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from alerts.authoring.distance import Distance, Gauge, contacts, counted, ends_of, more, selected, since_reset
from alerts.authoring.gauge_progression import progression
from alerts.authoring.gauge_sums import ratio, score
from alerts.authoring.gauge_walks import walks
from alerts.channel import Channel
from alerts.duration import parse_duration
from alerts.entry import Entry
from alerts.fields import getter
from alerts.model import Kind
from alerts.rule import Rule
from alerts.select import compile_map


def gauge_of(rule: Rule, channels: Mapping[str, Channel]) -> Gauge | None:
    """The gauge of a rule; None for a kind whose distance is no number of events."""
    make = _GAUGES.get(rule.spec.kind)
    return make(rule, channels) if make is not None else None


def _threshold(rule: Rule, channels: Mapping[str, Channel]) -> Gauge:
    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        ends = ends_of(((entry[3], entry[0]) for entry in selected(window)), rule.size)
        return [
            counted(rung.level, "gte", ends, rung.gte, lambda missing: f"{more(missing)} {contacts(missing)}")
            for rung in rule.spec.levels
            if rung.gte is not None
        ]

    return gauge


def _distinct(rule: Rule, channels: Mapping[str, Channel]) -> Gauge:
    of = rule.spec.of or ""
    read = getter(of, channels)

    def value(entry: Entry) -> object:
        found = read(entry[6])
        return str(found) if isinstance(found, list | dict) else found

    def words(missing: int) -> str:
        return f"{more(missing)} {'value' if missing == 1 else 'values'} of `{of}`"

    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        values = ((value(entry), entry[0]) for entry in selected(window))
        ends = ends_of(((each, time) for each, time in values if each is not None), rule.size)
        return [counted(rung.level, "gte", ends, rung.gte, words) for rung in rule.spec.levels if rung.gte is not None]

    return gauge


def _sequence(rule: Rule, channels: Mapping[str, Channel]) -> Gauge:
    when = rule.spec.when
    assert when is not None
    assert when.steps is not None
    steps = when.steps
    tests = [compile_map(step.event, channels) for step in steps]
    places = [number for number, step in enumerate(steps) for _ in range(step.min)]
    within = min(parse_duration(when.within) if when.within else rule.size, rule.size - 1)
    gap_max = parse_duration(when.gap_max) if when.gap_max else None

    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        kept = selected(since_reset(window))
        seen = [(entry[0], {n for n, test in enumerate(tests) if test(entry[6])}) for entry in kept]
        alive = walks(seen, places, within, gap_max, at)
        found = []
        for rung in rule.spec.levels:
            needed = sum(step.min for step in steps[: rung.steps])
            measured = max((length for length in alive if length < needed), default=0)
            left = [steps[place].name for place in places[measured:needed]]
            words = f"{more(len(left))} {'event' if len(left) == 1 else 'events'}: {', then '.join(left)}"
            found.append(
                Distance(
                    rung.level, "steps", max(alive, default=0), measured, needed, len(left), words, alive.get(measured)
                )
            )
        return found

    return gauge


_GAUGES: dict[Kind, Callable[[Rule, Mapping[str, Channel]], Gauge]] = {
    "threshold": _threshold,
    "distinct": _distinct,
    "sequence": _sequence,
    "progression": progression,
    "score": score,
    "ratio": ratio,
}
