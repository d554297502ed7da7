"""The boards as they are committed: their panels, their queries, and what they let people choose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from dashboards.__main__ import BOARDS, FOLDER

Board = dict[str, Any]
CLICKHOUSE, PROMETHEUS, REDIS = "grafana-clickhouse-datasource", "prometheus", "redis-datasource"


class Asked(NamedTuple):
    """One query of one panel."""

    board: str
    panel: dict[str, Any]
    query: dict[str, Any]

    @property
    def name(self) -> str:
        """What tests call it."""
        return f"{self.board}/{self.panel['title']}/{self.query['refId']}"

    @property
    def source(self) -> str:
        """The sort of data source that is asked."""
        return str(self.query["datasource"]["type"])


def committed() -> dict[str, Board]:
    """Every committed board by its name."""
    return {name: json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in BOARDS}


def panels(board: Board) -> Iterator[dict[str, Any]]:
    """The panels of a board that show something; rows are headings."""
    return (panel for panel in board["panels"] if panel["type"] != "row")


def queries(source: str) -> list[Asked]:
    """Every query of all boards to one sort of data source."""
    found = (
        Asked(name, panel, query)
        for name, board in committed().items()
        for panel in panels(board)
        for query in panel["targets"]
    )
    return [each for each in found if each.source == source]
