"""Expressions of PromQL that several panels of on-call are made of."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.models.dashboard import Panel

from dashboards.panels import Queries, lines

RUN = "anlan-run"  # the job of the flow; `anlan serve` has the same page, on which the numbers of a flow stay 0
OF = '{instance=~"$instance"}'
RATE = "[$__rate_interval]"
WELL = "没有即正常"


def of(**labels: str) -> str:
    """The chosen processes, and certain labels."""
    return "{" + ",".join(['instance=~"$instance"', *(f'{name}="{value}"' for name, value in labels.items())]) + "}"


OF_RUN = of(job=RUN)


def quantile(metric: str, part: float, by: str = "") -> str:
    """A part of the values of a histogram lies below this."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, sum by ({labels}) (rate({metric}_bucket{OF}{RATE})))"


def rate_by(label: str, metric: str) -> str:
    """How often a second, by a label."""
    return f"sum by ({label}) (rate({metric}{OF}{RATE}))"


def curve(title: str, sentence: str, asked: Queries, unit: str, empty: str = "采集还没有数据", **more: Any) -> Panel:
    """Curves of what Prometheus has scraped."""
    return lines(title, sentence, asked, unit=unit, empty=empty, **more)
