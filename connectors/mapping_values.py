"""The recipes of a mapping: how one value is made from the columns of a row. Compiled once into closures."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping as Map
from operator import itemgetter
from typing import Any

import msgspec

from connectors.deadletter import RefusedError, show
from connectors.pseudonym import KINDS, Keyring, Kind
from connectors.yaml_file import Document, Where

Fields = dict[str, Any]
Get = Callable[[Fields], Any]

_SOURCES = ("column", "columns", "first_of", "constant", "template", "digest")
RECIPE_KEYS = (*_SOURCES, "join", "extract", "stop", "table", "otherwise", "pseudonym")
_HOLE = re.compile(r"\{([^{}]+)\}")
_MISSING = object()
_NUMBER = re.compile(r"[+\d\s\-()（）]+")
_NOT_DIGIT = re.compile(r"\D")
_SPACES = re.compile(r"\s+")


class Recipes:
    """Compiles the recipes of one mapping, and notes which columns they read."""

    def __init__(
        self,
        document: Document,
        *,
        keyring: Keyring,
        tables: dict[str, dict[str, Any]],
        stops: dict[str, list[Any]],
        empty: frozenset[str],
        strict: bool,
    ) -> None:
        self._document = document
        self._keyring = keyring
        self._tables = tables
        self._stops = stops
        self._empty = empty
        self._strict = strict  # a row must have every column that is read (CSV, XLSX)
        self.columns: dict[str, Kind | None] = {}  # in the order they were met; the kind of what is secret
        self.lets: dict[str, Any] = {}  # the recipe of each named value

    def compile(self, recipe: Any, where: Where, extra: tuple[str, ...] = ()) -> Get:
        """A function from a row to the value, or to nothing where it is absent."""
        if isinstance(recipe, str):
            return self.column(recipe)
        document = self._document
        document.check_keys(recipe, (*RECIPE_KEYS, *extra), where)
        sources = [name for name in _SOURCES if name in recipe]
        if len(sources) != 1:
            got = " and ".join(sources) or "none"
            raise document.refuse(f"a value must have one of {', '.join(_SOURCES)}; got {got}", where)
        get = self._source(sources[0], recipe, where)
        if "extract" in recipe:
            get = _extract(get, self._pattern(recipe["extract"], (*where, "extract")))
        if "stop" in recipe:
            get = _stop(get, self._stop_values(recipe["stop"], (*where, "stop")))
        if "table" in recipe:
            get = self._look_up(get, recipe, where)
        elif "otherwise" in recipe:
            raise document.refuse("`otherwise` must stand beside `table`; got no table", (*where, "otherwise"))
        if "pseudonym" in recipe:
            get = self.pseudonym(get, recipe["pseudonym"], (*where, "pseudonym"))
            self.keep_secret(recipe, recipe["pseudonym"])
        return get

    def keep_secret(self, recipe: Any, kind: Kind) -> None:
        """Note that the columns of a recipe name people, so that a dead letter does not show them."""
        for name in columns_of(recipe):
            if name in self.lets:
                self.keep_secret(self.lets[name], kind)
            elif self.columns.get(name) is None:
                self.columns[name] = kind

    def column(self, name: str) -> Get:
        """The value of one column, or of one `let`, as `read` has put it there."""
        if name not in self.lets and self.columns.get(name, "row") == "row":
            self.columns[name] = None
        return itemgetter(name)

    def condition_column(self, name: str) -> Get:
        """Like `column`, for a look that nobody else may need: a dead letter shows only that it was there."""
        if name not in self.lets:
            self.columns.setdefault(name, "row")
        return itemgetter(name)

    def read(self, row: Map[str, Any]) -> Fields:
        """The columns that the mapping reads: text without spaces around it, nothing where it is empty."""
        empty = self._empty
        fields: Fields = {}
        for name in self.columns:
            value = row.get(name, _MISSING)
            if value.__class__ is str:
                value = value.strip()
                fields[name] = None if value in empty else value
            else:
                fields[name] = self._other(row, name, value)
        return fields

    def _other(self, row: Map[str, Any], name: str, value: Any) -> Any:
        if value is _MISSING:
            if self._strict:
                raise RefusedError("missing_column", f"row must have the column `{name}`; got none")
            value = _dig(row, name.split(".")) if "." in name else None
        return _plain(value, self._empty)

    def pseudonym(self, get: Get, kind: Any, where: Where) -> Get:
        """The token of a value."""
        if kind not in KINDS:
            raise self._document.refuse(f"kind must be one of {', '.join(KINDS)}; got `{kind}`", where)
        token = self._keyring.token

        def tokenised(row: Fields) -> Any:
            value = get(row)
            return None if value is None else token(kind, value)

        return tokenised

    def _source(self, name: str, recipe: dict[str, Any], where: Where) -> Get:
        said = recipe[name]
        inner = (*where, name)
        if name == "constant":
            word = as_word(said)
            return lambda row: word
        if name == "column":
            return self.column(str(said))
        if name == "template":
            return self._template(str(said))
        if not isinstance(said, list) or not said:
            raise self._document.refuse(f"`{name}` must be a list of columns; got `{said}`", inner)
        known = set(self.columns)
        gets = [self.compile(one, (*inner, index)) for index, one in enumerate(said)]
        if name == "digest":
            self.columns |= dict.fromkeys(set(self.columns) - known, "row")  # so far for nothing else
        if name == "first_of":
            return lambda row: next((value for get in gets if (value := get(row)) is not None), None)
        if name == "digest":
            return self._digest(gets)
        return _join(gets, str(recipe.get("join", "")))

    def _template(self, text: str) -> Get:
        parts = _HOLE.split(text)
        texts, gets = parts[::2], [self.column(name) for name in parts[1::2]]

        def fill(row: Fields) -> Any:
            pieces = [texts[0]]
            for get, text in zip(gets, texts[1:], strict=True):
                value = get(row)
                if value is None:
                    return None
                pieces += (value, text)
            return "".join(pieces)

        return fill

    def _digest(self, gets: list[Get]) -> Get:
        token = self._keyring.token_once

        def digest(row: Fields) -> Any:
            values = [get(row) or "" for get in gets]
            return token("row", "\x1f".join(values)) if any(values) else None

        return digest

    def _pattern(self, text: Any, where: Where) -> re.Pattern[str]:
        try:
            return re.compile(str(text))
        except re.error as error:
            raise self._document.refuse(
                f"`extract` must be a regular expression; got `{text}`, {error}", where
            ) from None

    def _stop_values(self, said: Any, where: Where) -> list[str]:
        if isinstance(said, str):
            if said not in self._stops:
                names = ", ".join(self._stops) or "none"
                raise self._document.refuse(f"`stop` must be a list or one of {names}; got `{said}`", where)
            said = self._stops[said]
        return [str(value) for value in said]

    def _look_up(self, get: Get, recipe: dict[str, Any], where: Where) -> Get:
        name = recipe["table"]
        if name not in self._tables:
            known = ", ".join(self._tables)
            raise self._document.refuse(f"`table` must be one of {known}; got `{name}`", (*where, "table"))
        table = self._tables[name]
        otherwise = as_word(recipe["otherwise"]) if "otherwise" in recipe else _MISSING

        def look_up(row: Fields) -> Any:
            value = get(row)
            if value is None:
                return None
            found = table.get(value, otherwise)
            if found is _MISSING:
                raise RefusedError("unknown_code", f"value must be in the table `{name}`; got {show(value)}")
            return None if found == "" else found

        return look_up


def as_word(value: Any) -> str | None:
    """A value of a table or a constant as the text that a column would hold."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return "、".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _extract(get: Get, pattern: re.Pattern[str]) -> Get:
    search = pattern.search

    def extract(row: Fields) -> Any:
        value = get(row)
        match = search(value) if value is not None else None
        if match is None:
            return None
        return (match[1] if pattern.groups else match[0]) or None

    return extract


