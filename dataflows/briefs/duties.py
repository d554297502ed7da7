"""The sections of a brief about what was done: the three rates, what is open with whom, matters that come again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from connectors.clickhouse_brief_matters import TopMatter, UnitLoad
from dataflows.alert_words import printable, short
from dataflows.briefs.change import Change, Rate, Reason, rate_change
from dataflows.briefs.document import Note, Paragraph, Section, Table
from dataflows.briefs.figures import Measured
from dataflows.briefs.pen import TOWNSHIP, Pen, reasons
from dataflows.briefs.words import (
    NOTHING,
    day_words,
    heads,
    level_word,
    moment_words,
    percent,
    points_cell,
    say,
    topic_words,
)
from dataflows.history_origin import LOCAL

UNITS_NAMED = 10
_RATES: tuple[tuple[str, Callable[[Measured], Rate]], ...] = (
    ("closed", lambda each: each.closed),
    ("answered", lambda each: each.answered),
    ("asked", lambda each: each.asked),
)


def quality_section(pen: Pen) -> Section:
    """办结率, 响应率 and 满意率 with what they are made of, beside the period before and the year before."""
    figures = pen.figures
    rows, changes = [], list[tuple[str, Change]]()
    for name, rate_of in _RATES:
        now = rate_of(figures.now)
        row = [say(f"word.{name}"), percent(now.share), f"{now.part}/{now.whole}"]
        for label, side in (
            (say("word.month_on_month"), figures.before),
            (say("word.year_on_year"), figures.year_before),
        ):
            before: Rate | Reason = side if isinstance(side, str) else rate_of(side)
            changed = rate_change(now, before)
            changes.append((label, changed))
            row += [NOTHING if isinstance(before, str) else percent(before.share), points_cell(changed)]
        rows.append(row)
    title = pen.say("quality.table", n=next(pen.tables))
    table = Table(title, heads("quality"), rows, frozenset(range(1, 7)), (3, 3, 4, 3, 3, 3, 3))
    return Section(pen.say("quality.title"), [table, Note(pen.say("quality.points")), *reasons(changes)])


def open_section(pen: Pen) -> Section:
    """What is open and overdue, by the unit that has it."""
    units = pen.figures.units
    title = pen.say("open.title")
    if not units:
        return Section(title, [Paragraph(pen.say("open.none"))])
    total = _sum(say("open.nobody"), units)
    rows = [[*_load(printable(each.unit), each)] for each in _folded(pen)]
    rows.append([*_load(say("word.total"), total)])
    name = pen.say("open.table", n=next(pen.tables))
    table = Table(name, heads("open"), rows, frozenset((1, 2)), (6, 3, 3, 4), has_total=True)
    return Section(title, [Paragraph(_open_sentence(total)), table])


def top_section(pen: Pen) -> Section:
    """Matters that came through the most channels, most often, with what they are about and where they stand."""
    title, top = pen.say("top.title"), pen.figures.top
    if not top:
        return Section(title, [Paragraph(pen.say("top.none"))])
    rows = [_matter(pen, each) for each in top]
    table = Table(pen.say("top.table", n=next(pen.tables)), heads("top"), rows, frozenset(), (8, 10, 8, 9, 5, 11, 12))
    return Section(title, [Paragraph(pen.say("top.sentence", number=len(top))), table, Note(pen.say("top.note"))])


def _open_sentence(total: UnitLoad) -> str:
    if not total.overdue or total.due_first is None:
        return say("open.sentence.none", open=total.open)
    share, due = percent(total.overdue / total.open), moment_words(total.due_first)
    return say("open.sentence", open=total.open, overdue=total.overdue, share=share, due=due)


def _folded(pen: Pen) -> list[UnitLoad]:
    """The units at township level and above that have most, and everything else in a line for each sort."""
    levels = pen.figures.levels
    named = [each for each in pen.figures.units if levels.get(each.unit, 0) >= TOWNSHIP]
    rest = named[UNITS_NAMED:]
    low = [each for each in pen.figures.units if each.unit in levels and levels[each.unit] < TOWNSHIP]
    unknown = [each for each in pen.figures.units if each.unit and each.unit not in levels]
    nobody = [each for each in pen.figures.units if not each.unit]
    sorts = (
        (say("open.rest", number=len(rest)), rest), (say("open.low"), low), (say("open.unknown"), unknown),
        (say("open.nobody"), nobody),
    )  # fmt: skip
    return [*named[:UNITS_NAMED], *(_sum(name, units) for name, units in sorts if units)]


def _sum(name: str, units: Sequence[UnitLoad]) -> UnitLoad:
    first: list[datetime] = [each.due_first for each in units if each.due_first is not None]
    return UnitLoad(
        name, sum(each.open for each in units), sum(each.overdue for each in units), min(first, default=None)
    )  # fmt: skip


def _load(name: str, each: UnitLoad) -> tuple[str, str, str, str]:
    due = moment_words(each.due_first) if each.due_first else NOTHING
    return name, str(each.open), str(each.overdue), due


def _matter(pen: Pen, each: TopMatter) -> list[str]:
    return [
        printable(short(each.matter)),
        pen.naming.path(each.township or each.county) if each.county else say("word.no_part"),
        topic_words(each.category, each.subcategory),
        day_words(each.registered_at.astimezone(LOCAL).date()),
        say("top.count", now=each.contacts_in_span, all=each.contacts),
        "、".join(pen.naming.short_channel(name) for name in each.channels),
        _stands(pen, each),
    ]


def _stands(pen: Pen, each: TopMatter) -> str:
    state = say("top.closed" if each.is_closed else "top.answered" if each.is_answered else "top.waiting")
    is_placed = not each.unit or each.unit in pen.figures.levels
    at = say("top.at", unit=pen.unit(each.unit)) if is_placed else ""
    return state + at + (say("top.alert", level=level_word(each.level)) if each.level else "")
