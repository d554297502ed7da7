"""What the pool knows of the feeds: every revision as it was, and its place in each feed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from revisions import a_revision
from small_city import MINUTE, Run, make_rule, report

from alerts.model import Region, Revision, Route
from alerts.record import content_hash
from connectors.clickhouse import Pool
from connectors.clickhouse_published import last_place, last_published, revisions_between
from connectors.clickhouse_rows import columns_of
from connectors.clickhouse_schema import FOR_EVER, migrate, schema_files

pytestmark = pytest.mark.integration

AT = datetime(2024, 4, 16, 8, 0, tzinfo=UTC)
HERE, THERE = "alerts:620102", "alerts:620103"


def revision(alert: str, number: int, place: int, **feeds: int) -> Revision:
    changes: dict[str, Any] = {
        "feed_seq": place,
        "feed_seqs": {f"alerts:{name[1:]}": place for name, place in feeds.items()},
        "content_hash": f"{alert}{number}",
        "route": Route(feed=HERE),
        "region": Region(county="620102"),
    }
    return a_revision(alert, number, AT + timedelta(minutes=place), **changes)


ISSUED = [
    revision("a", 1, 1, _620102=1),
    revision("b", 1, 2, _620103=1),
    revision("a", 2, 3, _620102=2, _620103=2),
    revision("b", 2, 4, _620103=3),
]


@pytest.fixture
def pool(pool_dsn: str) -> Iterator[Pool]:
    with Pool(pool_dsn) as pool:
        pool.migrate(FOR_EVER)
        yield pool


def write(pool: Pool, revisions: list[Revision]) -> None:
    pool._client.insert("alert_revisions", *columns_of(revisions))


def test_the_last_place_is_that_of_the_latest_life(pool: Pool) -> None:
    none = last_place(pool)
    write(pool, ISSUED)
    before = last_place(pool)
    write(pool, [replace(revision("c", 1, 2), engine_epoch=9)])  # begun anew, with numbers from 1

    assert (none, before, last_place(pool)) == (0, 4, 2)


def test_a_revision_is_read_back_as_it_was(pool: Pool) -> None:
    run = Run(make_rule())
    for number in range(6):
        run.tell(report(f"e{number}", number * MINUTE, region="620102001001", grid="62010200100101"))
    run.wait_until(100 * 60 * MINUTE)
    run.finish()
    issued = run.revisions
    write(pool, issued)

    found = list(revisions_between(pool, "alerts:all", 0))

    assert len(issued) > 2
    assert found == issued
    assert [content_hash(each) for each in found] == [each.content_hash for each in issued]


def test_the_greatest_place_of_each_feed_is_known(pool: Pool) -> None:
    assert last_published(pool).feed_seqs == {}

    write(pool, ISSUED)

    published = last_published(pool)
    assert (published.feed_seq, published.feed_seqs) == (4, {HERE: 2, THERE: 3})
    assert published.last == {"a": (2, "a2"), "b": (2, "b2")}


@pytest.mark.parametrize(
    ("feed", "after", "until", "places"),
    [
        ("alerts:all", 0, None, [1, 2, 3, 4]),
        ("alerts:all", 1, 4, [2, 3]),
        (HERE, 0, None, [1, 3]),
        (THERE, 1, 3, [3]),
        (THERE, 0, 3, [2, 3]),
        ("alerts:620104", 0, None, []),
    ],
)
def test_what_lies_between_two_places_of_a_feed_comes_in_its_order(
    pool: Pool, feed: str, after: int, until: int | None, places: list[int]
) -> None:
    write(pool, ISSUED[::-1])

    assert [each.feed_seq for each in revisions_between(pool, feed, after, until)] == places


def test_a_pool_with_alerts_gets_the_places_and_its_view_shows_them(clickhouse_dsn: str) -> None:
    with Pool(clickhouse_dsn) as pool:
        for file in schema_files():
            if file.number < 6:
                for statement in file.statements:
                    pool._client.execute(statement)
        names, columns = columns_of(ISSUED[:1])
        old = [(name, column) for name, column in zip(names, columns, strict=True) if name != "feed_seqs"]
        pool._client.insert("alert_revisions", [name for name, _ in old], [column for _, column in old])

    with Pool(clickhouse_dsn) as pool:
        migrate(pool._client)
        assert [(row["alert_id"], row["feed_seqs"]) for row in pool.alerts()] == [("a", {})]
        write(pool, ISSUED)
        assert [row["feed_seqs"] for row in pool.alerts(county="620102")] == [ISSUED[3].feed_seqs, ISSUED[2].feed_seqs]
