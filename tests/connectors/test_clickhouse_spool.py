"""Rows of the pool in the spool: every kind of row there is survives it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from alerts.desk.audit import Audit
from alerts.model import AlertAction, RuleGap, to_us
from connectors.clickhouse_rows import Poolable, table_of
from connectors.clickhouse_spool import _NAMES, decode_rows, encode_rows

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("kind", get_args(Poolable), ids=lambda kind: kind.__name__)
def test_every_kind_of_row_has_its_place(kind: type) -> None:
    assert kind in _NAMES


def test_rows_come_back_as_they_were() -> None:
    acted = Audit().enter(AlertAction("a", "note", "li", "duty", AT, why="words"), to_us(AT), "done", "", None)
    gap = RuleGap("r", "police", "silent_channel", AT, AT, AT)

    assert decode_rows(encode_rows([acted, gap])) == [gap, acted]
    assert table_of(acted) == "alert_actions"
