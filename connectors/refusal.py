"""Why a map of values is no event, in a sentence that names the field."""

from __future__ import annotations

import difflib
import re
from typing import Any, get_args

import msgspec

from alerts.model import Action, Category, Cue, LinkType, ReporterClass
from connectors.deadletter import RefusedError, show

_WORDS: dict[str, tuple[str, ...]] = {
    "action": get_args(Action),
    "category": get_args(Category),
    "cues": get_args(Cue),
    "link.type": get_args(LinkType),
    "reporter_class": get_args(ReporterClass),
}
_TIMES = ("occurred_at", "arrived_at")
# what stands there may name somebody
_PEOPLE = ("reporter", "household", "place", "pair", "subject", "attrs", "text", "link")
_REQUIRED = ("id", "channel", "action", "occurred_at")
_MUST = {
    "region": "`region` must be 6, 9 or 12 digits",
    "grid": "`grid` must be 14 to 18 digits",
    "violence": "`violence` must be a whole number from 0 to 3",
    "unit_level": "`unit_level` must be a whole number from 1 to 5",
    "satisfied": "`satisfied` must be true or false",
    "lat": "`lat` must be a number from -90 to 90",
    "lon": "`lon` must be a number from -180 to 180",
    "text": "`text` must be a string of at most 4000 characters",
    "id": "`id` must be a string of 1 to 200 characters",
    "attrs": "`attrs` must be a map",
    "link": "`link` must be a map of `type` and `to`",
}
_MISSING = re.compile(r"missing required field `(\w+)`(?: - at `\$\.?([^`]*)`)?")
_AT = re.compile(r" - at `\$\.?([^`]*)`$")


def refuse(error: msgspec.ValidationError, data: dict[str, Any]) -> RefusedError:
    """Turn what msgspec says of `data` into a reason and a sentence."""
    message = str(error)
    missing = _MISSING.search(message)
    if missing:
        path = f"{missing[2]}.{missing[1]}" if missing[2] else missing[1]
        return RefusedError("missing_field", f"event must have `{path}`; got nothing at `$.{path}`")
    at = _AT.search(message)
    path = at[1] if at else ""
    field = re.sub(r"\[\.*\d*\]", "", path)
    value = _value(data, path)
    if value is None and field in _REQUIRED:
        return RefusedError("missing_field", f"event must have `{field}`; got null at `$.{path}`")
    if field in _TIMES:
        return RefusedError("bad_time", f"{time_rule(field)}; got {show(value)} at `$.{path}`")
    got = f"{_shown(field, value)} at `$.{path}`{_near(field, value)}"
    return RefusedError("bad_value", f"{_rule(field, message)}; got {got}")


def time_rule(field: str) -> str:
    """What a time must be."""
    return f"`{field}` must be an RFC 3339 time with an offset, after 1970"


def _shown(field: str, value: Any) -> str:
    """The value, or of what may name somebody only what kind of value it is."""
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if field in _WORDS or field.partition(".")[0] not in _PEOPLE:
        return show(value)
    if isinstance(value, str):
        return f"a string of {len(value)} characters"
    return "nothing" if value is None else "true or false" if isinstance(value, bool) else "a number"


def _rule(field: str, message: str) -> str:
    if field in _WORDS:
        return f"`{field}` must be one of {', '.join(_WORDS[field])}"
    if field in _MUST:
        return _MUST[field]
    expected = re.search(r"Expected `([^`]*)`", message)
    kind = expected[1].replace("str", "string") if expected else "valid"
    return f"`{field}` must be {kind}" if field else f"event must be {kind}"


def _near(field: str, value: Any) -> str:
    words = _WORDS.get(field, ())
    found = difflib.get_close_matches(str(value), words, n=1) if isinstance(value, str) else []
    return f"; did you mean `{found[0]}`?" if found else ""


def _value(data: Any, path: str) -> Any:
    """What is at a path such as `link.type` or `cues[...]`; of a list the first wrong word."""
    for name in filter(None, path.split(".")):
        name = name.split("[")[0]
        data = data.get(name) if isinstance(data, dict) else None
    if "[" in path and isinstance(data, list | tuple):
        words = _WORDS.get(path.split("[")[0], ())
        return next((item for item in data if item not in words), None)
    return data
