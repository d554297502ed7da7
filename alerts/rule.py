"""A rule compiled once: what it selects, what it groups by, how it judges, how its alerts live."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, get_args

import msgspec

from alerts.channel import Channel
from alerts.duration import parse_duration
from alerts.entry import LEVEL_NUMBER
from alerts.fields import Getter, getter, known_fields
from alerts.kinds.count import Distinct, Threshold
from alerts.kinds.judge import Judge
from alerts.kinds.progression import Branch, Chain, Cue, Gaps, Progression
from alerts.kinds.sequence import Sequence, Step
from alerts.model import Event, Kind, Level, Text
from alerts.rule_file import BranchWhen, ChainWhen, RuleError, RuleFile, Rung, When, read
from alerts.select import Predicate, compile_map, compile_select, nearest

SUPPORTED_KINDS = ("threshold", "distinct", "sequence", "progression")
DEFAULT_LATENESS = "6h"

Key = tuple[str, ...]  # first the number of the alternative ("0" key, "1" key_fallback), then the values

# what changes the answer; words for people may change without a new meaning
_SEMANTIC = (
    "kind", "channels", "select", "key", "key_fallback", "window", "of", "distinct", "when", "unless",
    "levels", "lifecycle",
)  # fmt: skip


class Rule:
    """One rule, ready to run. All durations are in microseconds."""

    def __init__(self, spec: RuleFile, channels: Mapping[str, Channel], number: int = 0) -> None:
        self.spec = spec
        self.id = spec.id
        self.number = number
        self.generation = 1
        self.channels = _channels(spec, channels)
        self.selects: Predicate = _at(("select",), compile_select, spec.select, channels)
        self.resets: Predicate | None = _resets(spec, channels)
        self.keys = _keys(spec, channels)
        self.size = duration(spec.window.size, "window", "size")
        self.lateness = duration(spec.window.lateness or DEFAULT_LATENESS, "window", "lateness")
        self.judge: Judge = _judge(spec, channels, self.size)
        self.life = Life(spec)
        self.rungs: list[tuple[int, Level]] = [(r.gte, r.level) for r in spec.levels if r.gte is not None]
        self.evidence_fields = [(n, _field(n, channels, ("evidence", "fields"))) for n in spec.evidence.fields]
        self.explain = spec.explain if isinstance(spec.explain, Text) else Text("", spec.explain)
        self.semantic_hash = _semantic_hash(spec)

    @property
    def group(self) -> tuple[frozenset[str], int]:
        """What its clock watermark depends on."""
        return (self.channels, self.lateness)

    def key_of(self, event: Event) -> Key | None:
        """The key of an event, or None where a field of it (and of the fallback) is missing."""
        for alternative, getters in self.keys:
            values = []
            for get in getters:
                value = get(event)
                if value is None or value == "":
                    break
                values.append(str(value))
            else:
                return (alternative, *values)
        return None

    def key_map(self, key: Key) -> dict[str, str]:
        """A key with its field names, as an alert shows it."""
        names = self.spec.key if key[0] == "0" else self.spec.key_fallback
        return dict(zip(names, key[1:], strict=True))


class Life:
    """When the alerts of a rule are revised, closed and opened again; microseconds, None for never."""

    def __init__(self, spec: RuleFile) -> None:
        life = spec.lifecycle
        self.revise_on = frozenset(life.revise_on)
        self.never_suppress = frozenset(life.never_suppress) | {"level_up"}
        self.quiet_close = _optional(life.quiet_close, "quiet_close")
        self.reopen_within = _optional(life.reopen_within, "reopen_within")
        self.min_gap = duration(life.min_gap, "lifecycle", "min_gap")
        self.max_gap = duration(life.max_gap, "lifecycle", "max_gap")
        self.max_quiet_update = duration(life.max_quiet_update, "lifecycle", "max_quiet_update")
        care = life.aftercare
        self.aftercare = duration(care.for_, "lifecycle", "aftercare") if care else None
        self.level_plus = care.level_plus if care else 0


def compile_rule(data: Any, channels: Mapping[str, Channel], number: int = 0) -> Rule:
    """A rule from its parsed YAML. Raises `RuleError` with a sentence and the path of what is wrong."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if kind in get_args(Kind) and kind not in SUPPORTED_KINDS:  # before its keys are called unknown
        raise RuleError(
            f"`kind` must be one that can run; got `{kind}`; can run: {', '.join(SUPPORTED_KINDS)}", ("kind",)
        )
    return Rule(read(data), channels, number)


