"""deploy/compose.yaml as a container engine reads it: anchors merged, variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose.yaml"
_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?::([?-])([^}]*))?\})")


def compose_file(variables: Mapping[str, str]) -> dict[str, Any]:
    """The whole file. Raises `KeyError` for a variable that it needs and does not get."""
    return dict(_filled(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")), variables))


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, variables) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _value(found, variables), value)
    return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, default = found.groups()
    if name is None:
        return "$"
    return variables.get(name, default) if kind == "-" else variables[name]
