"""A brief (综治日报, 周报, 月报): the figures of a period written as a document that a director reads and signs."""

from __future__ import annotations

from collections.abc import Mapping

from dataflows.briefs.change import change
from dataflows.briefs.document import Brief, Heading
from dataflows.briefs.duties import open_section, quality_section, top_section
from dataflows.briefs.figures import Figures
from dataflows.briefs.honesty import box, remarks, terms
from dataflows.briefs.pen import Naming, Pen
from dataflows.briefs.volumes import category_section, place_section, volume_section
from dataflows.briefs.warnings import alert_section, open_at_end, opened_in, surge_section
from dataflows.briefs.words import change_words, full_day, percent, period_words, say, words

IN_THE_SUMMARY = 3  # categories and channels that are named


def written(figures: Figures, naming: Naming, issuer: str = "") -> Brief:
    """The document. The issuer is the centre of the region unless it is named."""
    place = place_of(figures, naming)
    pen = Pen(figures, naming, place)
    sections = [
        volume_section(pen), category_section(pen), place_section(pen), quality_section(pen), open_section(pen),
        top_section(pen), surge_section(pen), alert_section(pen),
    ]  # fmt: skip
    return Brief(
        _heading(figures, place, issuer),
        _summary(pen),
        [section for section in sections if section is not None],
        box(pen),
        terms(pen),
        (say("colophon.source"), say("colophon.signed")),
    )


def place_of(figures: Figures, naming: Naming) -> str:
    """What the region is called; everything is the one city in which something came, or `全市`."""
    if figures.region:
        return naming.path(figures.region).replace("/", "")
    cities = {f"{code[:4]}00" for code in figures.now.volumes.by_part if code}
    name = naming.tables.region_name(cities.pop()) if len(cities) == 1 else None
    return name or say("everywhere")


def _heading(figures: Figures, place: str, issuer: str) -> Heading:
    period = figures.period
    centre = "" if place == say("everywhere") else place
    return Heading(
        words().names[period.kind],
        say(f"number.{period.kind}", year=period.year, number=period.number),
        issuer or say("issuer", place=centre),
        full_day(period.end),
        say(
            "title",
            place=place,
            period=say(
                f"title.{period.kind}",
                year=period.year,
                day=full_day(period.first),
                number=period.number,
                month=period.first.month,
            ),
        ),
        period.end,
    )


def _summary(pen: Pen) -> list[str]:
    """The paragraph above all sections: what a reader who stops there knows."""
    figures = pen.figures
    if figures.is_empty:
        return [pen.say("summary.empty", title=pen.say("box.title"))]
    volumes = figures.now.volumes
    first = [
        pen.say("summary.contacts", period=period_words(figures.period), number=volumes.contacts, changes=_changes(pen))
    ]
    if leading := _leading(pen, volumes.by_category, words().categories):
        first.append(pen.say("summary.categories", list=leading))
    if leading := _leading(pen, volumes.by_channel, pen.naming.channels):
        first.append(pen.say("summary.channels", list=leading))
    second = [_quality(pen), _open(pen), _alerts(pen)]
    if found := remarks(pen):
        second.append(pen.say("summary.box", number=len(found), title=pen.say("box.title")))
    return ["".join(first), "".join(second)]


def _changes(pen: Pen) -> str:
    """Against the period before, the same weekday and the year before, as far as they are known."""
    figures = pen.figures
    number = figures.now.volumes.contacts
    sides = (
        (
            say("word.month_on_month"),
            figures.before if isinstance(figures.before, str) else figures.before.volumes.contacts,
        ),
        (say("summary.weekday"), figures.week_before if figures.period.kind == "day" else "no_data"),
        (
            say("word.year_on_year"),
            figures.year_before if isinstance(figures.year_before, str) else figures.year_before.volumes.contacts,
        ),
    )
    known = [(label, change(number, side)) for label, side in sides]
    return "".join(
        say("summary.change", label=label, words=change_words(each)) for label, each in known if each.share is not None
    )


def _leading(pen: Pen, numbers: Mapping[str, int], names: Mapping[str, str]) -> str:
    total = sum(numbers.values())
    named = sorted(((number, name) for name, number in numbers.items() if name and number), reverse=True)
    return "、".join(
        pen.say("summary.share", name=names.get(name, name), number=number, share=percent(number / total))
        for number, name in named[:IN_THE_SUMMARY]
    )


def _quality(pen: Pen) -> str:
    now = pen.figures.now
    return pen.say(
        "summary.quality", registered=now.closed.whole, closed=now.closed.part, closing=percent(now.closed.share),
        assessed=now.answered.whole, answered=now.answered.part, answering=percent(now.answered.share),
        asked=now.asked.whole, satisfied=now.asked.part, satisfaction=percent(now.asked.share),
    )  # fmt: skip


def _open(pen: Pen) -> str:
    units = pen.figures.units
    return pen.say("summary.open", open=sum(each.open for each in units), overdue=sum(each.overdue for each in units))


def _alerts(pen: Pen) -> str:
    opened, standing = opened_in(pen), open_at_end(pen)
    if not opened:
        return pen.say("summary.no_alerts", open=len(standing))
    levels = {level: sum(each.level == level for each in opened) for level in ("red", "yellow", "blue")}
    red = sum(each.level == "red" for each in standing)
    return pen.say("summary.alerts", number=len(opened), open=len(standing), open_red=red, **levels)
