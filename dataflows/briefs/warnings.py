"""The sections of a brief about alerts: surges, rebounds, what was warned and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from alerts.model import LEVELS
from connectors.clickhouse_brief_alerts import BriefAlert
from dataflows.alert_words import printable
from dataflows.briefs.change import Rate
from dataflows.briefs.document import Block, Note, Paragraph, Section, Table
from dataflows.briefs.pen import Pen, middle
from dataflows.briefs.words import (
    NOTHING,
    heads,
    level_word,
    moment_words,
    percent,
    say,
    state_word,
    topic_words,
    words,
)

SURGES_NAMED = 15
UNITS_NAMED = 10
REBOUND = "rb."  # rules that watch for what comes back after closing
TWICE = "yellow"  # their level for what came back again
OPEN = ("open", "acked")
HIGHEST_FIRST = LEVELS[::-1]


def surge_section(pen: Pen) -> Section:
    """Surges of the period, and what came back after it was closed, by who had closed it."""
    return Section(pen.say("surge.title"), [*_surges(pen), *_rebounds(pen)])


def alert_section(pen: Pen) -> Section:
    """Alerts by rule and level, how soon they were acked, what they turned out to be, how early they came."""
    opened = opened_in(pen)
    title = pen.say("alert.title")
    told = [_acked(pen, opened), _ended(pen), *_early(pen, opened), *_supervised(pen)]
    if not opened:
        return Section(title, [Paragraph(pen.say("alert.none") + "".join(told))])
    first = pen.say(
        "alert.sentence", number=len(opened), retracted=sum(each.state == "retracted" for each in opened),
        open=len(open_at_end(pen)), **_by_level(open_at_end(pen)),
    )  # fmt: skip
    return Section(title, [Paragraph(first), _by_rule(pen, opened), *(Paragraph(each) for each in told)])


def opened_in(pen: Pen) -> list[BriefAlert]:
    """The alerts that were opened in the period."""
    return [each for each in pen.figures.alerts if each.opened_at >= pen.figures.period.start_at]


def open_at_end(pen: Pen) -> list[BriefAlert]:
    """The alerts that were open at its end."""
    return [each for each in pen.figures.alerts if each.state in OPEN]


def _by_level(alerts: Sequence[BriefAlert]) -> dict[str, int]:
    counts = Counter(each.level for each in alerts)
    return {level: counts[level] for level in LEVELS}


def _surges(pen: Pen) -> list[Block]:
    found = [each for each in opened_in(pen) if each.kind == "surge" and each.state != "retracted"]
    if not found:
        return [Paragraph(pen.say("surge.none"))]
    ranked = sorted(found, key=lambda each: (-LEVELS.index(each.level), -each.contacts))
    rows = [_surge(pen, each) for each in ranked[:SURGES_NAMED]]
    numbers = frozenset((3, 4))
    table = Table(pen.say("surge.table", n=next(pen.tables)), heads("surge"), rows, numbers, (10, 12, 8, 4, 6, 4, 6))
    more = len(found) - len(rows)
    rest = [Note(pen.say("surge.rest", number=more))] if more else []
    return [Paragraph(pen.say("surge.sentence", number=len(found))), table, *rest]


def _surge(pen: Pen, each: BriefAlert) -> list[str]:
    return [
        moment_words(each.opened_at),
        pen.naming.path(each.township or each.county),
        topic_words("", each.subcategory) or printable(each.subcategory),
        str(each.contacts),
        say("surge.times", ratio=f"{each.ratio:.1f}") if each.ratio else NOTHING,
        level_word(each.level),
        state_word(each.state),
    ]


def _rebounds(pen: Pen) -> list[Block]:
    if not any(rule.startswith(REBOUND) for rule in pen.naming.rules):
        return [Paragraph(pen.say("rebound.off"))]
    found = [each for each in opened_in(pen) if each.rule.startswith(REBOUND) and each.state != "retracted"]
    if not found:
        return [Paragraph(pen.say("rebound.none"))]
    again = sum(each.level == TWICE for each in found)
    by_unit = Counter(pen.unit(each.unit) if each.unit else pen.say("rebound.nobody") for each in found)
    named = by_unit.most_common(UNITS_NAMED)
    rest = len(by_unit) - len(named)
    rows = [[name, str(number)] for name, number in named]
    if rest:
        rows.append([pen.say("open.rest", number=rest), str(len(found) - sum(number for _, number in named))])
    rows.append([say("word.total"), str(len(found))])
    title = pen.say("rebound.table", n=next(pen.tables))
    table = Table(title, heads("rebound"), rows, frozenset((1,)), (6, 2), has_total=True)
    return [Paragraph(pen.say("rebound.sentence", number=len(found), again=again)), table]


def _by_rule(pen: Pen, opened: Sequence[BriefAlert]) -> Table:
    rules: dict[str, list[BriefAlert]] = {}
    for each in opened:
        rules.setdefault(each.rule, []).append(each)
    ranked = sorted(rules.items(), key=lambda item: (*(-_by_level(item[1])[level] for level in HIGHEST_FIRST), item[0]))
    rows = [[pen.naming.rule(rule), *_counted(alerts)] for rule, alerts in ranked]
    rows.append([say("word.total"), *_counted(opened)])
    title = pen.say("alert.table", n=next(pen.tables))
    return Table(title, heads("alert"), rows, frozenset(range(1, 7)), (9, 2, 2, 2, 2, 3, 2), has_total=True)


def _counted(alerts: Sequence[BriefAlert]) -> list[str]:
    levels = _by_level(alerts)
    still = sum(each.state in OPEN for each in alerts)
    retracted = sum(each.state == "retracted" for each in alerts)
    return [*(str(levels[level]) for level in HIGHEST_FIRST), str(len(alerts)), str(still), str(retracted)]


def acks(opened: Sequence[BriefAlert]) -> Counter[str]:
    """How the alerts that somebody had to take went: taken in time or late, by nobody, not due yet, or over before."""
    counts: Counter[str] = Counter()
    for each in opened:
        if each.next_level_at is None and each.escalated_at is None:
            continue
        if each.acked_at is not None:
            counts["in_time" if each.escalated_at is None or each.acked_at < each.escalated_at else "late"] += 1
        elif each.escalated_at is not None:
            counts["nobody"] += 1
        else:
            counts["pending" if each.state in OPEN else "ended"] += 1
    return counts


def _acked(pen: Pen, opened: Sequence[BriefAlert]) -> str:
    counts = acks(opened)
    if not counts:
        return pen.say("alert.acks.none")
    due = counts["in_time"] + counts["late"] + counts["nobody"]
    taken = [each.acked_at - each.opened_at for each in opened if each.acked_at is not None]
    return pen.say(
        "alert.acks", number=counts.total(), in_time=counts["in_time"], late=counts["late"], nobody=counts["nobody"],
        pending=counts["pending"], ended=counts["ended"], rate=percent(Rate(counts["in_time"], due).share),
        median=pen.say("alert.acks.median", length=middle(taken)) if taken else "",
    )  # fmt: skip


def _ended(pen: Pen) -> str:
    start = pen.figures.period.start_at
    ends = Counter(each.disposition for each in pen.figures.alerts if each.disposed_at and each.disposed_at >= start)
    if not ends:
        return pen.say("alert.ends.none")
    named = [
        pen.say("alert.ends.one", name=name, number=ends[end])
        for end, name in words().dispositions.items()
        if ends[end]
    ]
    return pen.say("alert.ends", number=ends.total(), list="、".join(named))


def _early(pen: Pen, opened: Sequence[BriefAlert]) -> list[str]:
    """How long before the deadline what is owed was called for, and how long before red the first word came."""
    ahead = [each.due - each.opened_at for each in opened if each.kind == "obligation" and each.due is not None]
    early = [length for length in ahead if length > timedelta(0)]
    lead = (
        pen.say("alert.lead", number=len(early), length=middle(early)) if early else pen.say("alert.lead.none")
    )  # fmt: skip
    start = pen.figures.period.start_at
    red = [each for each in pen.figures.alerts if each.red_at is not None and each.red_at >= start]
    risen = [each.red_at - each.opened_at for each in red if each.red_at is not None and each.red_at > each.opened_at]
    at_once = len(red) - len(risen)
    if risen:
        return [lead, pen.say("alert.rise", number=len(risen), length=middle(risen), at_once=at_once)]
    return [lead, pen.say("alert.rise.straight", at_once=at_once)] if at_once else [lead]


def _supervised(pen: Pen) -> list[str]:
    notices, answers = pen.figures.supervised
    return [pen.say("alert.supervised", notices=notices, answers=answers)] if notices or answers else []
