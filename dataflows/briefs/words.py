"""What a brief says, from the one file that has all its words, and how numbers and times are written in it."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from alerts.model import Disposition, Level, State
from alerts.topics import TOPICS_ZH
from connectors.clickhouse_brief import LEVELS
from connectors.yaml_file import load
from dataflows.briefs.change import Change, Rate, Reason
from dataflows.briefs.period import Kind, Period
from dataflows.history_origin import LOCAL

FILE = Path(__file__).with_name("words.yaml")
NOTHING = "—"
HIDDEN = "＊"
WEEKDAYS = "一二三四五六日"
NUMERALS = "一二三四五六七八九十"
POINT = 100  # per cent


class Words(Struct, frozen=True, forbid_unknown_fields=True):
    """The file, part by part."""

    version: str = msgspec.field(name="apiVersion")
    names: dict[Kind, str]
    this: dict[Kind, str]
    before: dict[Kind, str]
    unit_of_time: dict[Kind, str]
    levels: dict[Level, str]
    categories: dict[str, str]
    parts: dict[str, str]
    dispositions: dict[Disposition, str]
    states: dict[State, str]
    gap_reasons: dict[str, str]
    sentences: dict[str, str]
    heads: dict[str, list[str]]


@cache
def words() -> Words:
    """All words."""
    return msgspec.convert(load(FILE).data, Words)


def say(sentence: str, /, **values: object) -> str:
    """The sentence of that name with its braces filled."""
    return words().sentences[sentence].format(**values)


def heads(table: str) -> list[str]:
    """The heads of the columns of a table."""
    return words().heads[table]


def part_word(region: str) -> str:
    """What a region is made of: counties, townships or villages."""
    return words().parts[LEVELS[len(region)]]


def category_word(category: str) -> str:
    """A category, as it stands where it has no name."""
    return words().categories.get(category, category)


def level_word(level: str) -> str:
    """A level; nothing for none."""
    return next((word for name, word in words().levels.items() if name == level), "")


def state_word(state: str) -> str:
    """A state of an alert."""
    return next((word for name, word in words().states.items() if name == state), state)


def period_words(period: Period) -> str:
    """Which period it is: `2026年11月21日（星期六）`."""
    first, last = period.first, period.last
    return say(
        f"period.{period.kind}", year=period.year, number=period.number, month=first.month, day=first.day,
        weekday=WEEKDAYS[first.weekday()], first=day_words(first), last=day_words(last),
    )  # fmt: skip


def day_words(day: date) -> str:
    """`11月21日`."""
    return f"{day.month}月{day.day}日"


def full_day(day: date) -> str:
    """`2026年11月21日`."""
    return f"{day.year}年{day_words(day)}"


def moment_words(at: datetime) -> str:
    """`11月21日 09:30`, by the clocks here."""
    there = at.astimezone(LOCAL)
    return f"{day_words(there.date())} {there:%H:%M}"


def percent(share: float | None) -> str:
    """`34.5%`."""
    return NOTHING if share is None else f"{share:.1%}"


def rate_cell(rate: Rate) -> str:
    """`34.5%`, and below it what it is made of: `238/690`."""
    return NOTHING if rate.share is None else f"{percent(rate.share)}\n{rate.part}/{rate.whole}"


def change_cell(change: Change) -> str:
    """`+5.3%`."""
    return NOTHING if change.share is None else _signed(change.share * POINT, "%")


def points_cell(change: Change) -> str:
    """`+1.2`, in hundredths."""
    return NOTHING if change.share is None else _signed(change.share * POINT, "")


def change_words(change: Change) -> str:
    """`上升5.3%`, or the reason why not."""
    if change.share is None:
        return f"{NOTHING}（{why(change.reason)}）"
    size = f"{abs(change.share):.1%}"
    return "持平" if size == "0.0%" else f"{'上升' if change.share > 0 else '下降'}{size}"


def why(reason: Reason | None) -> str:
    """Why there is nothing to compare with."""
    return say(f"why.{reason}")


def topic_words(category: str, subcategory: str) -> str:
    """`矛盾纠纷·邻里`."""
    detail = TOPICS_ZH.get(subcategory, "")
    return "·".join(part for part in (category_word(category) if category else "", detail) if part)


def _signed(value: float, unit: str) -> str:
    shown = f"{abs(value):.1f}"
    sign = "" if shown == "0.0" else "+" if value > 0 else "−"
    return f"{sign}{shown}{unit}"
