"""What whoever looks at a board may choose: county, channels, categories, rules; and where links lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableType,
)

from dashboards import words
from dashboards.queries import PROMETHEUS
from dashboards.scraped import RUN

ALL = "$__all"
CITY = "%"  # a county of `%` is every one, and also what lies in no known one: `county LIKE '$county'`


def county_or_city() -> VariableModel:
    """One county, or the whole city."""
    return _one("county", "县区", {CITY: "全市", **words.counties()})


def one_county() -> VariableModel:
    """One county; never the whole city."""
    return _one("county", "县区", dict(words.counties()))


def channels() -> VariableModel:
    """Some channels or all: `channel IN (${channel:singlequote})`."""
    return _many("channel", "渠道", words.channels())


def categories() -> VariableModel:
    """Some categories or all. What has none is in no choice but all, so it is one of them."""
    return _many("category", "类别", {**words.CATEGORIES, "unknown": "未分类"})


def rules() -> VariableModel:
    """Some rules or all."""
    return _many("rule", "规则", words.rules())


def matter() -> VariableModel:
    """The id of one matter; a click in a list fills it in."""
    return _typed("matter", "事项编号", "")


def api() -> VariableModel:
    """Where `anlan serve` answers, as the browser reaches it; empty where it stands behind the same address."""
    return _constant("api", "")


def runbooks() -> VariableModel:
    """Where the runbooks of the rules are read."""
    return _constant("runbooks", "/runbooks")


def processes() -> VariableModel:
    """The processes of the flow that Prometheus scrapes; all of them are `anlan serve`, too, where it has a part."""
    query = f'label_values(anlan_ticks_written_total{{job="{RUN}"}}, instance)'
    return _variable(
        VariableType.QUERY,
        "instance",
        "进程",
        datasource=PROMETHEUS,
        query={"qryType": 1, "query": query, "refId": "A"},
        refresh=VariableRefresh.ON_TIME_RANGE_CHANGED,
        include_all=True,
        all_value=".*",
        multi=True,
        current=VariableOption(True, "All", ALL),
    )


def _variable(kind: VariableType, name: str, label: str = "", **more: Any) -> VariableModel:
    """A variable without what Grafana says of intervals alone."""
    return VariableModel(kind, name, label or None, auto=None, auto_min=None, auto_count=None, **more)


def _one(name: str, label: str, choices: Mapping[str, str]) -> VariableModel:
    return _variable(
        VariableType.CUSTOM,
        name,
        label,
        query=_listed(choices),
        current=VariableOption(True, *reversed(next(iter(choices.items())))),
        options=_options(choices),
        allow_custom_value=False,
    )


def _many(name: str, label: str, choices: Mapping[str, str]) -> VariableModel:
    return _variable(
        VariableType.CUSTOM,
        name,
        label,
        query=_listed(choices),
        current=VariableOption(True, ["全部"], [ALL]),
        options=_options(choices),
        multi=True,
        include_all=True,
        allow_custom_value=False,
    )


def _listed(choices: Mapping[str, str]) -> str:
    """As Grafana keeps it: `name : value, name : value`."""
    return ", ".join(f"{word} : {value}" for value, word in choices.items())


def _options(choices: Mapping[str, str]) -> list[VariableOption]:
    return [VariableOption(False, word, value) for value, word in choices.items()]


def _typed(name: str, label: str, value: str) -> VariableModel:
    current = VariableOption(True, value, value)
    return _variable(VariableType.TEXTBOX, name, label, query=value, current=current, options=[current])


def _constant(name: str, value: str) -> VariableModel:
    current = VariableOption(True, value, value)
    return _variable(
        VariableType.CONSTANT, name, query=value, current=current, hide=VariableHide.HIDE_VARIABLE, skip_url_sync=True
    )
