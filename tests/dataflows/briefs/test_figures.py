"""The numbers of a brief against the same, counted another way, over a month that ran through the real stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from brief_month import SHANGHAI, Counted, Span, Told, day_of, is_closed, is_contact, midnight, tell, unit_of

from connectors.clickhouse import Pool
from connectors.embedded import Engine
from connectors.registry import load_channels
from connectors.tables import load_tables
from dataflows.briefs.document import Brief, Chart, Paragraph, Table
from dataflows.briefs.figures import Figures, gather
from dataflows.briefs.hiding import LEAST_SHOWN
from dataflows.briefs.period import Kind, period_of
from dataflows.briefs.writing import written
from dataflows.cli.brief import naming
from dataflows.settings import Settings

pytestmark = pytest.mark.integration

DAY = date(2026, 10, 14)
COUNTY, TOWNSHIP = "620102", "620102005"
CASES: list[tuple[Kind, str]] = [("day", ""), ("week", ""), ("week", COUNTY), ("week", TOWNSHIP)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell(Engine(tmp_path_factory.mktemp("pool")).dsn)


@pytest.fixture(scope="module")
def pool(told: Told) -> Iterator[Pool]:
    with Pool(told.dsn) as opened:
        yield opened


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1] or 'all'}")
def figures(request: pytest.FixtureRequest, pool: Pool) -> Figures:
    kind, region = request.param
    return gather(pool, period_of(kind, DAY), region)


@pytest.fixture(scope="module")
def brief(figures: Figures) -> Brief:
    return written(figures, naming(Settings(), load_tables()))


def counted(told: Told, figures: Figures, days_before: int = 0) -> Counted:
    period = figures.period
    back = timedelta(days=days_before)
    return Counted(told, Span(period.first - back, period.end - back), figures.region)


def test_volumes(told: Told, figures: Figures) -> None:
    now, length = figures.now.volumes, len(figures.period.days)
    by_part = {0: 6, 6: 9, 9: 12}[len(figures.region)]
    own = counted(told, figures)

    assert now.contacts == own.contacts(lambda event: 1).total() > 0
    assert +Counter(now.by_channel) == own.contacts(lambda event: event.channel)
    assert +Counter(now.by_category) == own.contacts(lambda event: event.category or "")
    places = own.contacts(
        lambda event: code[:by_part] if len(code := event.region or event.grid or "") >= by_part else ""
    )
    assert +Counter(now.by_part) == places
    assert not isinstance(figures.before, str)
    assert figures.before.volumes.contacts == counted(told, figures, length).contacts(lambda event: 1).total()


def test_the_hours_of_the_local_day(told: Told, figures: Figures) -> None:
    hours = counted(told, figures).contacts(lambda event: event.occurred_at.astimezone(SHANGHAI).hour)

    assert {hour: number for hour, number in enumerate(figures.hours) if number} == hours


def test_the_year_before_and_the_same_weekday_before(told: Told, figures: Figures) -> None:
    year = figures.period.year_before
    assert year is not None
    assert not isinstance(figures.year_before, str)
    before = Counted(told, Span(year.first, year.end), figures.region)

    assert figures.year_before.volumes.contacts == before.contacts(lambda event: 1).total() > 0
    assert figures.week_before == counted(told, figures, 7).contacts(lambda event: 1).total()


def test_the_plot_of_the_latest_periods(told: Told, figures: Figures) -> None:
    for period, number in figures.history:
        own = Counted(told, Span(period.first, period.end), figures.region)
        assert number == own.contacts(lambda event: 1).total()
    assert len(figures.history) == (17 if figures.period.kind == "day" else 3)  # the simulated city is no older


def test_the_three_rates_with_their_denominators(told: Told, figures: Figures) -> None:
    now, own = figures.now, counted(told, figures)
    asked, satisfied = own.asked()

    assert (now.closed.whole, now.closed.part, now.answered.whole, now.answered.part) == own.rates()
    assert (now.asked.whole, now.asked.part) == (asked, satisfied)


def test_the_rates_of_the_parts_add_up(told: Told, figures: Figures) -> None:
    if len(figures.region) == 9:
        assert not figures.parts
        return
    some = next(code for code in sorted(figures.parts) if code)
    own = Counted(told, Span(figures.period.first, figures.period.end), some)

    assert sum(each.closed.whole for each in figures.parts.values()) == figures.now.closed.whole
    closed, answered = figures.parts[some].closed, figures.parts[some].answered
    assert (closed.whole, closed.part, answered.whole, answered.part) == own.rates()


def test_open_and_overdue_by_unit(told: Told, figures: Figures) -> None:
    own = counted(told, figures)
    overdue = own.overdue()
    matters = own.matters()

    assert {each.unit: each.open for each in figures.units} == own.open_units()
    late = {each.unit: each.overdue for each in figures.units if each.overdue}
    assert late == Counter(unit_of(matters[matter]) for matter in overdue)


def test_some_matters_are_overdue(told: Told, pool: Pool) -> None:
    assert sum(each.overdue for each in gather(pool, period_of("week", DAY), "").units) > 0


def test_the_matters_that_come_again(told: Told, figures: Figures) -> None:
    own = counted(told, figures)
    since = midnight(figures.period.first)
    again = {}
    for matter, each in own.matters().items():
        contacts = [event for event in each if is_contact(event)]
        if len(contacts) > 1 and contacts[-1].occurred_at >= since:
            channels = sorted({event.channel for event in contacts})
            again[matter] = (channels, len(contacts), sum(event.occurred_at >= since for event in contacts))
    ranks = sorted(((len(channels), number) for channels, number, _ in again.values()), reverse=True)

    assert [(len(each.channels), each.contacts) for each in figures.top] == ranks[:10]
    for each in figures.top:
        assert (each.channels, each.contacts, each.contacts_in_span) == again[each.matter]
        assert each.is_closed == is_closed(own.matters()[each.matter])


def test_alerts_by_rule_and_level(told: Told, figures: Figures) -> None:
    opened = [each for each in figures.alerts if each.opened_at >= figures.period.start_at]
    own = counted(told, figures).opened()

    assert Counter((each.rule, each.level, each.state) for each in opened) == Counter(
        (each.rule, each.level_max, each.state) for each in own
    )


def test_the_lead_of_what_is_owed(told: Told, figures: Figures) -> None:
    begun = {each.alert_id: each.detected_at for each in reversed(told.revisions)}
    own = {
        each.alert_id: each.due - begun[each.alert_id]
        for each in counted(told, figures).opened()
        if each.kind == "obligation" and each.due is not None
    }
    made = {
        each.alert_id: each.due - each.opened_at
        for each in figures.alerts
        if each.kind == "obligation" and each.due is not None and each.opened_at >= figures.period.start_at
    }

    assert made == own


def test_the_tables_say_what_the_figures_say(figures: Figures, brief: Brief) -> None:
    channels, volumes = {channel.label.zh: name for name, channel in load_channels().items()}, figures.now.volumes
    table = _table(brief, "按渠道")

    assert {channels[row[0]]: int(row[1]) for row in table.rows[:-1] if int(row[1])} == +Counter(volumes.by_channel)
    assert table.rows[-1][:3] == ["合计", str(volumes.contacts), "100.0%"]
    units = _table(brief, "按承办单位")
    assert (
        sum(int(row[1]) for row in units.rows[:-1])
        == int(units.rows[-1][1])
        == sum(each.open for each in figures.units)
    )
    rules = [table for table in _tables(brief) if "按规则" in table.title]
    for row in (row for table in rules for row in table.rows):
        assert sum(map(int, row[1:4])) == int(row[4])
    assert f"受理诉求{volumes.contacts}件" in brief.summary[0]


def test_the_plots_show_what_the_tables_say(figures: Figures, brief: Brief) -> None:
    charts = [block for section in brief.sections for block in section.blocks if isinstance(block, Chart)]
    latest, hours, categories = charts

    assert latest.values[-1] == figures.now.volumes.contacts
    assert latest.marked == len(latest.values) - 1
    assert list(hours.values) == list(figures.hours)
    table = {row[0]: row[1] for row in _table(brief, "按类别").rows}
    assert {label: str(number) for label, number in zip(categories.labels, categories.values, strict=True)}.items() <= (
        table.items()
    )


def test_below_township_level_no_small_number_is_shown_and_no_unit_is_named(figures: Figures, brief: Brief) -> None:
    low = {each.unit for each in figures.units if figures.levels.get(each.unit, 0) < 3 and each.unit}
    words = " ".join(_words(brief))

    assert not {unit for unit in low if unit in words}
    if len(figures.region) == 9:
        tables = [table for table in _tables(brief) if table.title.endswith("按村（社区）")]
        shown = [cell for table in tables for row in table.rows[:-1] for cell in row[1:]]
        assert {int(cell) for cell in shown if cell != "＊"}.isdisjoint(range(LEAST_SHOWN))


def test_no_token_and_nobodys_words_are_in_it(told: Told, brief: Brief) -> None:
    words = " ".join(_words(brief))
    people = {
        token for event in told.events for token in (event.reporter, event.pair, event.household, event.place) if token
    }

    assert people
    assert not {token for token in people if token in words}
    assert not {event.case for event in told.events if event.case and event.case in words}


def test_an_empty_day_is_a_brief_that_says_so(pool: Pool) -> None:
    figures = gather(pool, period_of("day", date(2026, 3, 1)), TOWNSHIP)
    brief = written(figures, naming(Settings(), load_tables()))

    assert brief.summary[0].startswith("当日城关区")
    assert "没有收到任何诉求" in brief.summary[0] or "未办结" in brief.summary[1]
    assert "本期1日中有1日没有收到任何数据（全域）。" in _box(brief)
    assert not [table for table in _tables(brief) if "按渠道" in table.title]


def test_what_the_pool_does_not_reach_is_not_compared(pool: Pool) -> None:
    figures = gather(pool, period_of("month", DAY), "")

    assert (figures.before, figures.year_before) == ("no_data", "no_data")  # of both the pool has some days only
    brief = written(figures, naming(Settings(), load_tables()))
    assert any("环比—（无数据或数据不全）" in each for each in _words(brief))
    assert {cell for row in _table(brief, "按渠道").rows for cell in row[3:]} == {"—"}
    assert {cell for row in _table(brief, "三率").rows for cell in row[3:]} == {"—"}


def test_a_day_that_is_not_over_is_not_compared_and_says_so(told: Told, pool: Pool) -> None:
    last = day_of(max(event.occurred_at for event in told.events))
    figures = gather(pool, period_of("day", last + timedelta(days=2)), "")

    assert (figures.is_over, figures.before) == (False, "no_data")
    assert any(
        each.startswith("本期尚未结束或数据尚未到齐")
        for each in _box(written(figures, naming(Settings(), load_tables())))
    )


def _tables(brief: Brief) -> list[Table]:
    return [block for section in brief.sections for block in section.blocks if isinstance(block, Table)]


def _table(brief: Brief, title: str) -> Table:
    return next(table for table in _tables(brief) if table.title.endswith(title))


def _box(brief: Brief) -> list[str]:
    return [block.text for block in brief.box.blocks if isinstance(block, Paragraph)]


def _words(brief: Brief) -> list[str]:
    found = [*brief.summary, *_box(brief)]
    for section in brief.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                found += [cell for row in (block.columns, *block.rows) for cell in row]
            else:
                found.append(block.title if isinstance(block, Chart) else block.text)
    return found
