"""What every section of a brief is written with: the figures, what things are called, and the running numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import count
from statistics import median
from typing import NamedTuple

from connectors.tables import Tables
from dataflows.alert_words import in_words, printable
from dataflows.briefs.change import Change
from dataflows.briefs.document import Note
from dataflows.briefs.figures import Figures
from dataflows.briefs.words import NOTHING, say, why, words

TOWNSHIP = 3  # the level of a unit below which it is not named


class Naming(NamedTuple):
    """What channels, rules and places are called."""

    channels: Mapping[str, str]
    short: Mapping[str, str]  # of channels, where room is short
    rules: Mapping[str, str]
    tables: Tables

    def channel(self, name: str) -> str:
        """A channel, by its id where it is not registered."""
        return self.channels.get(name, name)

    def short_channel(self, name: str) -> str:
        """A channel, as shortly as it is called."""
        return self.short.get(name, name)

    def rule(self, name: str) -> str:
        """A rule, by its id where it is not loaded."""
        return self.rules.get(name, name)

    def place(self, code: str) -> str:
        """A region by its own name."""
        return self.tables.region_name(code) or code

    def path(self, code: str) -> str:
        """A region from the county down."""
        return self.tables.region_path(code) or code


class Pen:
    """The figures of one brief, and the number that its next table or plot gets."""

    def __init__(self, figures: Figures, naming: Naming, place: str) -> None:
        self.figures = figures
        self.naming = naming
        self.place = place
        self.tables = count(1)
        self.charts = count(1)

    def say(self, sentence: str, /, **values: object) -> str:
        """The sentence of that name; what every sentence may use is there."""
        kind = self.figures.period.kind
        known = {"this": words().this[kind], "before": words().before[kind], "place": self.place}
        return say(sentence, **(known | values))

    def unit(self, name: str) -> str:
        """A unit by its name if it stands at township level or above; below that only what sort it is."""
        if not name:
            return say("open.nobody")
        level = self.figures.levels.get(name)
        if level is None:
            return say("open.unknown")
        return printable(name) if level >= TOWNSHIP else say("open.low")


def reasons(changes: Iterable[tuple[str, Change]]) -> list[Note]:
    """One line for the dashes of a table: what is missing there, and why."""
    found = dict.fromkeys((label, change.reason) for label, change in changes if change.reason is not None)
    said = [say("why.one", label=label, reason=why(reason)) for label, reason in found]
    return [Note(say("why.note", list="；".join(said)))] if said else []


def middle(lengths: Sequence[timedelta]) -> str:
    """The median of some lengths of time, in words."""
    return in_words(timedelta(seconds=median(each.total_seconds() for each in lengths))) if lengths else NOTHING
