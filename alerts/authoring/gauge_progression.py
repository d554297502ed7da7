"""The gauges of progression rules: chains that rise, cues after earlier contacts, intervals that shrink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.authoring.distance import Distance, Gauge, contacts, counted, ends_of, more, selected, since_reset
from alerts.authoring.gauge_walks import rising, shrinking
from alerts.channel import Channel
from alerts.entry import Entry
from alerts.fields import getter
from alerts.model import Level
from alerts.rule import Rule
from alerts.rule_file import BranchWhen, ChainWhen

# no event has a measure above these; the ranks of channels are known from their registry
GREATEST = {"violence": 3, "unit_level": 5}


def progression(rule: Rule, channels: Mapping[str, Channel]) -> Gauge:
    """Every rung of the chain, or every branch."""
    when = rule.spec.when
    assert when is not None
    gauges: list[Gauge] = []
    if when.chain is not None:
        for rung in rule.spec.levels:
            if rung.steps is not None:
                gauges.append(_chain(rule, when.chain, channels, rung.level, "steps", rung.steps, None))
            if rung.measure_gte is not None:
                gauges.append(_chain(rule, when.chain, channels, rung.level, "measure_gte", 1, rung.measure_gte))
    gauges += [_branch(rule, branch, channels) for branch in when.any or ()]
    return lambda window, at: [distance for gauge in gauges for distance in gauge(window, at)]


def _branch(rule: Rule, branch: BranchWhen, channels: Mapping[str, Channel]) -> Gauge:
    if branch.chain is not None:
        return _chain(rule, branch.chain, channels, branch.level, branch.name, branch.chain.min_steps, None)
    return _gaps(rule, branch) if branch.gaps is not None else _cue(rule, branch)


def _chain(
    rule: Rule, chain: ChainWhen, channels: Mapping[str, Channel], level: Level, name: str, steps: int,
    least: int | None,
) -> Gauge:  # fmt: skip
    read = getter(chain.measure, channels)
    needed = max(steps, chain.min_steps, 1)
    greatest = GREATEST.get(chain.measure)
    if chain.measure == "channel_rank":
        greatest = max(channels[channel].rank for channel in rule.channels)

    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        kept = [(entry[0], read(entry[6])) for entry in selected(since_reset(window))]
        best = rising([(time, value) for time, value in kept if isinstance(value, int)], needed, greatest)
        if best is None:
            if greatest is not None and (needed > greatest + 1 or (least or 0) > greatest):
                return []  # nothing that could still come reaches it
            best = (0, 0, 0)
        measured, start, last = best
        missing = needed - measured
        bound = f"at least {max(least or 0, last + missing)}" if measured else f"at least {least or 'some'}"
        if missing == 1:
            words = f"1 more contact with `{chain.measure}` {bound}"
        else:
            words = f"{missing} more contacts, each with higher `{chain.measure}`"
        before = start + rule.size if measured else None
        return [Distance(level, name, measured, measured, needed, missing, words, before)]

    return gauge


def _cue(rule: Rule, branch: BranchWhen) -> Gauge:
    def words(missing: int) -> str:
        if missing == 1:
            return f"1 contact that is `{branch.name}`"
        return f"{more(missing - 1)} {contacts(missing - 1)}, then one that is `{branch.name}`"

    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        ends = ends_of(((entry[3], entry[0]) for entry in selected(window)), rule.size)
        return [counted(branch.level, branch.name, ends, branch.prior_gte + 1, words)]

    return gauge


def _gaps(rule: Rule, branch: BranchWhen) -> Gauge:
    assert branch.gaps is not None
    needed, ratio = branch.gaps.min_events, branch.gaps.each_ratio_lte

    def gauge(window: Sequence[Entry], at: int) -> list[Distance]:
        times = [entry[0] for entry in selected(since_reset(window))]
        measured, before = shrinking(times, needed, ratio, rule.size, at)
        missing = needed - measured
        words = f"{more(missing)} {contacts(missing)}, each sooner than the one before"
        return [Distance(branch.level, branch.name, measured, measured, needed, missing, words, before)]

    return gauge
