"""From a rule file to the judge of its kind, for the kinds that look at the windows of one key."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TypeVar

from alerts.channel import Channel
from alerts.duration import format_duration
from alerts.entry import LEVEL_NUMBER
from alerts.fields import Getter
from alerts.kinds.count import Distinct, Threshold
from alerts.kinds.judge import Judge
from alerts.kinds.match import Match
from alerts.kinds.new_value import NewValue
from alerts.kinds.progression import Branch, Chain, Cue, Gaps, Progression
from alerts.kinds.ratio import Ratio
from alerts.kinds.score import Score, Weight
from alerts.kinds.sequence import Sequence, Step
from alerts.rule_file import BranchWhen, ChainWhen, NewValueWhen, RuleError, RuleFile, Rung, ScoreWhen, When
from alerts.rule_parts import duration, field, predicate
from alerts.select import Predicate

WINDOW_KINDS = ("threshold", "distinct", "sequence", "progression", "match", "score", "ratio", "new_value")
Least = TypeVar("Least", int, float)
NEW_FOR = "1d"  # for how long a value is new, where the rule does not say `when.within`


def compile_judge(spec: RuleFile, channels: Mapping[str, Channel], size: int) -> Judge:
    """The judge of a rule over windows of `size` microseconds. Raises `RuleError` with the path of what is wrong."""
    if spec.kind == "threshold":
        return Threshold(_count_rungs(spec))
    if spec.kind == "distinct":
        return Distinct(_of(spec, channels), _count_rungs(spec), spec.distinct.exact_up_to)
    if spec.kind == "match":
        return Match(_matching_rungs(spec, channels))
    if spec.when is None:
        raise RuleError(f"a {spec.kind} rule must have `when`; got none", ("kind",))
    if spec.kind == "sequence":
        return _sequence(spec, spec.when, channels, size)
    if spec.kind == "score":
        return _score(spec, spec.when, channels)
    if spec.kind == "ratio":
        return _ratio(spec, spec.when, channels)
    if spec.kind == "new_value":
        return _new_value(spec, spec.when, channels, size)
    return _progression(spec, spec.when, channels)


def _of(spec: RuleFile, channels: Mapping[str, Channel]) -> Getter:
    if spec.of is None:
        raise RuleError(f"a {spec.kind} rule must name the field `of`; got none", ("kind",))
    return field(spec.of, channels, ("of",))


def _count_rungs(spec: RuleFile) -> list[tuple[int, int]]:
    rungs = []
    for index, rung in enumerate(spec.levels):
        if rung.gte is None:
            raise RuleError(f"a rung of a {spec.kind} rule must have `gte`; got none", ("levels", index))
        if rung.gte < 1:
            raise RuleError(f"`gte` must be at least 1; got {rung.gte}", ("levels", index, "gte"))
        rungs.append((rung.gte, LEVEL_NUMBER[rung.level]))
    return _ladder(rungs)


def _ladder(rungs: list[tuple[Least, int]]) -> list[tuple[Least, int]]:
    if not rungs:
        raise RuleError("`levels` must have at least one rung; got none", ("levels",))
    for (least, level), (more, higher) in pairwise(rungs):
        if more <= least or higher <= level:
            raise RuleError("`levels` must rise from rung to rung; got them out of order", ("levels",))
    return rungs[::-1]


def _matching_rungs(spec: RuleFile, channels: Mapping[str, Channel]) -> list[tuple[Predicate | None, int]]:
    found: list[tuple[Predicate | None, int]] = []
    for index, rung in enumerate(spec.levels):
        path = ("levels", index)
        if index and not rung.event:
            raise RuleError("a rung above the lowest must have `event`; got none: those below it never hold", path)
        fits = predicate(rung.event, channels, *path, "event") if rung.event else None
        found.append((fits, LEVEL_NUMBER[rung.level]))
    _ladder([(place, level) for place, (_, level) in enumerate(found)])
    return found[::-1]


def _score(spec: RuleFile, when: When, channels: Mapping[str, Channel]) -> Judge:
    if not when.score:
        raise RuleError("a score must have `when.score`; got none", ("when",))
    names = [cue.name for cue in when.score]
    weights = []
    for index, cue in enumerate(when.score):
        if cue.name in names[:index]:
            raise RuleError(f"a cue must have a name of its own; got `{cue.name}` twice", ("when", "score", index))
        weights.append(_weight(cue, index, channels))
    return Score(weights, _count_rungs(spec))


def _weight(cue: ScoreWhen, index: int, channels: Mapping[str, Channel]) -> Weight:
    path = ("when", "score", index)
    for name, number in (("points", cue.points), ("cap", cue.cap)):
        if number is not None and number < 1:
            raise RuleError(f"`{name}` of cue `{cue.name}` must be at least 1; got {number}", (*path, name))
    return Weight(cue.name, predicate(cue.event, channels, *path, "event"), cue.points, cue.cap)


def _ratio(spec: RuleFile, when: When, channels: Mapping[str, Channel]) -> Judge:
    share = when.ratio
    if share is None:
        raise RuleError("a ratio must have `when.ratio`; got none", ("when",))
    if share.at_least < 1:
        raise RuleError(f"`at_least` must be at least 1; got {share.at_least}", ("when", "ratio", "at_least"))
    of = predicate(share.of, channels, "when", "ratio", "of")
    among = predicate(share.among, channels, "when", "ratio", "among")
    return Ratio(of, among, share.at_least, _share_rungs(spec), lazy=not when.eager)


def _share_rungs(spec: RuleFile) -> list[tuple[float, int]]:
    rungs = []
    for index, rung in enumerate(spec.levels):
        if rung.ratio is None:
            raise RuleError("a rung of a ratio rule must have `ratio`; got none", ("levels", index))
        if not 0 < rung.ratio <= 1:
            raise RuleError(f"a share must be above 0 and at most 1; got {rung.ratio}", ("levels", index, "ratio"))
        rungs.append((rung.ratio, LEVEL_NUMBER[rung.level]))
    return _ladder(rungs)


def _new_value(spec: RuleFile, when: When, channels: Mapping[str, Channel], size: int) -> Judge:
    if when.new_value is None:
        raise RuleError("a new_value rule must have `when.new_value`; got none", ("when",))
    if spec.window.size and duration(spec.window.size, "window", "size") != _forget_after(when.new_value):
        raise RuleError(
            f"the window of a new_value rule must be its `forget_after`; got {spec.window.size}; leave `size` out",
            ("window", "size"),
        )
    path = ("when", "new_value", "known_for")
    known_for = duration(when.new_value.known_for, *path)
    within = duration(when.within or NEW_FOR, "when", "within")
    for name, length, where in (("known_for", known_for, path), ("within", within, ("when", "within"))):
        if length >= size:
            text = f"`{name}` must be shorter than `forget_after`"
            raise RuleError(f"{text}; got {format_duration(length)} of {when.new_value.forget_after}", where)
    return NewValue(_of(spec, channels), known_for, within, _count_rungs(spec), lazy=not when.eager)


def _forget_after(when: NewValueWhen) -> int:
    return duration(when.forget_after, "when", "new_value", "forget_after")


def _sequence(spec: RuleFile, when: When, channels: Mapping[str, Channel], size: int) -> Judge:
    if not when.steps:
        raise RuleError("a sequence must have `when.steps`; got none", ("when",))
    steps = [
        Step(step.name, predicate(step.event, channels, "when", "steps", index), step.min)
        for index, step in enumerate(when.steps)
    ]
    rungs = _step_rungs(spec.levels, required=True)
    within = min(duration(when.within, "when", "within"), size) if when.within else size
    gap_max = duration(when.gap_max, "when", "gap_max") if when.gap_max else None
    return Sequence(steps, rungs, within, gap_max, lazy=bool(spec.unless) and not when.eager)


def _step_rungs(levels: list[Rung], required: bool) -> list[tuple[int, int]]:
    rungs = [(rung.steps, LEVEL_NUMBER[rung.level]) for rung in levels if rung.steps is not None]
    if required and len(rungs) < len(levels):
        raise RuleError("a rung of a sequence must have `steps`; got one without", ("levels",))
    return _ladder(rungs) if rungs or required else []


def _progression(spec: RuleFile, when: When, channels: Mapping[str, Channel]) -> Judge:
    lazy = bool(spec.unless) and not when.eager
    branches: list[Branch] = []
    if when.chain is not None:
        branches.append(_chain(spec, when.chain, channels, lazy))
    for index, branch in enumerate(when.any or []):
        branches.append(_branch(branch, len(branches), index, channels, lazy, is_eager=when.eager))
    if not branches:
        raise RuleError("a progression must have `when.chain` or `when.any`; got neither", ("when",))
    return Progression(branches)


def _chain(spec: RuleFile, chain: ChainWhen, channels: Mapping[str, Channel], lazy: bool) -> Chain:
    measure = field(chain.measure, channels, ("when", "chain", "measure"))
    measures = [(r.measure_gte, LEVEL_NUMBER[r.level]) for r in spec.levels if r.measure_gte is not None]
    steps = _step_rungs(spec.levels, required=False)
    if not steps and not measures:
        raise RuleError("`levels` must have a rung with `steps` or `measure_gte`; got none", ("levels",))
    return Chain("", 0, measure, chain.min_steps, steps, measures, lazy)


def _branch(
    branch: BranchWhen, column: int, index: int, channels: Mapping[str, Channel], lazy: bool, *, is_eager: bool
) -> Branch:
    path = ("when", "any", index)
    level = LEVEL_NUMBER[branch.level]
    constructs = [c for c in (branch.chain, branch.gaps, branch.event) if c is not None]
    if len(constructs) != 1:
        raise RuleError(f"branch `{branch.name}` must have one of chain, gaps, event; got {len(constructs)}", path)
    if branch.chain is not None:
        measure = field(branch.chain.measure, channels, (*path, "chain", "measure"))
        least = branch.chain.min_steps
        return Chain(branch.name, column, measure, least, [(least, level)], [], lazy)
    if branch.gaps is not None:
        gaps = branch.gaps
        return Gaps(branch.name, column, gaps.min_events, gaps.each_ratio_lte, level, lazy=not is_eager)
    is_cue = predicate(branch.event or {}, channels, *path, "event")
    return Cue(branch.name, column, is_cue, branch.prior_gte, level, lazy)
