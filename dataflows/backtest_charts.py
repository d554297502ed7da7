"""The charts of a backtest's page as plotly takes them: data and layout, without colours of a theme.

A colour scale called `theme` is filled in by the page, light or dark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from dataflows.backtest_report import Report, Triple
from dataflows.city.when import DAY

# Blue, amber and crimson differ in lightness too, so that they are told apart with any kind of colour vision.
COLOURS = {"blue": "#3f8fd2", "yellow": "#e69f00", "red": "#d1495b"}
NAMES = {"blue": "关注 blue", "yellow": "预警 yellow", "red": "紧急 red"}
SMOOTH = 7
WEEKS_THAT_FILL = 45  # the width of the page
CALENDAR_FROM = 28  # days; a shorter history is no calendar
WEEKDAYS = ["一", "二", "三", "四", "五", "六", "日"]
Chart = dict[str, Any]


def charts(report: Report, county_names: Mapping[str, str]) -> dict[str, Chart]:
    """Every chart for which there is something to show, by the id of its place in the page."""
    makers: dict[str, Callable[[], Chart | None]] = {
        "daily": lambda: daily(report),
        "calendar": lambda: calendar(report),
        "counties": lambda: counties(report, county_names),
        "leads": lambda: leads(report),
        "overlap": lambda: overlap(report),
    }
    made = {name: make() for name, make in makers.items()}
    return {name: chart for name, chart in made.items() if chart is not None}


def daily(report: Report) -> Chart:
    """Alerts per day by level, and their weekly mean."""
    dates = _dates(report)
    bars = [
        {
            "type": "bar",
            "x": dates,
            "y": [day[number] for day in report.daily],
            "name": NAMES[level],
            "marker": {"color": colour, "line": {"width": 0}},
            "hovertemplate": "%{y}",
        }
        for number, (level, colour) in enumerate(COLOURS.items())
    ]
    mean = {
        "type": "scatter",
        "mode": "lines",
        "x": dates,
        "y": smooth([sum(day) for day in report.daily]),
        "name": "七日均 7-day mean",
        "line": {"color": "ink", "width": 1.6},
        "hovertemplate": "%{y:.1f}",
    }
    layout = {
        "barmode": "stack",
        "bargap": 0.15 if report.days < 100 else 0,
        "hovermode": "x unified",
        "xaxis": {"type": "date", "showgrid": False},
        "yaxis": {"rangemode": "tozero", "title": {"text": "条／日 alerts a day"}},
        "legend": {"orientation": "h", "y": 1.12, "x": 0, "traceorder": "normal"},
        "margin": {"b": 28},
        "height": 340,
    }
    return {"data": [*bars, mean], "layout": layout}


def smooth(values: Sequence[float]) -> list[float]:
    """The mean of each value and the six before it."""
    starts = (max(0, end - SMOOTH) for end in range(1, len(values) + 1))
    return [sum(values[start:end]) / (end - start) for end, start in enumerate(starts, 1)]


def calendar(report: Report) -> Chart | None:
    """A column a week, a row a weekday: the days on which much happened."""
    if report.days < CALENDAR_FROM:
        return None
    offset = report.first_day.weekday()
    weeks = (offset + report.days + 6) // 7
    counts: list[list[int | None]] = [[None] * weeks for _ in range(7)]
    words: list[list[str]] = [[""] * weeks for _ in range(7)]
    for number, (day, date) in enumerate(zip(report.daily, _dates(report), strict=True)):
        week, weekday = divmod(offset + number, 7)
        counts[weekday][week] = sum(day)
        words[weekday][week] = f"{date}<br>{_said(day)}"
    monday = report.first_day - timedelta(days=offset)
    trace = {
        "type": "heatmap",
        "z": counts,
        "x": [(monday + timedelta(days=7 * week)).isoformat() for week in range(weeks)],
        "y": WEEKDAYS,
        "text": words,
        "hovertemplate": "%{text}<extra></extra>",
        "colorscale": "theme",
        "zmin": 0,
        "xgap": 3,
        "ygap": 3,
        "showscale": False,
    }
    layout: dict[str, Any] = {
        "height": 200,
        "margin": {"b": 28, "t": 8},
        "xaxis": {"type": "date", "showgrid": False, "tickformat": "%Y-%m", "dtick": "M1"},
        "yaxis": {"autorange": "reversed", "showgrid": False, "ticks": ""},
    }
    if weeks < WEEKS_THAT_FILL:
        layout["width"] = 80 + 21 * weeks  # squares stay squares
    return {"data": [trace], "layout": layout}


def counties(report: Report, names: Mapping[str, str]) -> Chart | None:
    """Which rule speaks in which county."""
    spoken = [rule for rule in report.rules if rule.alerts]
    codes = sorted({code for rule in spoken for code in rule.counties if code})
    if not spoken or not codes:
        return None
    trace = {
        "type": "heatmap",
        "z": [[rule.counties.get(code) for code in codes] for rule in spoken],
        "x": [names.get(code, code) for code in codes],
        "y": [rule.zh for rule in spoken],
        "text": [[str(rule.counties.get(code, "")) for code in codes] for rule in spoken],
        "texttemplate": "%{text}",
        "hovertemplate": "%{y}<br>%{x}: %{z}<extra></extra>",
        "colorscale": "theme",
        "zmin": 0,
        "zmax": _ninth_of_ten([count for rule in spoken for count in rule.counties.values()]),
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
    }
    layout = {
        "height": 96 + 30 * len(spoken),
        "margin": {"b": 8},
        "xaxis": {"side": "top", "showgrid": False, "ticks": "", "tickangle": -30 if len(codes) > 10 else 0},
        "yaxis": {"autorange": "reversed", "showgrid": False, "ticks": ""},
    }
    return {"data": [trace], "layout": layout}


def leads(report: Report) -> Chart | None:
    """How long before the end of a case the alert stood at its level."""
    by_rule: dict[str, list[float]] = {}
    for one in report.judged:
        if one.lead_us is not None:
            by_rule.setdefault(one.case.rule, []).append(round(one.lead_us / DAY, 2))
    if not by_rule:
        return None
    titles = {rule.rule: rule.zh for rule in report.rules}
    traces = [
        {
            "type": "box",
            "x": days,
            "name": titles.get(rule, rule),
            "orientation": "h",
            "boxpoints": "all",
            "jitter": 0.35,
            "pointpos": 0,
            "marker": {"color": "accent", "size": 8, "opacity": 0.5},
            "line": {"width": 0},
            "fillcolor": "rgba(0,0,0,0)",
            "hovertemplate": "%{x:.1f} d<extra></extra>",
            "showlegend": False,
        }
        for rule, days in sorted(by_rule.items(), reverse=True)
    ]
    layout = {
        "height": 90 + 30 * len(traces),
        "margin": {"t": 8},
        "xaxis": {"title": {"text": "天 days before the end"}, "zeroline": True},
        "yaxis": {"showgrid": False, "ticks": ""},
    }
    return {"data": traces, "layout": layout}


def overlap(report: Report) -> Chart | None:
    """What both books raise, and what only one of them does."""
    if not report.overlaps:
        return None
    rows = list(reversed(report.overlaps))
    parts = (("仅甲 only A", "only_a", "accent"), ("两者 both", "both", "muted"), ("仅乙 only B", "only_b", "#b07aa1"))
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [row.rule for row in rows],
            "x": [getattr(row, field) for row in rows],
            "name": name,
            "marker": {"color": colour},
            "hovertemplate": "%{x}",
        }
        for name, field, colour in parts
    ]
    layout = {
        "barmode": "stack",
        "height": 120 + 28 * len(rows),
        "legend": {"orientation": "h", "y": 1.08, "x": 0, "traceorder": "normal"},
        "xaxis": {"title": {"text": "条 alerts"}},
        "yaxis": {"showgrid": False, "ticks": ""},
    }
    return {"data": traces, "layout": layout}


def _dates(report: Report) -> list[str]:
    return [(report.first_day + timedelta(days=number)).isoformat() for number in range(report.days)]


def _said(day: Triple) -> str:
    return " · ".join(f"{name} {count}" for name, count in zip(NAMES.values(), day, strict=True) if count) or "0"


def _ninth_of_ten(values: Iterable[int]) -> int:
    """So that one loud cell does not make all others pale."""
    ordered = sorted(values)
    return max(1, ordered[len(ordered) * 9 // 10])
