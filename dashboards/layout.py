"""A board: what stands where, what may be chosen, and what all boards have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardDashboardTime,
    GridPos,
    Panel,
    RowPanel,
    VariableModel,
)

from dashboards import links

WIDTH = 24  # of Grafana's grid
TIMEZONE = "Asia/Shanghai"


class Row(NamedTuple):
    """Panels side by side under a heading, each with its width; what does not fit stands below."""

    title: str
    height: int
    panels: Sequence[tuple[int, Panel]]


def board(
    name: str,
    title: str,
    sentence: str,
    rows: Sequence[Row],
    variables: Sequence[VariableModel],
    *,
    since: str,
    refresh: str,
) -> dict[str, Any]:
    """A board as plain data. `since` is how far back it looks, `refresh` how often it asks again."""
    made = Dashboard(
        uid=links.UIDS[name],
        title=title,
        description=sentence,
        tags=["anlan"],
        timezone=TIMEZONE,
        week_start="monday",
        editable=False,
        graph_tooltip=DashboardCursorSync.CROSSHAIR,
        time=DashboardDashboardTime(f"now-{since}", "now"),
        refresh=refresh,
        panels=list(_placed(rows)),
        templating=DashboardDashboardTemplating(list(variables)),
        annotations=AnnotationContainer([]),
        links=links.boards(),
    )
    plain: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(made))
    return plain


def as_text(plain: dict[str, Any]) -> str:
    """As it is committed: sorted, so that a change shows as what it is."""
    return json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _placed(rows: Sequence[Row]) -> Iterator[Panel | RowPanel]:
    top, number = 0, 0
    for row in rows:
        number += 1
        yield RowPanel(title=row.title, id_val=number, grid_pos=GridPos(1, WIDTH, 0, top), panels=[])
        top, left = top + 1, 0
        for width, panel in row.panels:
            if left + width > WIDTH:
                top, left = top + row.height, 0
            number += 1
            panel.id_val, panel.grid_pos = number, GridPos(row.height, width, left, top)
            yield panel
            left += width
        top += row.height
