"""A connection to Redis is to the server that its address leads to now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from broker_talk import until
from moving_name import MovingName
from revisions import a_revision

from alerts.model import Acted, AlertAction
from connectors.child_server import HOST
from connectors.embedded import Valkey
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from connectors.redis_people import RedisPeopleSink

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def alert(number: int) -> Any:
    return a_revision("x", number, AT)


def acted(number: int) -> Any:
    return Acted(number, AT, AlertAction(f"a{number}", "note", "li", "duty", AT, alert_id="x"), "done")


@pytest.mark.parametrize(
    ("sink", "row", "stream"),
    [(RedisAlertSink, alert, "alerts:all"), (RedisPeopleSink, acted, "actions:all")],
    ids=["alerts", "people"],
)
def test_what_a_server_refuses_that_was_made_a_replica_goes_to_the_one_its_name_leads_to_then(
    tmp_path: Path, sink: Any, row: Any, stream: str
) -> None:
    with Valkey(tmp_path / "one") as one, Valkey(tmp_path / "two") as two, MovingName(one.address) as name:
        before, after = redis.Redis.from_url(one.url), redis.Redis.from_url(two.url)
        part = sink(f"redis://{name.address}/0", Metrics(), spool=tmp_path / "spool").build_part("redis", "feed", None)
        part.spool.put([row(1)])
        until(lambda: before.xlen(stream) == 1)
        before.replicaof(HOST, two.port)
        name.leads_to = two.address

        part.spool.put([row(2)])

        until(lambda: after.xlen(stream) == 1)
        part.close()
