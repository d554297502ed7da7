"""The evaluated tree of a rule's `select` for one event: each map and entry with what was there and what was wanted.

Everything is judged by the predicates of `alerts.select`, so the tree never disagrees with what a rule does. Where
an event is not selected, the maps *to blame* are the fewest that would have to say otherwise for it to be selected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from msgspec import Struct

from alerts.channel import Channel
from alerts.fields import Getter, getter
from alerts.model import Event
from alerts.select import Predicate, compile_condition, compile_map

_NAME = re.compile(r"[A-Za-z_][\w-]*")
_OPERATORS = ("and", "or", "not")


class EntryResult(Struct, frozen=True):
    """One entry of a map: `field` as it stands in the file, with its modifiers."""

    field: str
    value: Any
    wanted: Any
    passed: bool


class MapResult(Struct, frozen=True):
    """One named map: it holds when all its entries do."""

    name: str
    passed: bool
    entries: tuple[EntryResult, ...] = ()


class SelectTree(Struct, frozen=True):
    """What a `select` says of one event; `why_not` is empty where the event is selected."""

    condition: str
    passed: bool
    maps: tuple[MapResult, ...] = ()
    why_not: tuple[str, ...] = ()

    def condition_with_values(self) -> str:
        """`contact=yes and not moved=no`."""
        values = {each.name: "yes" if each.passed else "no" for each in self.maps}
        return _NAME.sub(lambda name: f"{name[0]}={values[name[0]]}" if name[0] in values else name[0], self.condition)


class Map:
    """One named map of a rule, compiled entry by entry."""

    def __init__(self, name: str, spec: Mapping[str, Any], channels: Mapping[str, Channel]) -> None:
        self.name = name
        self._entries: list[tuple[str, Any, Getter, Predicate]] = [
            (field, wanted, getter(field.split("|")[0], channels), compile_map({field: wanted}, channels))
            for field, wanted in spec.items()
        ]

    def evaluate(self, event: Event) -> MapResult:
        """Every entry of the map for one event."""
        entries = tuple(
            EntryResult(field, get(event), wanted, holds(event)) for field, wanted, get, holds in self._entries
        )
        return MapResult(self.name, all(entry.passed for entry in entries), entries)


class Selection:
    """A `select` that can tell why."""

    def __init__(self, select: Mapping[str, Any], channels: Mapping[str, Channel]) -> None:
        self._maps = [Map(name, spec, channels) for name, spec in select.items() if name != "condition"]
        self._condition: str = select.get("condition") or " and ".join(each.name for each in self._maps)
        self._truth: dict[str, bool] = {}
        self._holds = compile_condition(self._condition, {each.name: self._said(each.name) for each in self._maps})

    def evaluate(self, event: Event) -> SelectTree:
        """The whole tree for one event."""
        maps = tuple(each.evaluate(event) for each in self._maps)
        truth = {each.name: each.passed for each in maps}
        if self._is_true(truth, event):
            return SelectTree(self._condition, True, maps)
        blamed = self._blamed(truth, event)
        why = tuple(words for each in maps if each.name in blamed for words in _why(each))
        return SelectTree(self._condition, False, maps, why)

    def _said(self, name: str) -> Predicate:
        return lambda _: self._truth[name]

    def _is_true(self, truth: dict[str, bool], event: Event) -> bool:
        self._truth = truth
        return self._holds(event)

    def _blamed(self, truth: dict[str, bool], event: Event) -> set[str]:
        """The maps in the smallest sets that, said otherwise, make the condition true."""
        used = [name for name in truth if name in _NAME.findall(self._condition)]
        for size in range(1, len(used) + 1):
            found = [
                chosen
                for chosen in combinations(used, size)
                if self._is_true(truth | {name: not truth[name] for name in chosen}, event)
            ]
            if found:
                return {name for chosen in found for name in chosen}
        return set(used)  # a condition that nothing can fulfil


def _why(found: MapResult) -> Iterator[str]:
    """A map that holds and must not, or the entries of one that must hold and does not."""
    if found.passed:
        said = " and ".join(f"`{entry.field.split('|')[0]}` is {shown(entry.value)}" for entry in found.entries)
        yield f"{found.name}: {said}"
        return
    for entry in found.entries:
        if not entry.passed:
            name = entry.field.split("|")[0]
            yield f"{found.name}: `{name}` is {shown(entry.value)}; {wanted_words(entry.field, entry.wanted)}"


def wanted_words(field: str, wanted: Any) -> str:
    """What an entry asks for: `must be one of `received`, `urged``."""
    modifiers = field.split("|")[1:]
    must = "must not" if "not" in modifiers else "must"
    test = next((each for each in modifiers if each not in ("not", "any")), "in")
    listed = wanted if isinstance(wanted, list) else [wanted]
    some = ", ".join(shown(each) for each in listed)
    match test:
        case "gte":
            return f"{must} be at least {wanted}"
        case "lte":
            return f"{must} be at most {wanted}"
        case "prefix":
            return f"{must} begin with {some}"
        case "re":
            return f"{must} match {some}"
        case "exists":
            return f"{must} be {'known' if wanted else 'unknown'}"
    return f"{must} be {some}" if len(listed) == 1 else f"{must} be one of {some}"


def shown(value: Any) -> str:
    """A value as a sentence shows it."""
    if value is None or value == ():
        return "unknown"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, tuple | list):
        return ", ".join(f"`{each}`" for each in value)
    return f"`{value}`"
