"""What the things on a screen are called: rules, regions, channels and topics, from the files that name them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from alerts.model import Text
from alerts.topics import TOPICS_ZH
from connectors.registry import load_channels
from connectors.rulebook import RULES_FOLDER, find_rule_files
from connectors.tables import load_tables
from connectors.yaml_file import YamlError, load

LOOK_SECONDS = 5.0  # how often the files of rules are looked at


class RuleName(Struct, frozen=True):
    """A rule as people know it."""

    title: Text
    runbook: str = ""
    parts: dict[str, Text] = {}  # its branches, steps and cues


class _Part(Struct, frozen=True):
    name: str = ""
    title: Text | None = None


class _When(Struct, frozen=True):
    any: list[_Part] = []
    steps: list[_Part] = []
    score: list[_Part] = []


class _RuleFile(Struct, frozen=True):
    """As much of a rule file as has names in it; the rest is not looked at."""

    id: str
    title: Text
    runbook: str = ""
    when: _When = _When()


class Names(Struct, frozen=True):
    """What is called what. Regions are those of the caller's county, or of all."""

    rules: dict[str, RuleName]
    regions: dict[str, str]
    channels: dict[str, Text]
    topics: dict[str, str]


class NameBook:
    """The names as the files say now: an edited rule has its new title some seconds later."""

    def __init__(self, rules: Sequence[Path | str] = ()) -> None:
        self._paths = rules or (RULES_FOLDER,)
        self._rules: dict[str, RuleName] = {}
        self._seen: list[tuple[Path, int]] = []
        self._look_at = 0.0
        self._regions = {code: entry.name for code, entry in load_tables().regions.items()}
        self._channels = {name: channel.short or channel.label for name, channel in load_channels().items()}

    def names(self, county: str) -> Names:
        """Everything that a screen of this county shows; "" is all."""
        self._look_again()
        regions = {code: name for code, name in self._regions.items() if code.startswith(county)}
        return Names(self._rules, regions, self._channels, TOPICS_ZH)

    def _look_again(self) -> None:
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_SECONDS
        try:
            seen = [(file, file.stat().st_mtime_ns) for file in find_rule_files(self._paths)]
        except (OSError, ValueError):
            return  # an edit is under way; what was known is shown
        if seen != self._seen:
            self._seen = seen
            self._rules |= dict(found for file, _ in seen if (found := _named(file)) is not None)


def _named(file: Path) -> tuple[str, RuleName] | None:
    """Id and name of a rule; nothing of a file that says none: what was known is shown then, or the id."""
    try:
        found = msgspec.convert(load(file).data, _RuleFile)
    except (OSError, UnicodeDecodeError, YamlError, msgspec.ValidationError):
        return None
    parts = (*found.when.any, *found.when.steps, *found.when.score)
    return found.id, RuleName(found.title, found.runbook, {each.name: each.title for each in parts if each.title})
