"""Panels of each sort that boards use. All of them have a title, a sentence, a unit and a word for no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import bargauge, common, stat, statushistory, timeseries
from grafana_foundation_sdk.models import table as tables
from grafana_foundation_sdk.models.dashboard import DashboardFieldConfigSourceOverrides as Override
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColor,
    FieldColorModeId,
    FieldConfig,
    FieldConfigSource,
    MatcherConfig,
    Panel,
    Threshold,
    ThresholdsConfig,
    ThresholdsMode,
)

from dashboards.columns import Column, overrides

Queries = Dataquery | Sequence[Dataquery]
Colours = Mapping[str, str]  # of series or columns, by name
NOTHING = "无数据"
ONE_COLOUR = (Threshold(None, "text"),)


def big_number(
    title: str,
    sentence: str,
    asked: Queries,
    *,
    unit: str = "none",
    steps: Sequence[Threshold] = ONE_COLOUR,
    empty: str = NOTHING,
    columns: Mapping[str, Column] | None = None,
    filled: bool = False,
    spark: bool = False,
    decimals: int | None = None,
    by_query: Sequence[str] = (),
) -> Panel:
    """One number or a few, large enough to be read across a room; `by_query` names the answers of several queries."""
    options = stat.Options(
        graph_mode=common.BigValueGraphMode.AREA if spark else common.BigValueGraphMode.NONE,
        color_mode=common.BigValueColorMode.BACKGROUND_SOLID if filled else common.BigValueColorMode.VALUE,
        text_mode=common.BigValueTextMode.VALUE_AND_NAME if columns or by_query else common.BigValueTextMode.AUTO,
        reduce_options=common.ReduceDataOptions(calcs=["lastNotNull"], fields="/.*/" if columns else "", values=False),
    )
    defaults = _defaults(unit, empty, steps=steps, decimals=decimals)
    changed = [*overrides(columns or {}), *_named_by_query(by_query)]
    return _panel("stat", title, sentence, asked, options, defaults, changed)


def table(
    title: str,
    sentence: str,
    asked: Queries,
    columns: Mapping[str, Column],
    *,
    empty: str,
    transformed: Sequence[DataTransformerConfig] = (),
    unit: str = "none",
) -> Panel:
    """A list; each column says how it looks."""
    options = tables.Options(cell_height=common.TableCellHeight.SM)
    options.footer = None  # later releases of Grafana know no such option
    custom = common.TableFieldOptions(align=common.FieldTextAlignment.AUTO, filterable=True, inspect=False)
    defaults = _defaults(unit, empty, custom=custom)
    found = _panel("table", title, sentence, asked, options, defaults, overrides(columns))
    found.transformations = list(transformed) or None
    return found


def lines(
    title: str,
    sentence: str,
    asked: Queries,
    *,
    unit: str = "none",
    empty: str = NOTHING,
    steps: Sequence[Threshold] = (),
    name: str = "",
    coloured: Colours | None = None,
    titles: Mapping[str, str] | None = None,
    top: float | None = None,
    decimals: int | None = None,
) -> Panel:
    """Curves over time; `name` is how a series is called, `steps` are drawn as dashed lines."""
    custom = common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.LINE,
        line_width=2,
        fill_opacity=8,
        show_points=common.VisibilityMode.AUTO,
        span_nulls=False,
        thresholds_style=_drawn(steps),
    )
    defaults = _defaults(unit, empty, steps=steps or ONE_COLOUR, custom=custom, name=name, top=top, decimals=decimals)
    return _panel("timeseries", title, sentence, asked, _curves(), defaults, _series(coloured, titles))


def stacks(
    title: str,
    sentence: str,
    asked: Queries,
    *,
    unit: str = "none",
    empty: str = NOTHING,
    name: str = "",
    coloured: Colours | None = None,
    titles: Mapping[str, str] | None = None,
) -> Panel:
    """Bars over time, one on the other."""
    custom = common.GraphFieldConfig(
        draw_style=common.GraphDrawStyle.BARS,
        line_width=0,
        fill_opacity=85,
        stacking=common.StackingConfig(common.StackingMode.NORMAL, "A"),
    )
    defaults = _defaults(unit, empty, custom=custom, name=name)
    return _panel("timeseries", title, sentence, asked, _curves(), defaults, _series(coloured, titles))


def grid(
    title: str, sentence: str, asked: Queries, steps: Sequence[Threshold], *, unit: str, empty: str, name: str
) -> Panel:
    """A row of coloured cells a series: where and when it is much."""
    options = statushistory.Options(show_value=common.VisibilityMode.AUTO, legend=_legend(shown=False), per_page=30)
    defaults = _defaults(unit, empty, steps=steps, custom=statushistory.FieldConfig(fill_opacity=90), name=name)
    return _panel("status-history", title, sentence, asked, options, defaults)


def bars(
    title: str,
    sentence: str,
    asked: Queries,
    *,
    unit: str = "none",
    empty: str = NOTHING,
    steps: Sequence[Threshold] = ONE_COLOUR,
    name: str = "",
    top: float | None = None,
) -> Panel:
    """A bar for each row, the longest first as the query orders them."""
    options = bargauge.Options(
        display_mode=common.BarGaugeDisplayMode.BASIC,
        orientation=common.VizOrientation.HORIZONTAL,
        name_placement=common.BarGaugeNamePlacement.LEFT,
        reduce_options=common.ReduceDataOptions(calcs=["lastNotNull"], fields="", values=not name),
    )
    defaults = _defaults(unit, empty, steps=steps, name=name, top=top)
    return _panel("bargauge", title, sentence, asked, options, defaults)


def fields_of_json(source: str, paths: Mapping[str, str]) -> DataTransformerConfig:
    """Columns made of what stands in a column of JSON."""
    wanted = [{"alias": alias, "path": path} for path, alias in paths.items()]
    return DataTransformerConfig(
        "extractFields", options={"source": source, "format": "json", "jsonPaths": wanted, "replace": True}
    )


def _panel(
    kind: str,
    title: str,
    sentence: str,
    asked: Queries,
    options: object,
    defaults: FieldConfig,
    changed: Sequence[Override] = (),
) -> Panel:
    queries: list[Any] = list(asked) if isinstance(asked, Sequence) else [asked]
    for letter, query in zip(ascii_uppercase, queries, strict=False):
        query.ref_id = letter
    return Panel(
        kind,
        title=title,
        description=sentence,
        datasource=queries[0].datasource,
        targets=queries,
        options=options,
        field_config=FieldConfigSource(defaults, list(changed)),
    )


def _defaults(
    unit: str,
    empty: str,
    *,
    steps: Sequence[Threshold] = ONE_COLOUR,
    custom: object = None,
    name: str = "",
    top: float | None = None,
    decimals: int | None = None,
) -> FieldConfig:
    is_curve = isinstance(custom, common.GraphFieldConfig)
    mode = FieldColorModeId.PALETTE_CLASSIC if is_curve else FieldColorModeId.THRESHOLDS
    return FieldConfig(
        display_name=name or None,
        unit=unit,
        no_value=empty,
        decimals=decimals,
        min_val=0 if is_curve else None,
        max_val=top,
        color=FieldColor(mode),
        mappings=[],
        thresholds=ThresholdsConfig(ThresholdsMode.ABSOLUTE, list(steps)),
        custom=custom,
    )


def _named_by_query(titles: Sequence[str]) -> list[Override]:
    """A title for the answer of each query; sources that give no names call all of them alike."""
    return [
        Override(MatcherConfig("byFrameRefID", letter), [DynamicConfigValue("displayName", title)])
        for letter, title in zip(ascii_uppercase, titles, strict=False)
    ]


def _series(coloured: Colours | None, titles: Mapping[str, str] | None) -> list[Override]:
    """Each series by its name: another title, a colour of its own."""
    changes: dict[str, list[DynamicConfigValue]] = {}
    for series, title in (titles or {}).items():
        changes.setdefault(series, []).append(DynamicConfigValue("displayName", title))
    for series, colour in (coloured or {}).items():
        changes.setdefault(series, []).append(DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour}))
    return [Override(MatcherConfig("byName", series), properties) for series, properties in changes.items()]


def _drawn(steps: Sequence[Threshold]) -> common.GraphThresholdsStyleConfig | None:
    return common.GraphThresholdsStyleConfig(common.GraphThresholdsStyleMode.DASHED) if steps else None


def _curves() -> timeseries.Options:
    tooltip = common.VizTooltipOptions(common.TooltipDisplayMode.MULTI, common.SortOrder.DESCENDING)
    return timeseries.Options(legend=_legend(shown=True), tooltip=tooltip)


def _legend(*, shown: bool) -> common.VizLegendOptions:
    return common.VizLegendOptions(
        common.LegendDisplayMode.LIST, common.LegendPlacement.BOTTOM, show_legend=shown, calcs=[]
    )