def _stop(get: Get, values: list[str]) -> Get:
    whole = frozenset(_fold(value) for value in values if not value.endswith("*"))
    starts = tuple(_fold(value[:-1]) for value in values if value.endswith("*"))

    def stop(row: Fields) -> Any:
        value = get(row)
        if value is None:
            return None
        folded = _fold(value)
        return None if folded in whole or (starts and folded.startswith(starts)) else value

    return stop


def _join(gets: list[Get], between: str) -> Get:
    def join(row: Fields) -> Any:
        values = [value for get in gets if (value := get(row)) is not None]
        return between.join(values) if values else None

    return join


def columns_of(recipe: Any) -> list[str]:
    """The columns and named values that a recipe reads, as far as a dead letter or a check must know."""
    if isinstance(recipe, str):
        return [recipe]
    if isinstance(recipe, list):
        return [name for one in recipe for name in columns_of(one)]
    if not isinstance(recipe, dict):
        return []
    names = _HOLE.findall(str(recipe["template"])) if "template" in recipe else []
    for source in ("column", "columns", "first_of", "parties"):
        if source in recipe:
            names += columns_of(recipe[source])
    return names


def _fold(value: str) -> str:
    """One spelling of what is compared with a stop list: `0931-12345` is `093112345`."""
    if _NUMBER.fullmatch(value):
        return _NOT_DIGIT.sub("", value)
    return _SPACES.sub(" ", value.strip()).casefold()


def _dig(row: Map[str, Any], path: list[str]) -> Any:
    value: Any = row
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _plain(value: Any, empty: frozenset[str]) -> Any:
    """A value of JSON as text, as a spreadsheet would show it."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float) and value.is_integer():
        text = str(int(value))
    elif isinstance(value, dict | list):
        text = msgspec.json.encode(value).decode()
    else:
        text = str(value)
    return None if text in empty else text
