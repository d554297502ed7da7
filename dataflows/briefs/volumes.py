"""The sections of a brief about how much came in: by channel and time, by category, by place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.clickhouse_brief import Volumes
from dataflows.briefs.change import Change, Reason, change
from dataflows.briefs.document import Block, Chart, Note, Paragraph, Section, Table
from dataflows.briefs.figures import HISTORY, Measured
from dataflows.briefs.hiding import hidden
from dataflows.briefs.pen import Pen, reasons
from dataflows.briefs.period import Period
from dataflows.briefs.words import (
    HIDDEN,
    NOTHING,
    category_word,
    change_cell,
    change_words,
    heads,
    part_word,
    percent,
    rate_cell,
    say,
    why,
    words,
)

NUMBERS = frozenset(range(1, 7))


def volume_section(pen: Pen) -> Section:
    """How much came in, through which channels, and when."""
    figures = pen.figures
    if not figures.now.volumes.contacts:
        blocks: list[Block] = [Paragraph(pen.say("volume.none")), *_history(pen)]
        return Section(pen.say("volume.title"), blocks)
    table = _compared(
        pen, "channel", pen.say("volume.channels", n=next(pen.tables)), pen.naming.channel, lambda each: each.by_channel
    )
    return Section(
        pen.say("volume.title"), [Paragraph(_sentences(pen)), *table, *_history(pen), *_hours(pen)]
    )  # fmt: skip


def category_section(pen: Pen) -> Section | None:
    """What it was about; nothing where nothing came."""
    now = pen.figures.now.volumes
    if not now.contacts:
        return None
    title = pen.say("category.table", n=next(pen.tables))
    table = _compared(pen, "category", title, category_word, lambda each: each.by_category)
    shown = [(name, number) for name, number in _most_first(now.by_category) if number]
    chart = Chart(
        pen.say("category.chart", n=next(pen.charts)),
        [category_word(name) for name, _ in shown],
        [number for _, number in shown],
        "件",
        lying=True,
    )
    return Section(pen.say("category.title"), [*table, chart])


def place_section(pen: Pen) -> Section | None:
    """Where it was: by county or township with the rates, by village with small numbers hidden."""
    if not pen.figures.now.volumes.contacts:
        return None
    blocks = _villages(pen) if len(pen.figures.region) == 9 else _areas(pen)
    return Section(pen.say("place.title"), blocks)


def _sentences(pen: Pen) -> str:
    figures = pen.figures
    number = figures.now.volumes.contacts
    if isinstance(figures.before, str):
        first = pen.say("volume.sentence.alone", number=number, dash=NOTHING, reason=why(figures.before))
    else:
        before = figures.before.volumes.contacts
        changed = change_words(change(number, before))
        first = pen.say("volume.sentence", number=number, number_before=before, change=changed)
    return first + _week_sentence(pen) + _year_sentence(pen)


def _week_sentence(pen: Pen) -> str:
    week = pen.figures.week_before
    if pen.figures.period.kind != "day" or isinstance(week, str):
        return ""
    return pen.say("volume.week", number=week, change=change_words(change(pen.figures.now.volumes.contacts, week)))


def _year_sentence(pen: Pen) -> str:
    year = pen.figures.year_before
    if isinstance(year, str):
        return pen.say("volume.year.none", dash=NOTHING, reason=why(year))
    changed = change_words(change(pen.figures.now.volumes.contacts, year.volumes.contacts))
    return pen.say("volume.year", number=year.volumes.contacts, change=changed)


def _compared(
    pen: Pen, kind: str, title: str, word: Callable[[str], str], numbers: Callable[[Volumes], Mapping[str, int]]
) -> list[Block]:
    """A row for each name with its share, and against the period before and the year before; and the sum."""
    figures = pen.figures
    now = numbers(figures.now.volumes)
    sides = [_side(figures.before, numbers), _side(figures.year_before, numbers)]
    names = [name for name, _ in _most_first({**dict.fromkeys(_named(*sides), 0), **now}) if _counts(name, now, *sides)]
    total = sum(now.values())
    rows, changes = [], list[tuple[str, Change]]()
    for name in names:
        beside = [_changed(now.get(name, 0), side, name) for side in sides]
        changes += zip((say("word.month_on_month"), say("word.year_on_year")), beside, strict=True)
        share = percent(now.get(name, 0) / total)
        rows.append([word(name), str(now.get(name, 0)), share, *map(change_cell, beside)])
    sums = [change(total, side if isinstance(side, str) else sum(side.values())) for side in sides]
    rows.append([say("word.total"), str(total), percent(1), *map(change_cell, sums)])
    table = Table(title, heads(kind), rows, NUMBERS, (4, 3, 3, 3, 3), has_total=True)
    return [table, *reasons(changes)]


def _side(measured: Measured | Reason, numbers: Callable[[Volumes], Mapping[str, int]]) -> Mapping[str, int] | Reason:
    return measured if isinstance(measured, str) else numbers(measured.volumes)


def _named(*sides: Mapping[str, int] | Reason) -> list[str]:
    return [name for side in sides if not isinstance(side, str) for name in side]


def _counts(name: str, *sides: Mapping[str, int] | Reason) -> bool:
    return any(side.get(name, 0) for side in sides if not isinstance(side, str))


def _changed(now: int, side: Mapping[str, int] | Reason, name: str) -> Change:
    return change(now, side if isinstance(side, str) else side.get(name, 0))


def _most_first(numbers: Mapping[str, int]) -> list[tuple[str, int]]:
    """The greatest first; what has no name at the end."""
    return sorted(numbers.items(), key=lambda item: (item[0] == "", -item[1], item[0]))


def _history(pen: Pen) -> list[Block]:
    figures = pen.figures
    if len(figures.history) < 2:
        return []
    kind = figures.period.kind
    chart = Chart(
        pen.say("volume.history", n=next(pen.charts), count=len(figures.history), unit=words().unit_of_time[kind]),
        [_short(period) for period, _ in figures.history],
        [number for _, number in figures.history],
        "件",
        marked=len(figures.history) - 1,
    )
    is_whole = len(figures.history) == HISTORY and all(number is not None for _, number in figures.history)
    gaps = "" if is_whole else pen.say("volume.history.gaps")
    return [chart, Note(pen.say("volume.history.note", gaps=gaps))]


def _short(period: Period) -> str:
    return f"{period.first:%Y.%m}" if period.kind == "month" else f"{period.first.month}.{period.first.day}"


def _hours(pen: Pen) -> list[Block]:
    title = pen.say("volume.hours", n=next(pen.charts))
    chart = Chart(title, [str(hour) for hour in range(24)], list(pen.figures.hours), "件")
    all_days = "" if pen.figures.period.kind == "day" else pen.say("volume.hours.all")
    return [chart, Note(pen.say("volume.hours.note", all_days=all_days))]


def _areas(pen: Pen) -> list[Block]:
    figures = pen.figures
    part = part_word(figures.region)
    sides = [_side(figures.before, _by_part), _side(figures.year_before, _by_part)]
    now = figures.now.volumes.by_part
    rows, changes = [], list[tuple[str, Change]]()
    for code, number in _most_first({**dict.fromkeys((*figures.parts, *_named(*sides)), 0), **now}):
        beside = [_changed(number, side, code) for side in sides]
        changes += zip((say("word.month_on_month"), say("word.year_on_year")), beside, strict=True)
        rates = figures.parts.get(code)
        name = pen.naming.place(code) if code else say("word.no_part")
        shown = map(rate_cell, rates) if rates else [NOTHING] * 3
        rows.append([name, str(number), *map(change_cell, beside), *shown])
    rows.append(_all_areas(pen, sides))
    title = pen.say("place.table", n=next(pen.tables), part=part)
    table = Table(title, (part, *heads("place")), rows, NUMBERS, (5, 3, 3, 3, 5, 5, 5), has_total=True)
    return [table, *reasons(changes)]


def _all_areas(pen: Pen, sides: list[Mapping[str, int] | Reason]) -> list[str]:
    now = pen.figures.now
    sums = [change(now.volumes.contacts, side if isinstance(side, str) else sum(side.values())) for side in sides]
    rates = map(rate_cell, (now.closed, now.answered, now.asked))
    return [say("word.total"), str(now.volumes.contacts), *map(change_cell, sums), *rates]


def _by_part(volumes: Volumes) -> Mapping[str, int]:
    return volumes.by_part


def _villages(pen: Pen) -> list[Block]:
    """Villages whose number of this or the last period may be shown; both numbers are hidden by themselves."""
    figures = pen.figures
    columns = [_of_villages(pen, figures.now)]
    if not isinstance(figures.before, str):
        columns.append(_of_villages(pen, figures.before))
    shown = [{code: number for code, number in each.items() if code not in hidden(each)} for each in columns]
    codes = sorted(
        {code for each in shown for code in each}, key=lambda code: (code == "", -shown[0].get(code, 0), code)
    )
    if not codes:
        return [Paragraph(pen.say("place.village.none"))]
    rows = [
        [pen.naming.place(code) if code else say("word.no_part"), *(str(each.get(code, HIDDEN)) for each in shown)]
        for code in codes
    ]
    rows.append([say("word.total"), *(str(sum(each.values())) for each in columns)])
    title = pen.say("place.table", n=next(pen.tables), part=part_word(figures.region))
    table = Table(title, heads("village")[: 1 + len(columns)], rows, NUMBERS, (4, 2, 2)[: 1 + len(columns)], True)
    return [table, Note(pen.say("place.village.note", hidden=HIDDEN))]


def _of_villages(pen: Pen, measured: Measured) -> dict[str, int]:
    """Every village that there is, those of which nothing came with 0, and what named none."""
    township = pen.figures.region
    known = {code for code in pen.naming.tables.regions if len(code) == 12 and code.startswith(township)}
    return {**dict.fromkeys((*known, ""), 0), **measured.volumes.by_part}
