"""Which events a rule looks at: named maps and a condition over their names, compiled once into a closure.

Inside a map all entries must hold; a list means any of its values. A field may carry a modifier:
`not`, `any`, `gte`, `lte`, `prefix`, `re`, `exists`. The condition is `and`, `or`, `not`, parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from alerts.channel import Channel
from alerts.fields import Getter, getter, known_fields
from alerts.model import Event

Predicate = Callable[[Event], bool]

MODIFIERS = ("not", "any", "gte", "lte", "prefix", "re", "exists")
_TOKEN = re.compile(r"\s*(?:(\(|\))|([A-Za-z_][\w-]*))")


def nearest(name: str, known: tuple[str, ...] | list[str]) -> str:
    """`; did you mean ...` for a misspelt name, or nothing."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`" if close else ""


def always(_: Event) -> bool:
    """The predicate that holds for every event."""
    return True


def compile_map(spec: Mapping[str, Any], channels: Mapping[str, Channel]) -> Predicate:
    """A predicate that holds when every entry of the map does. Raises `ValueError` naming the bad entry."""
    return _all_of([_compile_entry(key, wanted, channels) for key, wanted in spec.items()])


def compile_select(select: Mapping[str, Any], channels: Mapping[str, Channel]) -> Predicate:
    """The predicate of a rule's `select`. Without a condition every named map must hold.

    Raises `ValueError` with a sentence if a map or the condition is wrong.
    """
    maps = {}
    for name, spec in select.items():
        if name == "condition":
            continue
        if not isinstance(spec, Mapping):
            raise ValueError(f"`select.{name}` must be a map of fields; got `{spec}`")
        maps[name] = compile_map(spec, channels)
    condition = select.get("condition") or " and ".join(maps)
    if not isinstance(condition, str):
        raise ValueError(f"condition must be names with and, or, not and parentheses; got `{condition}`")
    return compile_condition(condition, maps)


def compile_condition(condition: str, maps: Mapping[str, Predicate]) -> Predicate:
    """The predicate of a condition over named predicates; an empty one always holds."""
    return _Condition(condition, maps).compile() if condition else always


def _all_of(tests: list[Predicate]) -> Predicate:
    return tests[0] if len(tests) == 1 else lambda event: all(test(event) for test in tests)


def _any_of(tests: list[Predicate]) -> Predicate:
    return lambda event: any(test(event) for test in tests)


def _negated(test: Predicate) -> Predicate:
    return lambda event: not test(event)


def _compile_entry(key: str, wanted: Any, channels: Mapping[str, Channel]) -> Predicate:
    name, *modifiers = key.split("|")
    for modifier in modifiers:
        if modifier not in MODIFIERS:
            raise ValueError(f"modifier must be one of {', '.join(MODIFIERS)}; got `{key}`")
    try:
        get = getter(name, channels)
    except KeyError:
        raise ValueError(f"field must be one of Event v1; got `{name}`{nearest(name, known_fields())}") from None
    negate = "not" in modifiers
    rest = [modifier for modifier in modifiers if modifier not in ("not", "any")]
    if len(rest) > 1:
        raise ValueError(f"a field takes one of gte, lte, prefix, re, exists; got `{key}`")
    test = _test(get, rest[0] if rest else "in", wanted, key)
    return _negated(test) if negate else test


def _test(get: Getter, modifier: str, wanted: Any, key: str) -> Predicate:
    if modifier in ("gte", "lte") and not _is_number(wanted):
        raise ValueError(f"`{key}` must be a number; got `{wanted}`")
    if modifier == "gte":
        return lambda event: _is_number(value := get(event)) and value >= wanted
    if modifier == "lte":
        return lambda event: _is_number(value := get(event)) and value <= wanted
    if modifier == "exists":
        present = bool(wanted)
        return lambda event: (get(event) not in (None, ())) is present
    if modifier == "prefix":
        heads = tuple(wanted) if isinstance(wanted, list) else (wanted,)
        if not all(isinstance(head, str) for head in heads):
            raise ValueError(f"`{key}` must be text; got `{wanted}`")
        return lambda event: (value := get(event)) is not None and str(value).startswith(heads)
    if modifier == "re":
        try:
            pattern = re.compile(wanted)
        except (re.error, TypeError) as error:
            raise ValueError(f"`{key}` must be a regular expression; got `{wanted}` ({error})") from None
        return lambda event: (value := get(event)) is not None and pattern.search(str(value)) is not None
    return _membership(get, wanted, key)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _membership(get: Getter, wanted: Any, key: str) -> Predicate:
    listed = wanted if isinstance(wanted, list) else [wanted]
    if any(isinstance(value, list | dict) for value in listed):
        raise ValueError(f"`{key}` must be a value or a list of values; got `{wanted}`")
    values = frozenset(listed)
    if not key.startswith(("cues", "attrs.")):
        return lambda event: get(event) in values

    def holds(event: Event) -> bool:
        value = get(event)
        if isinstance(value, tuple):
            return not values.isdisjoint(value)
        if isinstance(value, list | dict):  # an attribute may be anything
            return any(each in listed for each in value)
        return value in values

    return holds


class _Condition:
    """A recursive-descent reader of `a and (b or not c)`."""

    def __init__(self, text: str, maps: Mapping[str, Predicate]) -> None:
        self.text = text
        self.maps = maps
        self.tokens = self._tokens()
        self.at = 0

    def compile(self) -> Predicate:
        predicate = self._or()
        if self.at < len(self.tokens):
            raise ValueError(f"condition must end after `{self.tokens[self.at - 1]}`; got `{self.text}`")
        return predicate

    def _tokens(self) -> list[str]:
        tokens, position = [], 0
        text = self.text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(
                    f"condition must be names with and, or, not and parentheses; got `{self.text}` at "
                    f"`{text[position:].strip()[:20]}`"
                )
            tokens.append(match.group(1) or match.group(2))
            position = match.end()
        return tokens

    def _peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _take(self) -> str:
        token = self._peek()
        if token is None:
            raise ValueError(
                f"condition must go on after `{self.tokens[-1] if self.tokens else ''}`; got `{self.text}`"
            )
        self.at += 1
        return token

    def _or(self) -> Predicate:
        terms = [self._and()]
        while self._peek() == "or":
            self._take()
            terms.append(self._and())
        return terms[0] if len(terms) == 1 else _any_of(terms)

    def _and(self) -> Predicate:
        terms = [self._not()]
        while self._peek() == "and":
            self._take()
            terms.append(self._not())
        return terms[0] if len(terms) == 1 else _all_of(terms)

    def _not(self) -> Predicate:
        token = self._take()
        if token == "not":
            return _negated(self._not())
        if token == "(":
            inner = self._or()
            if self._take() != ")":
                raise ValueError(f"condition must close its parenthesis; got `{self.text}`")
            return inner
        if token not in self.maps:
            raise ValueError(f"condition must name maps of `select`; got `{token}`{nearest(token, list(self.maps))}")
        return self.maps[token]
