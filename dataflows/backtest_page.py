"""A backtest as one HTML page that needs no network: figures, charts, and the cases that were found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from alerts.model import LEVELS
from connectors.tables import load_tables
from dataflows.backtest_cases import Judged, Outcome
from dataflows.backtest_charts import COLOURS, charts
from dataflows.backtest_report import RED_A_DAY, Report, RuleFigures, say_span

PAGES = Path(__file__).parent / "pages"
SPARK = (132, 26)  # width and height of a small chart in the table
WORDS: dict[Outcome, str] = {
    "found": "找到 found",
    "too_low": "级别偏低 too low",
    "missed": "漏掉 missed",
    "not_judged": "规则未加载 rule not loaded",
}


class CaseRow(NamedTuple):
    """All tellings of one story for one rule."""

    zh: str
    name: str
    rule: str
    must_reach: str
    outcomes: list[tuple[Outcome, str]]  # with what is shown when one points at it


def page(report: Report, title: str = "") -> str:
    """The whole page."""
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["span"] = say_span
    environment.filters["spark"] = spark
    shown = charts(report, county_names(report))
    return environment.get_template("backtest.html.j2").render(
        report=report,
        title=title,
        charts=shown,
        charts_json=_for_script(shown),
        plotly=Markup(get_plotlyjs()),
        colours=COLOURS,
        levels=LEVELS,
        red_a_day=RED_A_DAY,
        cases=case_rows(report),
        words=WORDS,
    )


def county_names(report: Report) -> dict[str, str]:
    """The names of the counties in which something was said."""
    regions = load_tables().regions
    codes = {code for rule in report.rules for code in rule.counties}
    return {code: regions[code].name for code in codes if code in regions}


def case_rows(report: Report) -> list[CaseRow]:
    """The cases by story and rule, each telling a sign; those of rules that are not loaded at the end."""
    rows: dict[tuple[str, str], CaseRow] = {}
    for one in report.judged:
        name = one.case.id.split("/")[0]
        row = rows.setdefault((name, one.case.rule), CaseRow(one.case.zh, name, one.case.rule, one.case.must_reach, []))
        row.outcomes.append((one.outcome, _hover(one)))
    return sorted(rows.values(), key=lambda row: all(outcome == "not_judged" for outcome, _ in row.outcomes))


def _hover(one: Judged) -> str:
    lead = f" · {say_span(one.lead_us)} before its end" if one.lead_us is not None else ""
    level = f" · {one.level}" if one.level else ""
    return f"{one.case.id}: {WORDS[one.outcome]}{level}{lead}"


def spark(rule: RuleFigures) -> Markup:
    """Bars of the weeks, stacked by level, as an inline picture."""
    width, height = SPARK
    most = max((sum(week) for week in rule.weekly), default=0)
    if not most:
        return Markup("")
    step = width / max(len(rule.weekly), 12)
    bars = []
    for number, week in enumerate(rule.weekly):
        top = float(height)
        for count, colour in zip(week, COLOURS.values(), strict=True):
            tall = max(1.5, count / most * (height - 1)) if count else 0.0
            top -= tall
            if tall:
                box = f'x="{number * step:.1f}" y="{top:.1f}" width="{max(step - 1, 1):.1f}" height="{tall:.1f}"'
                bars.append(f'<rect {box} fill="{colour}"/>')
    return Markup(
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="alerts by week">{"".join(bars)}</svg>'
    )


def _for_script(value: Mapping[str, object]) -> Markup:
    """JSON that may stand inside a script element, whatever words are in it."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
