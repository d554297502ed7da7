"""The conditions of a mapping: which rows are meant. Compiled once into closures."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from connectors.mapping_values import Fields, Get, Recipes
from connectors.yaml_file import Document, Where

Holds = Callable[[Fields], bool]
_TESTS = ("is", "not", "contains", "starts_with", "ends_with", "matches", "present")


def compile_condition(document: Document, recipes: Recipes, said: Any, where: Where) -> Holds:
    """A map of columns: all of it holds. A list of maps: one of them holds."""
    if isinstance(said, list):
        options = [compile_condition(document, recipes, one, (*where, index)) for index, one in enumerate(said)]
        return lambda row: any(holds(row) for holds in options)
    if not isinstance(said, dict) or not said:
        raise document.refuse(f"a condition must be a map of columns; got `{said}`", where)
    tests: list[Holds] = []
    for column, test in said.items():
        tests += _tests(document, recipes.condition_column(str(column)), test, (*where, str(column)))
    if len(tests) == 1:
        return tests[0]
    return lambda row: all(holds(row) for holds in tests)


def _tests(document: Document, get: Get, said: Any, where: Where) -> list[Holds]:
    if not isinstance(said, dict):
        return [_is(get, said)]
    document.check_keys(said, _TESTS, where)
    if not said:
        raise document.refuse(f"a test must be one of {', '.join(_TESTS)}; got none", where)
    return [_test(document, get, name, value, (*where, name)) for name, value in said.items()]


def _test(document: Document, get: Get, name: str, value: Any, where: Where) -> Holds:
    if name == "present":
        return lambda row: (get(row) is not None) is bool(value)
    if name == "is":
        return _is(get, value)
    if name == "not":
        is_it = _is(get, value)
        return lambda row: not is_it(row)
    if name == "matches":
        try:
            search = re.compile(str(value)).search
        except re.error as error:
            sentence = f"`matches` must be a regular expression; got `{value}`, {error}"
            raise document.refuse(sentence, where) from None
        return lambda row: (text := get(row)) is not None and search(text) is not None
    words = tuple(_texts(value))
    if name == "contains":
        return lambda row: (text := get(row)) is not None and any(word in text for word in words)
    if name == "starts_with":
        return lambda row: (text := get(row)) is not None and text.startswith(words)
    return lambda row: (text := get(row)) is not None and text.endswith(words)


def _is(get: Get, said: Any) -> Holds:
    values = frozenset(_texts(said))
    return lambda row: get(row) in values


def _texts(said: Any) -> list[str]:
    many = said if isinstance(said, list) else [said]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in many]
