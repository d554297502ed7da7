"""What Grafana and its official plugins make of a query before it is sent, and of an answer before it is shown."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import redis

ALL = "$__all"
Value = str | Sequence[str]

_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")
_MACRO = re.compile(r"\$__(\w+)\b(?:\(([^()]*)\))?")


class Range(NamedTuple):
    """What the time picker says, and the interval that Grafana works out from the width of the panel."""

    since: datetime
    until: datetime
    interval_seconds: int = 3_600


def chosen(board: Mapping[str, Any], **choices: Value) -> dict[str, Value]:
    """The values of a board's variables: those that are chosen, else those that it opens with."""
    found: dict[str, Value] = {}
    for variable in board["templating"]["list"]:
        value = choices.get(variable["name"], variable["current"]["value"])
        found[variable["name"]] = _all_of(variable) if ALL in ([value] if isinstance(value, str) else value) else value
    return found


def _all_of(variable: Mapping[str, Any]) -> Value:
    """`All` is the value that the board names for it, else every option."""
    return variable.get("allValue") or [option["value"] for option in variable["options"]]


def with_variables(text: str, values: Mapping[str, Value]) -> str:
    """The text with variables filled in; what is no variable stays, as a macro does."""

    def fill(match: re.Match[str]) -> str:
        name, form = match[1] or match[3], match[2] or ""
        return _formatted(values[name], form) if name in values else match[0]

    return _VARIABLE.sub(fill, text)


def _formatted(value: Value, form: str) -> str:
    values = [value] if isinstance(value, str) else list(value)
    match form:
        case "sqlstring":
            return ",".join("'" + each.replace("'", "''") + "'" for each in values)
        case "regex" | "":
            return values[0] if len(values) == 1 else "(" + "|".join(values) + ")"
        case "raw":
            return ",".join(values)
    raise AssertionError(f"form of a variable must be sqlstring, regex or raw; got `{form}`")


def with_macros(sql: str, range_: Range) -> str:
    """The SQL with the macros of the plugin filled in. An unknown macro is an error, as it is there."""
    since, until = (f"toDateTime({int(at.timestamp())})" for at in (range_.since, range_.until))

    def fill(match: re.Match[str]) -> str:
        column = match[2]
        match match[1]:
            case "fromTime":
                return since
            case "toTime":
                return until
            case "timeFilter":
                return f"{column} >= {since} AND {column} <= {until}"
            case "dateFilter":
                return f"{column} >= toDate('{range_.since:%F}') AND {column} <= toDate('{range_.until:%F}')"
            case "timeInterval":
                return f"toStartOfInterval(toDateTime({column}), INTERVAL {range_.interval_seconds} second)"
            case "interval_s":
                return str(range_.interval_seconds)
        raise AssertionError(f"macro must be one of the plugin; got `{match[0]}`")

    return _MACRO.sub(fill, sql)


def expanded(sql: str, values: Mapping[str, Value], range_: Range) -> str:
    """The SQL as ClickHouse gets it."""
    return with_macros(with_variables(sql, values), range_)


def promql(expression: str, values: Mapping[str, Value], seconds: int) -> str:
    """The PromQL as Prometheus gets it: variables as expressions, intervals as lengths of time."""
    lengths = dict.fromkeys(("__rate_interval", "__interval", "__range"), f"{seconds}s")
    return with_variables(expression, {**values, **lengths})


def redis_answer(client: redis.Redis, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows that the Redis plugin makes of an answer: a column a field of a stream, or one column `Value`."""
    if query["type"] == "cli":
        found: Any = client.execute_command(*shlex.split(query["query"]))
        return [{"Value": each} for each in (found if isinstance(found, list) else [found])]
    assert query["command"] == "xrevrange", query
    entries: Any = client.xrevrange(query["keyName"], query["end"] or "+", query["start"] or "-", count=query["count"])
    return [
        {"$streamId": name.decode(), **{k.decode(): v.decode() for k, v in entry.items()}} for name, entry in entries
    ]


def extracted(rows: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the transformation `extractFields` makes of a column of JSON: only the paths that it names."""
    assert options["format"] == "json"
    assert options["replace"] is True
    return [
        {each["alias"]: _at(json.loads(row[options["source"]]), each["path"]) for each in options["jsonPaths"]}
        for row in rows
    ]


def _at(tree: Any, path: str) -> Any:
    for name in path.split("."):
        tree = tree[name]
    return tree
