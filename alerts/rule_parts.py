"""Parts that every compiler of a rule needs: durations, fields and predicates, refused with their path in the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from alerts.channel import Channel
from alerts.duration import parse_duration
from alerts.fields import Getter, getter, known_fields
from alerts.rule_file import RuleError
from alerts.select import Predicate, compile_map, nearest

Known = TypeVar("Known")


def duration(text: str, *path: str) -> int:
    """Microseconds of `7d`; raises `RuleError` at the path."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise RuleError(str(error), path) from None


def at(path: tuple[str | int, ...], compile_: Any, *arguments: Any) -> Any:
    """What `compile_` gives; its `ValueError` becomes a `RuleError` at the path."""
    try:
        return compile_(*arguments)
    except ValueError as error:
        raise RuleError(str(error), path) from None


def field(name: str, channels: Mapping[str, Channel], path: tuple[str | int, ...]) -> Getter:
    """The reader of a field; raises `RuleError` with the nearest name for one that no event has."""
    try:
        return getter(name, channels)
    except KeyError:
        hint = nearest(name, known_fields())
        raise RuleError(f"a field must be one of Event v1; got `{name}`{hint}", path) from None


def known(noun: str, name: str, named: Mapping[str, Known], *path: str | int) -> Known:
    """What is known under a name; raises `RuleError` with the nearest one, such as `a calendar must be known; ...`."""
    if name not in named:
        raise RuleError(f"{noun}; got `{name}`{nearest(name, list(named))}", path)
    return named[name]


def predicate(spec: Mapping[str, Any], channels: Mapping[str, Channel], *path: str | int) -> Predicate:
    """A predicate from a map of fields; raises `RuleError` at the path."""
    compiled: Predicate = at(path, compile_map, spec, channels)
    return compiled
