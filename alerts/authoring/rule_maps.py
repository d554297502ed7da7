"""Every map of fields that an event must fit, wherever it stands in a rule file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alerts.authoring.remark import Where
from alerts.rule_file import RuleFile, When


def maps_of(spec: RuleFile) -> Iterator[tuple[Where, Mapping[str, Any]]]:
    """Each map with its path."""
    for name, fields in spec.select.items():
        if name != "condition":
            yield ("select", name), fields
    for name, fields in spec.unless.items():
        yield ("unless", name), fields
    if spec.when is not None:
        yield from _maps_of_when(spec.when)
    for index, rung in enumerate(spec.levels):
        if rung.event is not None:
            yield ("levels", index, "event"), rung.event
    if spec.obligation is not None:
        for name in ("opens", "satisfied_by", "pause_on", "resume_on"):
            yield ("obligation", name), getattr(spec.obligation, name)
    if spec.bump is not None:
        yield ("bump", "on"), spec.bump.on


def _maps_of_when(when: When) -> Iterator[tuple[Where, Mapping[str, Any]]]:
    for name in ("any", "steps", "score"):
        for index, part in enumerate(getattr(when, name) or ()):
            yield ("when", name, index, "event"), part.event or {}
    if when.ratio is not None:
        yield ("when", "ratio", "of"), when.ratio.of
        yield ("when", "ratio", "among"), when.ratio.among
