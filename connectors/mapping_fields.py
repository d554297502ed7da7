"""The fields of an event in a mapping: beside a recipe each has what its type asks for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import tzinfo
from typing import Any, get_args

from alerts.model import Event, LinkType
from connectors.deadletter import RefusedError, show
from connectors.mapping_times import check_format, time_reader, zone_of
from connectors.mapping_values import Fields, Get, Recipes, columns_of
from connectors.privacy import attr_kind
from connectors.pseudonym import KINDS, Keyring, Kind
from connectors.refusal import time_rule
from connectors.yaml_file import Document, Where

PEOPLE = ("reporter", "household", "place", "pair")
_TIMES = ("occurred_at", "arrived_at")
_NOT_FIELDS = ("channel", "action", "attrs", "reporter_class")
_FIELDS = tuple(name for name in Event.__struct_fields__ if name not in _NOT_FIELDS)
_YES = frozenset(("true", "yes", "y", "1", "是", "满意", "非常满意", "基本满意"))
_NO = frozenset(("false", "no", "n", "0", "否", "不满意", "非常不满意"))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


_NUMBERS: dict[str, Callable[[Any], Any]] = {
    "lat": _finite,
    "lon": _finite,
    "violence": int,
    "unit_level": int,
}


class FieldCompiler:
    """Compiles the fields of one mapping."""

    def __init__(
        self,
        document: Document,
        recipes: Recipes,
        keyring: Keyring,
        *,
        zone: tzinfo | None,
        times: list[str],
        pseudonymise: dict[str, str],
    ) -> None:
        self.document = document
        self.recipes = recipes
        self.keyring = keyring
        self.zone = zone
        self.times = times
        self.pseudonymise = pseudonymise

    def field(self, name: str, recipe: Any, where: Where) -> Get:
        """A function from a row to the value of one field."""
        if name not in _FIELDS:
            self.document.check_keys({name: None}, _FIELDS, where[:-1])
        if name in _TIMES:
            return self._time(name, recipe, where)
        if name == "link":
            return self._link(recipe, where)
        if name in PEOPLE:
            return self._person(name, recipe, where)
        get = self.recipes.compile(recipe, where) if name == "text" else self.attr(recipe, where)
        if name in _NUMBERS:
            return _convert(name, get, _NUMBERS[name])
        if name == "satisfied":
            return _convert(name, get, _truth)
        if name == "cues":
            return _convert(name, get, lambda text: tuple(re.split(r"[,，、;；\s]+", text)))
        return get

    def attr(self, recipe: Any, where: Where) -> Get:
        """A value that is kept as it is, so it must not come from a column that names people."""
        get = self.recipes.compile(recipe, where)
        if not isinstance(recipe, dict) or "pseudonym" not in recipe:
            for column in columns_of(recipe):
                if column not in self.recipes.lets and attr_kind(column):
                    raise self.document.refuse(
                        f"`{'.'.join(map(str, where))}` must have a `pseudonym`; "
                        f"got the column `{column}`, which names people",
                        where,
                    )
        return get

    def _time(self, name: str, recipe: Any, where: Where) -> Get:
        zone, formats = self.zone, self.times
        if isinstance(recipe, dict):
            if "zone" in recipe:
                zone = or_refuse(self.document, zone_of, recipe["zone"], (*where, "zone"))
            if "format" in recipe:
                formats = time_formats(self.document, recipe["format"], (*where, "format"))
        get = self.recipes.compile(recipe, where, extra=("zone", "format"))
        read = time_reader(formats, zone)
        is_required = name == "occurred_at"

        def at(row: Fields) -> Any:
            text = get(row)
            if text is None:
                if is_required:
                    raise RefusedError("missing_field", f"event must have `{name}`; got nothing at `$.{name}`")
                return None
            time = read(text)
            if time is None:
                known = " or ".join(formats) + ("" if zone else ", with an offset")
                raise RefusedError("bad_time", f"{time_rule(name)} or as {known}; got {show(text)} at `$.{name}`")
            return time

        return at

    def _person(self, name: str, recipe: Any, where: Where) -> Get:
        kind = self.pseudonymise.get(name)
        if kind is None:
            raise self.document.refuse(
                f"`{name}` must be in `pseudonymise`; got no kind for it; `code` keeps a public code as it is",
                where,
            )
        if name == "pair":
            return self._pair(recipe, kind, where)
        get = self.recipes.compile(recipe, where)
        if kind == "code":
            return get
        self.recipes.keep_secret(recipe, _kind(kind))
        return self.recipes.pseudonym(get, kind, where)

    def _pair(self, recipe: Any, kind: str, where: Where) -> Get:
        self.document.check_keys(recipe, ("parties",), where)
        parties = recipe.get("parties")
        if not isinstance(parties, list) or len(parties) != 2:
            raise self.document.refuse(f"`parties` must be two values; got `{parties}`", where)
        one, other = (self.recipes.compile(party, (*where, "parties", index)) for index, party in enumerate(parties))
        self.recipes.keep_secret(parties, _kind(kind))
        pair = self.keyring.pair
        token_kind = _kind(kind)

        def token(row: Fields) -> Any:
            first, second = one(row), other(row)
            return None if first is None or second is None else pair(token_kind, first, second)

        return token

    def _link(self, recipe: Any, where: Where) -> Get:
        self.document.check_keys(recipe, ("type", "to"), where)
        kind = recipe.get("type")
        if isinstance(kind, str) and kind not in get_args(LinkType):
            known = ", ".join(get_args(LinkType))
            raise self.document.refuse(f"`type` must be one of {known}; got `{kind}`", (*where, "type"))
        type_of: Get = (lambda row: kind) if isinstance(kind, str) else self.recipes.compile(kind, (*where, "type"))
        to = self.recipes.compile(recipe.get("to"), (*where, "to"))

        def link(row: Fields) -> Any:
            link_type, target = type_of(row), to(row)
            return {"type": link_type, "to": target} if link_type and target else None

        return link


def or_refuse(document: Document, make: Callable[[Any], Any], value: Any, where: Where) -> Any:
    """What `make` makes of a value; its `ValueError` becomes a refusal with a place."""
    try:
        return make(value)
    except ValueError as error:
        raise document.refuse(str(error), where) from None


def time_formats(document: Document, said: Any, where: Where) -> list[str]:
    """The time formats that a file names, one or a list."""
    formats = [str(one) for one in said] if isinstance(said, list) else [str(said)]
    for index, one in enumerate(formats):
        or_refuse(document, check_format, one, (*where, index))
    return formats


def _kind(kind: str) -> Kind:
    return next((known for known in KINDS if known == kind), "name")


def _convert(name: str, get: Get, make: Callable[[Any], Any]) -> Get:
    def converted(row: Fields) -> Any:
        value = get(row)
        if value is None or not isinstance(value, str):
            return value
        try:
            return make(value)
        except ValueError:
            raise RefusedError("bad_value", f"`{name}` must be {_WHAT[name]}; got {show(value)}") from None

    return converted


_WHAT = {
    "lat": "a number",
    "lon": "a number",
    "violence": "a whole number",
    "unit_level": "a whole number",
    "satisfied": "yes or no",
    "cues": "a list of words",
}


def _truth(text: str) -> bool:
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES
    raise ValueError(text)
