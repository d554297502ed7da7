"""surge: reading the rule, and refusing what cannot be meant (semantics 6)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from alerts.channel import Channel
from alerts.duration import DAY_US, HOUR_US, format_duration
from alerts.entry import LEVEL_NUMBER
from alerts.fields import Getter, getter
from alerts.kinds.surge_plan import AREAS, DayClasses, Roll, SurgePlan
from alerts.model import Event
from alerts.rule_file import BaselineSettings, Condition, RollUp, RuleError, RuleFile, When
from alerts.rule_parts import duration, known

DEFAULT_CLOSE_HOLD = 6
LONGEST_US = 400 * DAY_US  # a year, and what comes late in it
_DIGITS = {"county": 6, "township": 9, "village": 12}


def compile_surge(
    spec: RuleFile, channels: Mapping[str, Channel], calendars: Mapping[str, DayClasses]
) -> SurgePlan:  # fmt: skip
    """The plan of a surge rule. Raises `RuleError` with a sentence and the path of what is wrong."""
    if spec.when is None or not spec.when.all:
        raise RuleError("a surge rule must have `when.all`; got none", ("when",) if spec.when else ("kind",))
    if spec.baseline is None:
        raise RuleError("a surge rule must have `baseline`; got none", ("kind",))
    base = spec.baseline
    size, slide = _window(spec)
    daily = base.stat == "negative_binomial"
    by_hour = daily or "hour_of_day" in base.slot
    if not daily and size % HOUR_US:
        raise RuleError(
            f"`size` must be whole hours where the history is kept by the hour; got `{spec.window.size}`",
            ("window", "size"),
        )
    rungs = _rungs(spec)
    close_below, close_hold = _closing(spec, rungs[-1][0])
    days = _history(base, size)
    return SurgePlan(
        size=size, slide=slide, daily=daily, bucket=slide if daily else HOUR_US, by_hour=by_hour,
        day_classes=_calendar(base, calendars), skip=_skipped(base, size, daily), days=days,
        excludes_surges=base.exclude is not None, min_slots=_min_slots(base, days, by_hour), p=_probability(base),
        scale=_scale(base), **_conditions(spec.when, daily, rungs[-1][0]), hold=_hold(spec.when), rungs=rungs,
        close_below=close_below, close_hold=close_hold, roll=_roll(spec), top=_top(spec, channels),
    )  # fmt: skip


def _window(spec: RuleFile) -> tuple[int, int]:
    if not spec.window.size:
        raise RuleError("a surge rule must have `window.size`; got none", ("window",))
    if spec.window.slide is None:
        raise RuleError("a surge rule must have `window.slide`; got none", ("window",))
    size, slide = duration(spec.window.size, "window", "size"), duration(spec.window.slide, "window", "slide")
    if not slide or size % slide or DAY_US % slide:
        raise RuleError(
            f"`slide` must divide the window of `{spec.window.size}` and a day; got `{spec.window.slide}`",
            ("window", "slide"),
        )
    return size, slide


def _history(base: BaselineSettings, size: int) -> int:
    length = _whole_days(base.history, "history")
    if length * DAY_US <= size:
        raise RuleError(
            f"`history` must be longer than the window of `{format_duration(size)}`; got `{base.history}`",
            ("baseline", "history"),
        )
    return length


def _whole_days(text: str, name: str) -> int:
    weeks = text.removesuffix("w")
    length = int(weeks) * 7 * DAY_US if weeks != text and weeks.isdecimal() else duration(text, "baseline", name)
    if length % DAY_US:
        raise RuleError(f"`{name}` must be whole days; got `{text}`", ("baseline", name))
    if length > LONGEST_US:
        longest = format_duration(LONGEST_US)
        raise RuleError(f"`{name}` must look back {longest} at most; got `{text}`", ("baseline", name))
    return length // DAY_US


def _skipped(base: BaselineSettings, size: int, daily: bool) -> int:
    """A window is never in its own history, however long it is."""
    overlap = -(-size // DAY_US) - 1
    return max(_whole_days(base.guard, "guard"), overlap) if daily else overlap


def _min_slots(base: BaselineSettings, days: int, by_hour: bool) -> int:
    most = days if by_hour else days * 24
    if not 1 <= base.min_slots <= most:
        raise RuleError(
            f"`min_slots` must be from 1 to the {most} of the history; got {base.min_slots}",
            ("baseline", "min_slots"),
        )
    return base.min_slots


def _probability(base: BaselineSettings) -> float:
    if not 0 < base.p < 1:
        raise RuleError(f"`p` must be between 0 and 1; got {base.p}", ("baseline", "p"))
    return base.p


def _scale(base: BaselineSettings) -> tuple[float, float]:
    if len(base.scale) != 2 or not 0 < base.scale[0] <= base.scale[1]:
        raise RuleError(
            f"`scale` must be two numbers above 0, the smaller first; got {base.scale}", ("baseline", "scale")
        )
    return base.scale[0], base.scale[1]


def _calendar(base: BaselineSettings, calendars: Mapping[str, DayClasses]) -> DayClasses | None:
    if "day_class" not in base.slot:
        return None
    return known("`calendar` must be one that is there", base.calendar, calendars, "baseline", "calendar")


def _conditions(when: When, daily: bool, lowest: float) -> dict[str, Any]:
    conditions = when.all or []
    for index, each in enumerate(conditions):
        if each == Condition():
            raise RuleError(
                "a condition must be count_gte, score_gte or ratio_gte; got nothing", ("when", "all", index)
            )
        if daily and each.score_gte is not None:
            raise RuleError(
                "`score_gte` must stand with stat `median_mad`; got `negative_binomial`, where `p` takes its place",
                ("when", "all", index, "score_gte"),
            )
    return {
        "least": max([1] + [each.count_gte for each in conditions if each.count_gte is not None]),
        "least_score": max([each.score_gte for each in conditions if each.score_gte is not None], default=0.0),
        "least_ratio": max([lowest] + [each.ratio_gte for each in conditions if each.ratio_gte is not None]),
    }


def _hold(when: When) -> int:
    if when.hold < 1:
        raise RuleError(f"`hold` must be at least 1; got {when.hold}", ("when", "hold"))
    return when.hold


def _rungs(spec: RuleFile) -> tuple[tuple[float, int], ...]:
    if not spec.levels:
        raise RuleError("`levels` must have at least one rung; got none", ("levels",))
    rungs = []
    for index, rung in enumerate(spec.levels):
        if rung.ratio is None:
            raise RuleError("a rung of a surge rule must have `ratio`; got none", ("levels", index))
        if rung.ratio <= 0:
            raise RuleError(f"`ratio` must be above 0; got {rung.ratio:g}", ("levels", index, "ratio"))
        rungs.append((rung.ratio, LEVEL_NUMBER[rung.level]))
    for (least, level), (more, higher) in pairwise(rungs):
        if more <= least or higher <= level:
            raise RuleError("`levels` must rise from rung to rung; got them out of order", ("levels",))
    return tuple(rungs[::-1])


def _closing(spec: RuleFile, lowest: float) -> tuple[float, int]:
    """Below which ratio and after how many slides it closes: below the lowest rung, if the rule does not say."""
    close = spec.lifecycle.close_when
    if close is None:
        return lowest, DEFAULT_CLOSE_HOLD
    if close.ratio_lt > lowest:
        raise RuleError(
            f"`ratio_lt` must not be above the lowest rung, {lowest:g}; got {close.ratio_lt:g}",
            ("lifecycle", "close_when", "ratio_lt"),
        )
    if close.hold < 1:
        raise RuleError(f"`hold` must be at least 1; got {close.hold}", ("lifecycle", "close_when", "hold"))
    return close.ratio_lt, close.hold


def _roll(spec: RuleFile) -> Roll | None:
    area = next((name for name in ("village", "township") if name in spec.key), None)
    wanted = spec.roll_up
    if wanted is None:
        if area is None:
            return None
        wanted = RollUp()
    if area is None or _DIGITS[wanted.to] >= _DIGITS[area]:
        raise RuleError(
            f"`roll_up.to` must be wider than the area in `key`; got `{wanted.to}` over {area or 'no area'}",
            ("roll_up",),
        )
    if wanted.gte < 2:
        raise RuleError(f"`roll_up.gte` must be at least 2; got {wanted.gte}", ("roll_up", "gte"))
    others = tuple(place for place, name in enumerate(spec.key, 1) if name not in AREAS)
    return Roll(spec.key.index(area) + 1, others, wanted.to, _DIGITS[wanted.to], wanted.gte)


def _top(spec: RuleFile, channels: Mapping[str, Channel]) -> tuple[tuple[str, int, Getter], ...]:
    for name, most in spec.evidence.top_k.items():
        if most < 1:
            raise RuleError(f"`top_k` must keep at least 1 of each field; got {most}", ("evidence", "top_k", name))
    return tuple((name, most, _reader(name, channels)) for name, most in spec.evidence.top_k.items())


def _reader(name: str, channels: Mapping[str, Channel]) -> Getter:
    """The reader of a field; what no event has by that name is looked for among its `attrs`."""
    try:
        return getter(name, channels)
    except KeyError:

        def of_attrs(event: Event) -> Any:
            return event.attrs.get(name)

        return of_attrs
