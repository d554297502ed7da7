"""What a panel asks, and of whom: ClickHouse, Prometheus or Redis, through the official data sources of Grafana."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.dashboard import DataSourceRef
from grafana_foundation_sdk.models.prometheus import Dataquery as PrometheusQuery
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

CLICKHOUSE = DataSourceRef("grafana-clickhouse-datasource", "anlan-clickhouse")
PROMETHEUS = DataSourceRef("prometheus", "anlan-prometheus")
REDIS = DataSourceRef("redis-datasource", "anlan-redis")

PLUGIN_VERSION = "4.0.0"  # of the ClickHouse data source: what the form of its queries is
_FORMATS = {"timeseries": 0, "table": 1}


class Query(Dataquery):
    """A query of a data source of which Grafana publishes no schema: its fields as they are."""

    def __init__(self, source: DataSourceRef, fields: Mapping[str, object]) -> None:
        self.datasource = source
        self.fields = dict(fields)
        self.ref_id = "A"

    def to_json(self) -> dict[str, object]:
        """As it stands in the JSON of a board."""
        return {"datasource": self.datasource, "refId": self.ref_id, **self.fields}


def table(sql: str) -> Query:
    """A question to ClickHouse whose answer is a table."""
    return _clickhouse(sql, "table")


def series(sql: str) -> Query:
    """A question to ClickHouse whose answer has a column `time`, numbers, and columns of text that name the series."""
    return _clickhouse(sql, "timeseries")


def _clickhouse(sql: str, form: str) -> Query:
    fields = {
        "editorType": "sql",
        "format": _FORMATS[form],
        "pluginVersion": PLUGIN_VERSION,
        "queryType": form,
        "rawSql": dedent(sql).strip(),
    }
    return Query(CLICKHOUSE, fields)


def over_time(expression: str, legend: str = "") -> PrometheusQuery:
    """A question to Prometheus about the whole range."""
    return _prometheus(expression, legend, instant=False)


def now(expression: str, legend: str = "") -> PrometheusQuery:
    """A question to Prometheus about the end of the range."""
    return _prometheus(expression, legend, instant=True)


def _prometheus(expression: str, legend: str, *, instant: bool) -> PrometheusQuery:
    return PrometheusQuery(
        expr=expression,
        instant=instant,
        range_val=not instant,
        editor_mode=QueryEditorMode.CODE,
        format_val=PromQueryFormat.TIME_SERIES,
        legend_format=legend or "__auto",
        ref_id="A",
        datasource=PROMETHEUS,
    )


def command(line: str) -> Query:
    """A command to Redis as it is typed; one number, or a list of lines."""
    return Query(REDIS, {"type": "cli", "query": line})


def last_entries(stream: str, count: int) -> Query:
    """The last entries of a stream in Redis, the latest first: one column a field."""
    fields = {"type": "command", "command": "xrevrange", "keyName": stream, "count": count, "start": "", "end": ""}
    return Query(REDIS, {**fields, "query": ""})
