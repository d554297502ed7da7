"""A subscriber may begin with what is open now; then it misses nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from revisions import a_revision
from subscribing import revision_reader

from alerts.model import Region, Revision, Route
from connectors.redis import RedisAlertWriter
from connectors.subscriber_snapshot import begin_with_what_is_open

pytestmark = pytest.mark.integration

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def said(number: int, alert_id: str, revision: int = 1, state: str = "open", county: str = "620102") -> Revision:
    """A revision of a city whose feed is that of its one county."""
    feed = f"alerts:{county}"
    return a_revision(
        alert_id, revision, AT, state=state, content_hash=f"{alert_id}-{revision}", region=Region(county=county),
        route=Route(feed=feed), feed_seq=number, feed_seqs={feed: number},
    )  # fmt: skip


HISTORY = [said(1, "stays"), said(2, "ends"), said(3, "ends", 2, "closed"), said(4, "goes on"), said(5, "goes on", 2)]


@pytest.mark.parametrize("county", ["", "620102"])
def test_it_begins_with_what_is_open_and_hears_everything_after(
    redis_url: str, writer: RedisAlertWriter, client: Any, county: str
) -> None:
    writer.write_batch([HISTORY])
    client.xtrim("alerts:all", maxlen=1, approximate=False)  # the beginning is gone, and nobody can fill
    client.xtrim("alerts:620102", maxlen=1, approximate=False)
    reader = revision_reader(redis_url, county)
    assert (reader.read(), reader.is_whole) == ([], False)

    assert begin_with_what_is_open(reader) == {"stays": HISTORY[0], "goes on": HISTORY[4]}
    later = [said(6, "stays", 2, "closed"), said(7, "new")]
    writer.write_batch([later])

    assert (reader.read(), reader.is_whole, reader.place[1]) == (later, True, 7)
    assert reader.alerts(only_open=True).keys() == {"goes on", "new"}


def test_what_it_had_before_is_forgotten(redis_url: str, writer: RedisAlertWriter) -> None:
    reader = revision_reader(redis_url)
    writer.write_batch([HISTORY[:2]])
    reader.read()
    writer.write_batch([HISTORY[2:]])

    begin_with_what_is_open(reader)

    assert reader.alerts().keys() == {"stays", "goes on"}


def test_what_came_while_it_looked_says_nothing_when_it_comes(
    redis_url: str, writer: RedisAlertWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.write_batch([HISTORY])
    reader = revision_reader(redis_url)
    look = reader.redis.zrange

    def write_first(*wanted: Any) -> Any:
        writer.write_batch([[said(6, "new")]])
        return look(*wanted)

    monkeypatch.setattr(reader.redis, "zrange", write_first)

    assert begin_with_what_is_open(reader).keys() == {"stays", "goes on", "new"}
    assert (reader.read(), reader.is_whole, reader.place[1]) == ([], True, 6)


def test_in_a_feed_without_an_entry_it_begins_with_the_first(redis_url: str, writer: RedisAlertWriter) -> None:
    reader = revision_reader(redis_url)

    assert begin_with_what_is_open(reader) == {}
    writer.write_batch([HISTORY])

    assert reader.read() == HISTORY
