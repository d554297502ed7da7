"""What the numbers of a brief do not know, and what its words mean."""

from __future__ import annotations

from datetime import date

from dataflows.briefs.document import Paragraph, Section
from dataflows.briefs.figures import Figures
from dataflows.briefs.pen import Pen
from dataflows.briefs.warnings import opened_in
from dataflows.briefs.words import full_day, moment_words, part_word, words

TERMS = ("contacts", "compare", "closed", "answered", "asked", "overdue", "acks")


def box(pen: Pen) -> Section:
    """The honesty box: everything that was not there to be counted or judged."""
    found = remarks(pen)
    return Section(pen.say("box.title"), [Paragraph(each) for each in found or [pen.say("box.nothing")]])


def remarks(pen: Pen) -> list[str]:
    """A sentence for each thing that a reader must know before trusting a number."""
    return [*_reach(pen), *_silences(pen), *_unjudged(pen), *_unnamed(pen)]


def terms(pen: Pen) -> Section:
    """What each figure counts."""
    week = pen.say("terms.compare.week") if pen.figures.period.kind == "week" else ""
    return Section(pen.say("terms.title"), [Paragraph(pen.say(f"terms.{name}", week=week)) for name in TERMS])


def _reach(pen: Pen) -> list[str]:
    figures = pen.figures
    until, first = figures.bounds.arrived_until, figures.bounds.first_day
    if until is None or first is None:
        return [pen.say("box.empty")]
    found = [] if figures.is_over else [pen.say("box.not_over", until=moment_words(until))]
    if missing := figures.days_missing:
        found.append(pen.say("box.missing", days=len(figures.period.days), missing=missing))
    return found + ([pen.say("box.first", day=full_day(first))] if _is_before(figures, first) else [])


def _silences(pen: Pen) -> list[str]:
    figures = pen.figures
    is_told = figures.is_over and figures.days_missing < len(figures.period.days)
    silent = figures.silent if is_told else {}  # otherwise it is said already
    found = [
        pen.say("box.silent", channel=pen.naming.channel(channel), last=moment_words(last))
        for channel, last in silent.items()
    ]
    for gap in figures.gaps:
        reason = words().gap_reasons.get(gap.reason, gap.reason)
        channel = pen.naming.channel(gap.channel) if gap.channel else ""
        what = pen.say("box.gap.channel", channel=channel, reason=reason)
        times = {"start": moment_words(gap.from_at), "end": moment_words(gap.until_at)}
        found.append(pen.say("box.gap", what=what, rules=gap.rules, **times))
    return found


def _unjudged(pen: Pen) -> list[str]:
    figures = pen.figures
    unsure = sum(each.confidence != "confirmed" for each in opened_in(pen))
    counts = {"confidence": unsure, "late": figures.not_judged["late"], "unread": figures.not_judged["unread"]}
    return [pen.say(f"box.{name}", number=number) for name, number in counts.items() if number]


def _unnamed(pen: Pen) -> list[str]:
    volumes, region = pen.figures.now.volumes, pen.figures.region
    found = []
    if (number := volumes.by_part.get("", 0)) and len(region) < 9:  # of villages it would be a small number
        found.append(pen.say("box.no_place", number=number, part=part_word(region)))
    if number := volumes.by_category.get("", 0):
        found.append(pen.say("box.no_category", number=number))
    return found


def _is_before(figures: Figures, first: date) -> bool:
    """Does the pool begin after what a year before would be?"""
    year = figures.period.year_before
    return year is not None and year.first < first
