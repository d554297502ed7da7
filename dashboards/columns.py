"""How the columns of a table look: heading, unit, width, words for values, colours, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from grafana_foundation_sdk.models.dashboard import (
    DashboardFieldConfigSourceOverrides,
    DynamicConfigValue,
    MatcherConfig,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from dashboards import colours, words

Properties = Sequence[DynamicConfigValue]
PLAIN: dict[str, object] = {"type": "auto"}
FILLED: dict[str, object] = {"type": "color-background", "mode": "basic", "applyToRow": False}
TINTED: dict[str, object] = {"type": "color-background", "mode": "gradient", "applyToRow": False}
BAR: dict[str, object] = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
COUNT = "none"
LASTS = "dtdhms"  # `2 d 03:04:05`: no words of any language
SHARE = "percentunit"
MOMENT = "time:MM-DD HH:mm"


class Column(NamedTuple):
    """One column of a table; what is not said stays as Grafana has it."""

    title: str
    unit: str = ""
    width: int = 0
    names: Sequence[ValueMapping] = ()
    steps: Sequence[Threshold] = ()
    cell: Mapping[str, object] = PLAIN
    links: Sequence[Mapping[str, object]] = ()
    hidden: bool = False
    decimals: int | None = None

    def properties(self) -> Properties:
        """What Grafana is told of it."""
        found: list[tuple[str, object]] = [("displayName", self.title)]
        if self.unit:
            found.append(("unit", self.unit))
        if self.width:
            found.append(("custom.width", self.width))
        if self.names:
            found.append(("mappings", list(self.names)))
        if self.steps:
            found.append(("thresholds", ThresholdsConfig(ThresholdsMode.ABSOLUTE, list(self.steps))))
            found.append(("color", {"mode": "thresholds"}))
        if self.cell is not PLAIN:
            found.append(("custom.cellOptions", dict(self.cell)))
        if self.links:
            found.append(("links", [dict(link) for link in self.links]))
        if self.hidden:
            found += [("custom.hidden", True), ("custom.hideFrom.viz", True)]  # before Grafana 12, and after
        if self.decimals is not None:
            found.append(("decimals", self.decimals))
        return [DynamicConfigValue(name, value) for name, value in found]


def overrides(columns: Mapping[str, Column]) -> list[DashboardFieldConfigSourceOverrides]:
    """What Grafana is told of all columns of a panel, each by its name in the answer."""
    return [
        DashboardFieldConfigSourceOverrides(MatcherConfig("byName", name), list(column.properties()))
        for name, column in columns.items()
    ]


def named(names: Mapping[str, str], colour: Mapping[str, str] | None = None) -> list[ValueMapping]:
    """Words for the values of a column, each with its colour if it has one."""
    shown = {
        value: ValueMappingResult(text=word, color=(colour or {}).get(value), index=index)
        for index, (value, word) in enumerate(names.items())
    }
    return [ValueMap(shown)]


def steps(base: str, *above: tuple[float, str]) -> list[Threshold]:
    """A colour from the bottom, and others from certain values on."""
    return [Threshold(None, base), *(Threshold(value, colour) for value, colour in above)]


LEVEL_NAMES = {level: f"{colours.LETTERS[level]} {word}" for level, word in words.LEVELS.items()}


def level(title: str = "级别") -> Column:
    """The level of an alert: its letter and word on its colour."""
    return Column(title, width=90, names=named(LEVEL_NAMES, colours.LEVELS), cell=FILLED)


def rule() -> Column:
    """The title of a rule."""
    return Column("规则", width=230, names=named(words.rules()))


def county() -> Column:
    """The name of a county; where it is not known it says so."""
    return Column("县区", width=130, names=named({**words.counties(), "": "未知"}))


def township() -> Column:
    """The name of a township."""
    return Column("镇街", width=130, names=named({**words.townships(), "": "—"}))


def lasts(title: str, *above: tuple[float, str], width: int = 130) -> Column:
    """A length of time in seconds; coloured from certain lengths on."""
    coloured = steps("text", *above) if above else ()
    return Column(title, LASTS, width, steps=coloured, cell=FILLED if above else PLAIN, decimals=0)


def share(title: str, *above: tuple[float, str], width: int = 100) -> Column:
    """A part of one, in per cent."""
    coloured = steps(colours.BAD, *above) if above else ()
    return Column(title, SHARE, width, steps=coloured, cell=TINTED if above else PLAIN, decimals=1)


def count(title: str, width: int = 90) -> Column:
    """A number of things."""
    return Column(title, COUNT, width)


def hidden(title: str) -> Column:
    """A column that only links read."""
    return Column(title, hidden=True)
