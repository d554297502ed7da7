"""All the small ways in which a rule could have been written otherwise: a number one off, a condition left out.

A test that fails with a mutant *kills* it. A mutant that no test kills is an edge of the rule that nothing holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from alerts.authoring.conditions import without_each
from alerts.authoring.remark import Where
from alerts.duration import MINUTE_US, format_duration, parse_duration

Data = Mapping[str, Any]

_ANY = "*"
# where whole numbers stand; `*` is any place of a list
_NUMBERS: tuple[tuple[str, ...], ...] = (
    ("levels", _ANY, "gte"),
    ("levels", _ANY, "steps"),
    ("levels", _ANY, "measure_gte"),
    ("when", "chain", "min_steps"),
    ("when", "any", _ANY, "chain", "min_steps"),
    ("when", "any", _ANY, "prior_gte"),
    ("when", "any", _ANY, "gaps", "min_events"),
    ("when", "steps", _ANY, "min"),
    ("when", "all", _ANY, "count_gte"),
    ("when", "all", _ANY, "score_gte"),
    ("when", "hold"),
    ("when", "score", _ANY, "points"),
    ("when", "score", _ANY, "cap"),
    ("when", "ratio", "at_least"),
    ("bump", "by"),
    ("roll_up", "gte"),
)
_SHARES: tuple[tuple[str, ...], ...] = (
    ("levels", _ANY, "ratio"),
    ("when", "any", _ANY, "gaps", "each_ratio_lte"),
    ("when", "all", _ANY, "ratio_gte"),
)
_DURATIONS: tuple[tuple[str, ...], ...] = (
    ("window", "size"),
    ("when", "within"),
    ("when", "gap_max"),
    ("when", "new_value", "forget_after"),
    ("when", "new_value", "known_for"),
    ("obligation", "due"),
    ("silence", "expected", _ANY),
)
# maps of fields that must hold; each of their entries can be left out
_MAPS: tuple[tuple[str, ...], ...] = (
    ("when", "any", _ANY, "event"),
    ("when", "steps", _ANY, "event"),
    ("when", "score", _ANY, "event"),
    ("when", "ratio", "of"),
    ("when", "ratio", "among"),
    ("levels", _ANY, "event"),
    ("unless", _ANY),
    ("obligation", "opens"),
    ("obligation", "satisfied_by"),
    ("obligation", "pause_on"),
    ("obligation", "resume_on"),
    ("bump", "on"),
)
# parts that can be left out as a whole
_PARTS: tuple[tuple[str, ...], ...] = (
    ("when", "any", _ANY),
    ("when", "all", _ANY),
    ("when", "score", _ANY),
    ("unless", _ANY),
    ("stages", _ANY),
    ("obligation", "pause_on"),
    ("obligation", "resume_on"),
    ("bump",),
)
_WORKING_DAYS = re.compile(r"(\d+)wd")


class Mutant(NamedTuple):
    """A rule that differs in one place. The name stays the same as long as the place does."""

    name: str
    path: Where
    data: Data


def mutants(data: Data) -> Iterator[Mutant]:
    """Every mutant of a rule's parsed file; not all of them can be compiled. Tests and waivers are left out."""
    bare = {key: value for key, value in data.items() if key not in ("tests", "waivers")}
    yield from _numbers(bare)
    yield from _durations(bare)
    yield from _select(bare)
    for pattern in _MAPS:
        for path, fields in _places(bare, pattern):
            if isinstance(fields, Mapping):
                yield from (_dropped(bare, (*path, field)) for field in fields)
    for pattern in _PARTS:
        yield from (_dropped(bare, path) for path, _ in _places(bare, pattern))


def _numbers(data: Data) -> Iterator[Mutant]:
    for pattern in _NUMBERS:
        for path, number in _places(data, pattern):
            yield from (_changed(data, path, number, number + step) for step in (-1, 1))
    for pattern in _SHARES:
        for path, share in _places(data, pattern):
            yield from (_changed(data, path, share, round(share * factor, 6)) for factor in (0.9, 1.1))


def _durations(data: Data) -> Iterator[Mutant]:
    slide = data.get("window", {}).get("slide")
    step = parse_duration(slide) if slide else MINUTE_US
    for pattern in _DURATIONS:
        for path, text in _places(data, pattern):
            yield from (_changed(data, path, text, near) for near in _nearby(text, step))


def _nearby(text: str, step: int) -> list[str]:
    """One step less and one more; working days go by the day."""
    if days := _WORKING_DAYS.fullmatch(text):
        return [f"{int(days[1]) + more}wd" for more in (-1, 1) if int(days[1]) + more > 0]
    length = parse_duration(text)
    return [format_duration(near) for near in (length - step, length + step) if near > 0]


def _select(data: Data) -> Iterator[Mutant]:
    """Each name of the condition left out, and each entry of a map that has more than one."""
    select = data.get("select", {})
    maps = [name for name in select if name != "condition"]
    condition = select.get("condition")
    for name, left in without_each(condition or " and ".join(maps)) if maps else ():
        path = ("select", "condition") if condition else ("select", name)
        yield Mutant(f"select.condition: {name} dropped", path, {**data, "select": _selecting(select, left)})
    for name in maps:
        if len(select[name]) > 1:
            yield from (_dropped(data, ("select", name, field)) for field in select[name])


def _selecting(select: Data, condition: str) -> Data:
    """The same maps under another condition; without any condition nothing is asked."""
    return {**select, "condition": condition} if condition else {}


def _places(data: Any, pattern: tuple[str, ...], path: Where = ()) -> Iterator[tuple[Where, Any]]:
    """The places of a file that a pattern names, with what stands there."""
    if not pattern:
        yield path, data
        return
    head, rest = pattern[0], pattern[1:]
    if head == _ANY and isinstance(data, list):
        for index, value in enumerate(data):
            yield from _places(value, rest, (*path, index))
    elif isinstance(data, Mapping):
        for key in list(data) if head == _ANY else [head]:
            if data.get(key) is not None:
                yield from _places(data[key], rest, (*path, key))


def _changed(data: Data, path: Where, before: Any, after: Any) -> Mutant:
    return Mutant(f"{_name(data, path)} {before} -> {after}", path, _put(data, path, after))


def _dropped(data: Data, path: Where) -> Mutant:
    return Mutant(f"{_name(data, path)} dropped", path, _put(data, path, None))


def _name(data: Any, path: Where) -> str:
    """A path in words: a part of a list by its own name, where it has one."""
    words = []
    for part in path:
        data = data[part]
        words.append(str(data["name"] if isinstance(part, int) and isinstance(data.get("name"), str) else part))
    return ".".join(words)


def _put(data: Any, path: Where, value: Any) -> Any:
    """The same data with another value at a path; with None the place is gone. What is not on the path is shared."""
    head, rest = path[0], path[1:]
    new = _put(data[head], rest, value) if rest else value
    if isinstance(data, list):
        return [new if index == head else each for index, each in enumerate(data) if index != head or new is not None]
    return {key: new if key == head else each for key, each in data.items() if key != head or new is not None}