def duration(text: str, *path: str) -> int:
    """Microseconds of `7d`; raises `RuleError` at the path."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise RuleError(str(error), path) from None


def _optional(text: str | None, name: str) -> int | None:
    return None if text is None else duration(text, "lifecycle", name)


def _at(path: tuple[str | int, ...], compile_: Any, *arguments: Any) -> Any:
    try:
        return compile_(*arguments)
    except ValueError as error:
        raise RuleError(str(error), path) from None


def _channels(spec: RuleFile, channels: Mapping[str, Channel]) -> frozenset[str]:
    for index, name in enumerate(spec.channels):
        if name not in channels:
            raise RuleError(
                f"a channel must be registered; got `{name}`{nearest(name, list(channels))}",
                ("channels", index),
            )
    if not spec.channels:
        raise RuleError("`channels` must name at least one channel; got none", ("channels",))
    return frozenset(spec.channels)


def _field(name: str, channels: Mapping[str, Channel], path: tuple[str | int, ...]) -> Getter:
    try:
        return getter(name, channels)
    except KeyError:
        hint = nearest(name, known_fields())
        raise RuleError(f"a field must be one of Event v1; got `{name}`{hint}", path) from None


def _keys(spec: RuleFile, channels: Mapping[str, Channel]) -> list[tuple[str, list[Getter]]]:
    if not spec.key:
        raise RuleError("`key` must name at least one field; got none", ("key",))
    found = [("0", [_field(name, channels, ("key",)) for name in spec.key])]
    if spec.key_fallback:
        found.append(("1", [_field(name, channels, ("key_fallback",)) for name in spec.key_fallback]))
    return found


def _resets(spec: RuleFile, channels: Mapping[str, Channel]) -> Predicate | None:
    if not spec.unless:
        return None
    if spec.kind not in ("sequence", "progression"):
        raise RuleError(f"`unless` must stand in a sequence or progression; got kind `{spec.kind}`", ("unless",))
    tests = [_at(("unless", name), compile_map, each, channels) for name, each in spec.unless.items()]
    return lambda event: any(test(event) for test in tests)


def _judge(spec: RuleFile, channels: Mapping[str, Channel], size: int) -> Judge:
    if spec.kind == "threshold":
        return Threshold(_count_rungs(spec))
    if spec.kind == "distinct":
        if spec.of is None:
            raise RuleError("a distinct rule must name the field `of`; got none", ("kind",))
        return Distinct(_field(spec.of, channels, ("of",)), _count_rungs(spec), spec.distinct.exact_up_to)
    if spec.when is None:
        raise RuleError(f"a {spec.kind} rule must have `when`; got none", ("kind",))
    if spec.kind == "sequence":
        return _sequence(spec, spec.when, channels, size)
    return _progression(spec, spec.when, channels)


def _count_rungs(spec: RuleFile) -> list[tuple[int, int]]:
    rungs = []
    for index, rung in enumerate(spec.levels):
        if rung.gte is None:
            raise RuleError(f"a rung of a {spec.kind} rule must have `gte`; got none", ("levels", index))
        rungs.append((rung.gte, LEVEL_NUMBER[rung.level]))
    return _ladder(rungs)


def _ladder(rungs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    if not rungs:
        raise RuleError("`levels` must have at least one rung; got none", ("levels",))
    for (least, level), (more, higher) in pairwise(rungs):
        if more <= least or higher <= level:
            raise RuleError("`levels` must rise from rung to rung; got them out of order", ("levels",))
    return rungs[::-1]


def _sequence(spec: RuleFile, when: When, channels: Mapping[str, Channel], size: int) -> Judge:
    if not when.steps:
        raise RuleError("a sequence must have `when.steps`; got none", ("when",))
    steps = [
        Step(step.name, _at(("when", "steps", index), compile_map, step.event, channels), step.min)
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
        branches.append(_branch(branch, len(branches), index, channels, lazy))
    if not branches:
        raise RuleError("a progression must have `when.chain` or `when.any`; got neither", ("when",))
    return Progression(branches)


def _chain(spec: RuleFile, chain: ChainWhen, channels: Mapping[str, Channel], lazy: bool) -> Chain:
    measure = _field(chain.measure, channels, ("when", "chain", "measure"))
    measures = [(r.measure_gte, LEVEL_NUMBER[r.level]) for r in spec.levels if r.measure_gte is not None]
    steps = _step_rungs(spec.levels, required=False)
    if not steps and not measures:
        raise RuleError("`levels` must have a rung with `steps` or `measure_gte`; got none", ("levels",))
    return Chain("", 0, measure, chain.min_steps, steps, measures, lazy)


def _branch(branch: BranchWhen, column: int, index: int, channels: Mapping[str, Channel], lazy: bool) -> Branch:
    path = ("when", "any", index)
    level = LEVEL_NUMBER[branch.level]
    constructs = [c for c in (branch.chain, branch.gaps, branch.event) if c is not None]
    if len(constructs) != 1:
        raise RuleError(f"branch `{branch.name}` must have one of chain, gaps, event; got {len(constructs)}", path)
    if branch.chain is not None:
        measure = _field(branch.chain.measure, channels, (*path, "chain", "measure"))
        least = branch.chain.min_steps
        return Chain(branch.name, column, measure, least, [(least, level)], [], lazy)
    if branch.gaps is not None:
        return Gaps(branch.name, column, branch.gaps.min_events, branch.gaps.each_ratio_lte, level)
    is_cue = _at((*path, "event"), compile_map, branch.event, channels)
    return Cue(branch.name, column, is_cue, branch.prior_gte, level, lazy)


def _semantic_hash(spec: RuleFile) -> str:
    meaning = {name: getattr(spec, name) for name in _SEMANTIC}
    return hashlib.sha256(msgspec.json.encode(meaning, order="deterministic")).hexdigest()[:16]
