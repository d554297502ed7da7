"""The pool on the real engine: rows once each, aggregates always equal to a recount, views that answer."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from revisions import a_revision

from alerts.model import (
    Arrival,
    DeadLetter,
    Event,
    Evidence,
    LateEvent,
    Link,
    MatterLink,
    PooledEvent,
    Region,
    Revision,
    RuleGap,
    Text,
    to_us,
)
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_events import arrivals_between
from connectors.clickhouse_rows import Poolable, areas
from connectors.clickhouse_schema import FOR_EVER, Retention
from connectors.clickhouse_writer import Pace, PoolWriter
from connectors.giving_way import PIECE_ROWS
from connectors.metrics import Metrics

AT = datetime(2024, 4, 16, 8, 0, tzinfo=UTC)
AT_ONCE = Pace(flush_seconds=0, refresh_seconds=0)
ON_CLOSE = Pace(flush_seconds=3600, refresh_seconds=3600)


def event(number: int = 1, minutes: float = 0, matter: str = "m", **fields: Any) -> PooledEvent:
    defaults: dict[str, Any] = {
        "id": f"police/{number}/received/1",
        "channel": "police",
        "action": "received",
        "occurred_at": AT + timedelta(minutes=minutes),
        "region": "620102001001",
        "category": "dispute",
    }
    made = Event(**defaults | fields)
    return PooledEvent(made, matter, arrived_at=made.occurred_at + timedelta(minutes=1), source="test:1")


def revision(number: int = 1, **changes: Any) -> Revision:
    defaults: dict[str, Any] = {
        "key": {"matter": "m-1"},
        "first_occurred_at": AT,
        "region": Region(county="620102", township="620102001"),
        "channels": ("police", "hotline"),
        "measures": {"count": 3},
        "evidence": (Evidence(id="e1", channel="police", occurred_at=AT),),
        "text": Text(zh="同一事项再次来电", en="contacted again"),
    }
    alert_id = "11111111-1111-5111-8111-111111111111"
    return a_revision(alert_id, number, AT + timedelta(minutes=number), **defaults | changes)


def until(claim: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "the condition did not come true in time"


class Bench:
    """A migrated pool, and writers on it that are closed at the end."""

    def __init__(self, dsn: str, metrics: Metrics | None = None) -> None:
        self.dsn = dsn
        self.metrics = metrics or Metrics()
        self.pool = Pool(dsn)
        self.pool.migrate(FOR_EVER)
        self.writers: list[PoolWriter] = []

    def writer(self, pace: Pace = AT_ONCE, resume: bytes | None = None, **options: Any) -> PoolWriter:
        sink = PoolSink(self.dsn, self.metrics, pace=pace, **options)
        self.writers.append(sink.build_part("pool", sink.list_parts()[0], resume))
        return self.writers[-1]

    def abandon(self, writer: PoolWriter) -> None:
        """End a writer as a crash would: what waits in it is lost."""
        writer.recounting.abandon()
        writer.spool.abandon()
        writer._rows.close()
        self.writers.remove(writer)

    def write(self, *items: Poolable) -> None:
        writer = self.writer()
        writer.write_batch([list(items)])
        writer.close()
        self.writers.remove(writer)

    def cells(self, table: str, **where: str) -> list[dict[str, Any]]:
        conditions = " AND ".join(f"{name} = '{value}'" for name, value in where.items()) or "true"
        return self.pool.rows(f"SELECT * FROM {table} FINAL WHERE {conditions} ORDER BY ALL")


@pytest.fixture
def bench(pool_dsn: str) -> Iterator[Bench]:
    bench = Bench(pool_dsn)
    yield bench
    for writer in [*bench.writers]:
        bench.abandon(writer)
    bench.pool.close()


# ---------------------------------------------------------------- rows


@pytest.mark.integration
def test_every_kind_of_item_finds_its_table(bench: Bench) -> None:
    late = LateEvent("e", "rc", "police", AT, AT, AT)
    link = MatterLink("e", "m", "case", 1.0, AT, previous="old")
    letter = DeadLetter("d", "file:a.csv:1", "bad_time", "must have a time", AT)

    bench.write(event(), late, link, letter, revision())

    for table in ("events", "late_events", "matter_links", "dead_letters", "alert_revisions"):
        assert bench.pool.rows(f"SELECT count() AS n FROM {table}") == [{"n": 1}], table
        assert bench.metrics.value("anlan_rows_written_total", sink="pool", table=table) == 1
    assert bench.metrics.value("anlan_events_pooled_total", channel="police") == 1


@pytest.mark.integration
def test_an_event_keeps_every_field(bench: Bench) -> None:
    full = event(
        link=Link("transfer", "police/0"),
        case="c",
        reporter="r",
        pair="p",
        household="h",
        place="pl",
        subject="s",
        grid="62010200100100001",
        subcategory="family",
        violence=2,
        cues=("weapon", "alcohol"),
        unit="派出所",
        unit_level=3,
        satisfied=False,
        text="邻里纠纷",
        lat=36.1,
        lon=103.8,
        attrs={"n": 1},
    )

    bench.write(full)

    [row] = bench.pool.rows("SELECT * FROM events")
    same = {name: row[name] for name in ("case", "reporter", "pair", "household", "place", "subject", "grid")}
    assert same == {name: getattr(full.event, name) for name in same}
    assert (row["county"], row["township"], row["village"]) == ("620102", "620102001", "620102001001")
    assert (row["link_type"], row["link_to"], row["cues"]) == ("transfer", "police/0", ["weapon", "alcohol"])
    assert (row["violence"], row["satisfied"], row["unit_level"]) == (2, False, 3)
    assert (row["lat"], row["lon"], row["attrs"]) == (36.1, 103.8, '{"n":1}')
    assert (row["occurred_at"], row["arrived_at"]) == (full.event.occurred_at, full.arrived_at)
    assert (row["matter"], row["text"], row["source"]) == ("m", "邻里纠纷", "test:1")


@pytest.mark.integration
def test_events_come_back_as_they_were(bench: Bench) -> None:
    full = event(
        1, link=Link("transfer", "police/0"), case="c", reporter="r", violence=0, cues=("weapon", "alcohol"),
        satisfied=False, text="邻里纠纷", lat=36.1, lon=0.0, attrs={"n": 1},
    )  # fmt: skip
    other, elsewhere, older, later = event(2), event(3, channel="grid"), event(4, -1), event(5, 10)
    bench.write(full, full, other, elsewhere, older, later)

    found = bench.pool.events(["police"], to_us(AT), to_us(later.arrived_at))

    assert sorted(found, key=lambda one: one.id) == [as_read(full).event, as_read(other).event]


@pytest.mark.integration
def test_an_event_comes_back_without_the_attrs_whose_time_is_over(bench: Bench) -> None:
    bench.write(event(1, attrs={"n": 1}))
    bench.pool.rows("ALTER TABLE events UPDATE attrs = '' WHERE true SETTINGS mutations_sync = 2")

    (found,) = bench.pool.events(["police"], to_us(AT), to_us(AT + timedelta(days=1)))

    assert found.attrs == {}


@pytest.mark.integration
def test_the_events_of_a_matter_are_those_it_had_then_whatever_was_decided_since(bench: Bench) -> None:
    """A flow that does a merge again after a crash finds rows in the pool that it has written itself."""
    then = AT + timedelta(hours=1)
    for number, joined, later in ((1, "m", "other"), (2, "m", "m"), (3, "other", "m"), (4, "new", "m")):
        at = AT + timedelta(minutes=number)
        bench.write(event(number, number, joined), MatterLink(f"police/{number}/received/1", joined, "case", 1.0, at))
        if later != joined:
            link = MatterLink(f"police/{number}/received/1", later, "merged", 1.0, then, previous=joined)
            bench.write(event(number, number, later), link)

    found = list(bench.pool.of_matters(["m", "new"], to_us(then)))

    assert sorted((each.event.id, each.matter, each.event.matter, each.source) for each in found) == [
        ("police/1/received/1", "m", "m", "test:1"),
        ("police/2/received/1", "m", "m", "test:1"),
        ("police/4/received/1", "new", "new", "test:1"),
    ]
    assert {each.arrived_at for each in found} == {AT + timedelta(minutes=n) + timedelta(minutes=1) for n in (1, 2, 4)}
    assert list(bench.pool.of_matters(["m"], to_us(AT))) == []


@pytest.mark.integration
def test_arrivals_are_a_part_of_the_history_in_order(bench: Bench) -> None:
    """Told on the day before and the day after; and one of long ago that is told only now."""
    day = 24 * 60.0
    before, first, second, after = event(1, -day), event(2, 1), event(3, 1), event(4, day)
    straggler = msgspec.structs.replace(event(5, -90 * day), arrived_at=AT + timedelta(hours=1))
    bench.write(after, second, straggler, first, before)

    some = bench.pool.arrivals(to_us(AT), to_us(after.arrived_at))

    assert list(some) == [as_read(first), as_read(second), as_read(straggler)]
    assert [arrival.event.id for arrival in bench.pool.arrivals()] == [
        one.event.id for one in (before, first, second, straggler, after)
    ]
    assert bench.pool.arrived() == (to_us(before.arrived_at), to_us(after.arrived_at))
    assert bench.pool.arrived(since=to_us(AT + timedelta(days=9))) is None


def as_read(pooled: PooledEvent) -> Arrival:
    """An event as it comes back: when it arrived, in its matter, from where it came."""
    joined = msgspec.structs.replace(pooled.event, matter=pooled.matter, arrived_at=pooled.arrived_at)
    return Arrival(joined, to_us(pooled.arrived_at), pooled.source)


@pytest.mark.integration
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    told=st.dictionaries(st.integers(0, 30), st.tuples(st.integers(0, 80), st.sampled_from([0, 0, 1, 3000]))),
    moved=st.sets(st.integers(0, 30)),
    most=st.integers(1, 9),
)
def test_however_few_are_read_at_a_time_each_arrival_comes_once_and_in_its_last_matter(
    bench: Bench, told: dict[int, tuple[int, int]], moved: set[int], most: int
) -> None:
    bench.pool.rows("TRUNCATE TABLE events")
    first = {
        number: msgspec.structs.replace(event(number, 60.0 * hours), arrived_at=AT + timedelta(hours=hours + late))
        for number, (hours, late) in told.items()
    }
    second = {number: msgspec.structs.replace(first[number], matter="better") for number in moved & set(first)}
    if first:
        bench.write(*first.values())
    if second:
        bench.write(*second.values())

    found = list(arrivals_between(bench.pool._client, None, None, most))

    assert found == sorted(map(as_read, (first | second).values()), key=lambda one: (one.arrived_us, one.event.id))


@pytest.mark.integration
def test_a_history_is_not_read_from_a_database_without_tables(clickhouse_dsn: str) -> None:
    with (
        Pool(clickhouse_dsn) as pool,
        pytest.raises(ValueError, match=r"pool must have its tables before it is read; got none in database `default`"),
    ):
        pool.arrivals()


@pytest.mark.integration
def test_a_revision_has_the_columns_of_the_record(bench: Bench) -> None:
    bench.write(revision(due=AT, distinct=2))

    [row] = bench.pool.rows("SELECT * FROM alert_revisions")
    assert set(row) == {*Revision.__struct_fields__, "evidence_ids"}
    assert row["evidence_ids"] == ["e1"]
    assert (row["key"], row["channels"], row["due"]) == ({"matter": "m-1"}, ["police", "hotline"], AT)
    assert row["region"]["county"] == "620102"
    assert row["text"]["zh"] == "同一事项再次来电"
    assert msgspec.json.decode(row["evidence"]) == [
        {"id": "e1", "channel": "police", "occurred_at": "2024-04-16T08:00:00Z"}
    ]


@pytest.mark.integration
def test_a_matter_reads_from_the_first_report_to_the_return_visit(bench: Bench) -> None:
    story = [("grid", "received"), ("hotline", "accepted"), ("police", "received"), ("hotline", "visited")]
    for number, (channel, action) in reversed(list(enumerate(story))):
        bench.write(event(number, 60.0 * number, "m7", channel=channel, action=action))
    bench.write(event(9, 0, "m8"), MatterLink("police/2/received/1", "m7", "pair", 0.8, AT, proposed=True))

    rows = bench.pool.timeline("m7")

    assert [(row["channel"], row["action"]) for row in rows] == story
    assert [(row["reason"], row["proposed"]) for row in rows][2] == ("pair", True)


@pytest.mark.integration
def test_the_last_revision_is_the_alert(bench: Bench) -> None:
    bench.write(revision(), revision(2, state="closed", engine_epoch=1), revision(2, engine_epoch=3))
    bench.write(revision())

    [alert] = bench.pool.alerts(county="620102")
    assert (alert["revision"], alert["engine_epoch"], alert["state"]) == (2, 3, "open")
    assert bench.pool.alerts(state="closed") == bench.pool.alerts(county="620103") == []


@pytest.mark.integration
def test_dead_letters_can_be_listed_shown_and_marked(bench: Bench) -> None:
    letters = [
        DeadLetter(f"d{n}", f"file:a.csv:{n}", "bad_time", "must have a time", AT + timedelta(hours=n))
        for n in range(3)
    ]
    bench.write(*letters)

    bench.pool.mark_dead_letters(["d1"], "replayed", "mapping 2", AT)
    bench.write(*letters)

    assert bench.pool.dead_letters() == [letters[2], letters[0]]
    assert bench.pool.dead_letters("replayed") == [letters[1]]
    assert bench.pool.dead_letters(reason="bad_json") == []
    assert bench.pool.dead_letter("d1") == letters[1]
    assert bench.pool.dead_letter("d9") is None


@pytest.mark.parametrize(
    ("region", "grid", "expected"),
    [
        (None, None, ("", "", "")),
        ("620102", None, ("620102", "", "")),
        ("620102001", None, ("620102", "620102001", "")),
        ("620102001001", None, ("620102", "620102001", "620102001001")),
        ("620102000000", None, ("620102", "", "")),
        ("620102", "62010200100100001", ("620102", "620102001", "620102001001")),
        ("620103", "62010200100100001", ("620103", "", "")),
        (None, "62010200100100001", ("620102", "620102001", "620102001001")),
    ],
    ids=str,
)
def test_areas_come_from_region_or_grid(region: str | None, grid: str | None, expected: tuple[str, str, str]) -> None:
    assert areas(event(region=region, grid=grid).event) == expected


# ---------------------------------------------------------------- rows that come again

TABLES = ("events", "matter_links", "alert_revisions", "late_events", "dead_letters", "rule_gaps")


def story() -> list[Poolable]:
    """What a flow hands over, in order: events that are moved, alerts that go on, gaps that last longer."""
    told: list[Poolable] = []
    for number in range(8):
        at = AT + timedelta(minutes=number)
        told += [event(number, number), MatterLink(f"e{number}", "m", "pair", 0.5, at)]
        told += [revision(number + 1), LateEvent(f"e{number}", "rc", "police", at, at, at)]
        told += [DeadLetter(f"d{number}", "file", "bad_time", "must have a time", at)]
        told += [RuleGap("rc", "police", "silent_channel", AT, at, at)]
        if number % 3 == 2:
            told += [event(number - 1, number - 1, "better"), MatterLink(f"e{number - 1}", "better", "case", 1.0, at)]
    return told


def final(bench: Bench) -> dict[str, list[dict[str, Any]]]:
    """What every table says; only a version says how often a row came."""
    but = {"events": "EXCEPT version", "alert_revisions": "EXCEPT engine_epoch"}
    return {
        table: bench.pool.rows(f"SELECT * {but.get(table, '')} FROM {table} FINAL ORDER BY ALL") for table in TABLES
    }


@pytest.fixture
def told_once(bench: Bench) -> dict[str, list[dict[str, Any]]]:
    """What the tables say when everything is written once."""
    bench.write(*story())
    return final(bench)


@pytest.mark.integration
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    lives=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=3),
    sizes=st.lists(st.integers(1, 30), min_size=4, max_size=4),
)
def test_rows_that_come_again_in_another_split_change_nothing(
    bench: Bench,
    told_once: dict[str, list[dict[str, Any]]],
    lives: list[tuple[float, float]],
    sizes: list[int],
) -> None:
    """Each life begins somewhere before the end of the one before and goes on for a while; the last one to the end."""
    for table in (*TABLES, "agg_contacts_5m", "agg_contacts_hourly", "agg_contacts_daily"):
        bench.pool.rows(f"TRUNCATE TABLE {table}")
    told, reached = story(), 0
    for life, (size, (back, on)) in enumerate(zip(sizes, [*lives, (1.0, 1.0)], strict=False)):
        begin = int(reached * (1 - back))
        reached = max(begin, int(len(told) * on))
        rows = [
            msgspec.structs.replace(row, engine_epoch=life) if isinstance(row, Revision) else row
            for row in told[begin:reached]
        ]
        writer = bench.writer(ON_CLOSE)
        for start in range(0, len(rows), size):
            writer.write_batch([rows[start : start + size]])
            writer.spool.flush()
        writer.close()
        bench.writers.remove(writer)

    assert final(bench) == told_once
    assert {table: len(rows) for table, rows in told_once.items()} == {
        "events": 8, "matter_links": 10, "alert_revisions": 8, "late_events": 8, "dead_letters": 8, "rule_gaps": 1,
    }  # fmt: skip
    assert bench.pool.recount_check() == []


@pytest.mark.integration
def test_an_old_revision_that_comes_late_does_not_win(bench: Bench) -> None:
    """A spool holds what an earlier life said; a later one may have said it before the server was back."""
    bench.write(revision(engine_epoch=5))
    bench.write(revision(engine_epoch=4, level="red"))

    [alert] = bench.pool.alerts()
    assert (alert["engine_epoch"], alert["level"]) == (5, "blue")
    assert bench.pool.greatest_epoch() == 5


@pytest.mark.integration
def test_a_pool_without_revisions_knows_no_epoch(bench: Bench) -> None:
    assert bench.pool.greatest_epoch() == 0
    bench.pool.rows("DROP TABLE alert_revisions")
    assert bench.pool.greatest_epoch() == 0


@pytest.mark.integration
def test_a_block_that_comes_again_is_inserted_although_the_server_knows_it(bench: Bench) -> None:
    """A server that drops blocks it has seen, as a replicated one does, must not drop rows that are gone since."""
    late = LateEvent("e", "rc", "police", AT, AT, AT)
    bench.pool.rows("ALTER TABLE late_events MODIFY SETTING non_replicated_deduplication_window = 100")
    bench.write(late)
    bench.pool.rows("ALTER TABLE late_events DELETE WHERE true SETTINGS mutations_sync = 2")
    assert bench.pool.rows("SELECT count() AS n FROM late_events") == [{"n": 0}]

    bench.write(late)

    assert bench.pool.rows("SELECT count() AS n FROM late_events") == [{"n": 1}]


# ---------------------------------------------------------------- aggregates


@pytest.mark.integration
def test_a_transfer_is_the_same_contact_and_reporters_are_distinct(bench: Bench) -> None:
    bench.write(
        event(1, reporter="a", violence=1),
        event(2, 1, reporter="a", violence=3),
        event(3, 2, reporter="b", link=Link("transfer", "police/1/received/1")),
        event(4, 3, action="closed", reporter="c"),
        event(5, 4, action="visited", satisfied=True),
        event(6, 4.99, action="visited", satisfied=False),
        event(7, 5),
    )

    first, second = bench.cells("agg_contacts_5m", area_level="county")
    [hour] = bench.cells("agg_contacts_hourly", area_level="township")
    assert {k: first[k] for k in ("events", "contacts", "reporters", "violence_max", "closed")} == {
        "events": 6,
        "contacts": 2,
        "reporters": 1,
        "violence_max": 3,
        "closed": 1,
    }
    assert (first["satisfied"], first["asked_back"], first["overdue"]) == (1, 2, 0)
    assert (second["bucket"], second["contacts"]) == (AT + timedelta(minutes=5), 1)
    assert (hour["region"], hour["contacts"]) == ("620102001", 3)
    assert bench.pool.recount_check() == []


@pytest.mark.integration
def test_a_day_is_a_day_in_lanzhou(bench: Bench) -> None:
    midnight = datetime(2024, 4, 16, 16, 0, tzinfo=UTC)  # 00:00 on the 17th in Asia/Shanghai
    before = midnight - timedelta(microseconds=1)

    bench.write(event(1, occurred_at=before), event(2, occurred_at=midnight))

    days = bench.cells("agg_contacts_daily", area_level="city")
    assert [(str(day["bucket"]), day["contacts"]) for day in days] == [("2024-04-16", 1), ("2024-04-17", 1)]


@pytest.mark.integration
def test_a_corrected_event_leaves_its_old_cell(bench: Bench) -> None:
    bench.write(event(1), event(2))
    bench.write(event(1, category="traffic"), event(2, category="traffic"), event(3, region="620103"))

    cells = bench.cells("agg_contacts_hourly", area_level="county")
    assert [(c["region"], c["category"], c["contacts"]) for c in cells] == [
        ("620102", "traffic", 2),
        ("620103", "dispute", 1),
    ]
    assert bench.pool.recount_check() == []


@pytest.mark.integration
def test_the_check_finds_a_cell_that_is_wrong(bench: Bench) -> None:
    writer = bench.writer(ON_CLOSE)
    writer.write_batch([[event()]])
    writer.snapshot()

    sides = {(row["table"], row["side"]) for row in bench.pool.recount_check()}
    writer.close()

    assert sides == {(f"agg_contacts_{name}", "recount") for name in ("5m", "hourly", "daily")}
    assert bench.pool.recount_check() == []


@pytest.mark.integration
def test_hours_left_at_a_crash_are_recounted_after_the_restart(bench: Bench) -> None:
    writer = bench.writer(ON_CLOSE)
    writer.write_batch([[event(1), event(2, 90)]])
    state = writer.snapshot()
    writer.write_batch([[event(3, 180)]])
    bench.abandon(writer)
    assert bench.pool.count_events() == 2

    again = bench.writer(ON_CLOSE, resume=state)
    again.write_batch([[event(3, 180)]])
    again.close()

    assert bench.pool.count_events() == 3
    assert bench.pool.recount_check() == []


@pytest.mark.integration
def test_a_correction_after_a_restart_wins(bench: Bench) -> None:
    bench.write(*(event(n) for n in range(50)))
    bench.write(event(1, matter="better"))

    rows = bench.pool.rows("SELECT matter FROM events FINAL WHERE id = 'police/1/received/1'")
    assert rows == [{"matter": "better"}]


@pytest.mark.integration
def test_hours_whose_tokens_expired_are_left_alone(bench: Bench) -> None:
    bench.write(event(1, reporter="a"))
    bench.pool.migrate(Retention(tokens=timedelta(days=400), text=None, events=None, alerts=None))
    two_years_on = (AT + timedelta(days=730)).timestamp()

    writer = bench.writer(now=lambda: two_years_on)
    writer.write_batch([[event(2, reporter="b"), event(3, occurred_at=AT + timedelta(days=700))]])
    writer.close()

    old, new = bench.cells("agg_contacts_daily", area_level="city")
    assert (old["contacts"], old["reporters"], new["contacts"]) == (1, 1, 1)
    assert bench.metrics.value("anlan_rows_skipped_total", sink="pool", reason="closed_hour") == 1


@pytest.mark.integration
def test_old_days_that_were_never_counted_are_counted_as_often_as_this_life_touches_them(bench: Bench) -> None:
    bench.pool.migrate(Retention(tokens=timedelta(days=400), text=None, events=None, alerts=None))
    two_years_on = (AT + timedelta(days=730)).timestamp()

    writer = bench.writer(now=lambda: two_years_on)
    for number in range(3):
        writer.write_batch([[event(number, 90 * number), event(10 + number, 100_000 * number)]])
        writer.spool.flush()
        until(lambda: not writer.recounting.hours())

    assert [day["contacts"] for day in bench.cells("agg_contacts_daily", area_level="city")] == [4, 1, 1]
    assert len(bench.cells("agg_contacts_hourly", area_level="city")) == 5
    assert bench.metrics.value("anlan_rows_skipped_total", sink="pool", reason="closed_hour") == 0


@pytest.mark.integration
def test_an_hour_of_an_old_day_that_was_counted_is_left_alone_though_it_was_empty(bench: Bench) -> None:
    bench.write(event(1))
    bench.pool.migrate(Retention(tokens=timedelta(days=400), text=None, events=None, alerts=None))
    two_years_on = (AT + timedelta(days=730)).timestamp()

    writer = bench.writer(now=lambda: two_years_on)
    writer.write_batch([[event(2, 120)]])
    writer.close()

    assert [cell["contacts"] for cell in bench.cells("agg_contacts_daily", area_level="city")] == [1]
    assert len(bench.cells("agg_contacts_hourly", area_level="city")) == 1


IDS = st.integers(0, 12)
OCCURRED = {n: AT + timedelta(minutes=17 * n, days=20 * (n % 3)) for n in range(13)}
ITEMS = st.builds(
    lambda number, **fields: event(number, occurred_at=OCCURRED[number], **fields),
    IDS,
    channel=st.sampled_from(["police", "hotline"]),
    action=st.sampled_from(["received", "received", "closed", "visited"]),
    category=st.sampled_from(["dispute", "traffic", None]),
    region=st.sampled_from(["620102", "620102001", "620103001001", None]),
    matter=st.sampled_from(["m1", "m2"]),
    reporter=st.sampled_from(["a", "b", None]),
    violence=st.sampled_from([0, 3, None]),
    satisfied=st.sampled_from([True, False, None]),
    link=st.sampled_from([None, Link("transfer", "x"), Link("duplicate", "x"), Link("merge", "x")]),
)
STEP = st.sampled_from(["write", "write", "snapshot", "crash"])
LEVELS = (("city", 0), ("county", 6), ("township", 9), ("village", 12))


def model_cells(events: dict[str, PooledEvent]) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """The hourly cells, counted in plain Python."""
    groups: dict[tuple[Any, ...], list[Event]] = {}
    for pooled in events.values():
        found = pooled.event
        hour = found.occurred_at.replace(minute=0, second=0, microsecond=0)
        for level, digits in LEVELS:
            code = (found.region or "")[:digits] if len(found.region or "") >= digits else ""
            key = (hour, level, code, found.channel, found.category or "")
            groups.setdefault(key, []).append(found)
    return {key: model_cell(found) for key, found in groups.items()}


def model_cell(events: list[Event]) -> tuple[int, ...]:
    contacts = [
        e for e in events if e.action == "received" and not (e.link and e.link.type in ("transfer", "duplicate"))
    ]
    return (
        len(events),
        len(contacts),
        len({e.reporter for e in contacts if e.reporter}),
        max(e.violence or 0 for e in events),
        sum(e.action == "closed" for e in events),
        0,
        sum(e.satisfied is True for e in events),
        sum(e.satisfied is not None for e in events),
    )


@pytest.mark.integration
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(st.tuples(STEP, st.lists(ITEMS, max_size=5)), min_size=1, max_size=6))
def test_whatever_comes_aggregates_equal_a_recount(
    bench: Bench, steps: list[tuple[Literal["write", "snapshot", "crash"], list[PooledEvent]]]
) -> None:
    for table in ("events", "agg_contacts_5m", "agg_contacts_hourly", "agg_contacts_daily"):
        bench.pool.rows(f"TRUNCATE TABLE {table}")
    writer, saved, since = bench.writer(), None, list[PooledEvent]()
    known: dict[str, PooledEvent] = {}
    for step, items in steps:
        writer.write_batch([items])
        since += items
        known |= {item.event.id: item for item in items}
        if step == "snapshot":
            saved, since = writer.snapshot(), []
        if step == "crash":  # and the flow plays again what came since the snapshot
            bench.abandon(writer)
            writer = bench.writer(resume=saved)
            writer.write_batch([since])
    writer.close()
    bench.writers.remove(writer)

    measures = "events, contacts, reporters, violence_max, closed, overdue, satisfied, asked_back"
    rows = bench.pool.rows(
        f"SELECT bucket, area_level, region, channel, category, {measures} FROM agg_contacts_hourly FINAL"
    )
    assert {tuple(row.values())[:5]: tuple(row.values())[5:] for row in rows} == model_cells(known)
    assert bench.pool.recount_check() == []
    assert bench.pool.count_events() == len(known)


# ---------------------------------------------------------------- views


@pytest.mark.integration
def test_rates_of_closing_response_and_satisfaction(bench: Bench) -> None:
    def step(number: int, hours: float, action: str, matter: str, **fields: Any) -> PooledEvent:
        return event(number, hours * 60, matter, action=action, **fields)

    bench.write(
        step(1, 0, "received", "quick"),
        step(2, 2, "replied", "quick"),
        step(3, 20, "closed", "quick"),
        step(4, 21, "visited", "quick", satisfied=True),
        step(5, 1, "received", "slow"),
        step(6, 30, "replied", "slow"),
        step(7, 40, "closed", "slow"),
        step(8, 50, "reopened", "slow"),
        step(9, 48, "received", "fresh"),
        step(10, 20.5, "visited", "slow", satisfied=False),
    )

    [closing] = bench.pool.rows("SELECT * FROM v_closing_rate WHERE area_level = 'county' AND day = '2024-04-16'")
    responses = bench.pool.rows("SELECT * FROM v_response_rate WHERE area_level = 'township' ORDER BY day")
    [satisfaction] = bench.pool.rows("SELECT * FROM v_satisfaction_rate WHERE area_level = 'city'")
    [slow] = bench.pool.rows("SELECT * FROM v_matters WHERE matter = 'slow'")
    assert (closing["matters"], closing["closed"], closing["closing_rate"]) == (2, 1, 0.5)
    assert [(r["assessed"], r["responded"]) for r in responses] == [(2, 2), (0, 0)]
    assert (satisfaction["asked_back"], satisfaction["satisfaction_rate"]) == (2, 0.5)
    assert (slow["contacts"], slow["is_closed"], slow["satisfied"]) == (1, False, False)


@pytest.mark.integration
def test_contacts_beside_the_month_and_the_year_before(bench: Bench) -> None:
    months = {"2023-04": 2, "2024-03": 4, "2024-04": 3}
    numbers = itertools.count()
    bench.write(
        *(
            event(next(numbers), occurred_at=datetime.fromisoformat(f"{month}-10T08:00:00+00:00"))
            for month, contacts in months.items()
            for _ in range(contacts)
        )
    )

    rows = bench.pool.rows("SELECT * FROM v_contacts_monthly WHERE area_level = 'county' ORDER BY month")

    assert [(str(r["month"])[:7], r["contacts"]) for r in rows] == [
        ("2023-04", 2),
        ("2023-05", 0),
        ("2024-03", 4),
        ("2024-04", 3),
    ]
    assert (rows[-1]["month_before"], rows[-1]["month_on_month"]) == (4, -0.25)
    assert (rows[-1]["year_before"], rows[-1]["year_on_year"]) == (2, 0.5)


@pytest.mark.integration
def test_disputes_that_went_into_mediation_and_what_became_of_them(bench: Bench) -> None:
    numbers = itertools.count()

    def case(matter: str, *actions: str, channel: str = "court", **fields: Any) -> list[PooledEvent]:
        """A contact and steps an hour apart; as in the exports, only the contact has a category."""
        first = event(next(numbers), 0, matter, channel=channel)
        steps = {"channel": channel, "category": None, **fields}
        return [
            first,
            *(event(next(numbers), 60 * n, matter, action=a, **steps) for n, a in enumerate(actions, 1)),
        ]

    bench.write(
        *case("held", "started", "resolved", "closed"),
        *case("came back", "started", "resolved", "reopened"),
        *case("no agreement", "started", "closed"),
        *case("said so", "replied", attrs={"mediation": "failed"}),
        *case("under way", "transferred"),
        *case("not yet", "accepted"),
        *case("of the grid", "started", "resolved", channel="grid"),
    )

    [flow] = bench.pool.rows("SELECT * FROM v_mediation_flow WHERE area_level = 'county'")

    counts = [flow[name] for name in ("brought", "mediated", "settled", "failed", "pending")]
    assert (flow["from_channel"], counts) == ("court", [6, 5, 1, 2, 2])
    assert (flow["flow_rate"], flow["success_rate"]) == (5 / 6, 1 / 5)


# ---------------------------------------------------------------- the sink and its threads


@pytest.mark.integration
def test_rows_go_out_while_the_flow_goes_on(bench: Bench) -> None:
    writer = bench.writer(Pace(batch_rows=10, flush_seconds=3600, refresh_seconds=3600))
    numbers = itertools.count()

    def feed() -> bool:
        writer.write_batch([[event(next(numbers)) for _ in range(7)]])
        return bench.pool.count_events() > 20

    until(feed)


@pytest.mark.integration
@pytest.mark.parametrize(("batch_rows", "is_gentle"), [(2_000, True), (1_200, False)], ids=["few", "many"])
def test_few_rows_are_packed_in_pieces_and_are_one_insert_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, batch_rows: int, is_gentle: bool
) -> None:
    pauses: list[str] = []
    monkeypatch.setattr("connectors.clickhouse_writer.give_way", lambda: pauses.append(threading.current_thread().name))
    writer = bench.writer(Pace(batch_rows=batch_rows, max_rows=2_000, flush_seconds=0.0))
    writer.write_batch([[event(n) for n in range(300)]])
    writer.spool.flush()

    pieces = -(-300 // PIECE_ROWS)
    assert pauses == (["spool-pool"] * 2 * pieces if is_gentle else [])
    found = bench.pool.rows("SELECT count() AS rows, uniqExact(id) AS ids, uniqExact(_part) AS inserts FROM events")
    assert found == [{"rows": 300, "ids": 300, "inserts": 1}]


@pytest.mark.integration
def test_a_full_buffer_makes_the_flow_wait(bench: Bench) -> None:
    writer = bench.writer(Pace(batch_rows=10, max_rows=20, flush_seconds=3600))
    gate = threading.Event()
    write = writer._rows.write
    writer._rows.write = lambda items, pause: (gate.wait(20), write(items, pause))[1]  # type: ignore[method-assign]
    writer.write_batch([[event(n) for n in range(10)]])
    writer.write_batch([[event(n) for n in range(10, 30)]])

    full = threading.Thread(target=writer.write_batch, args=([[event(99)]],))
    full.start()
    full.join(timeout=0.3)
    assert full.is_alive()
    gate.set()
    full.join(timeout=20)
    writer.close()
    bench.writers.remove(writer)

    assert bench.pool.count_events() == 31


@pytest.mark.integration
@pytest.mark.parametrize("ask", ["write_batch", "snapshot", "close"])
def test_an_error_of_the_background_stops_the_flow(bench: Bench, ask: str) -> None:
    writer = bench.writer(AT_ONCE, patience=timedelta(0))
    bench.pool.rows("DROP TABLE events")
    writer.write_batch([[event()]])
    until(lambda: writer.spool._error is not None)

    with pytest.raises(RuntimeError, match=r"pool must take its rows; got `.*events.*`; mend it"):
        writer.write_batch([[event()]]) if ask == "write_batch" else getattr(writer, ask)()


@pytest.mark.integration
def test_a_pool_without_tables_is_refused_at_the_door(clickhouse_dsn: str) -> None:
    sink = PoolSink(clickhouse_dsn, Metrics())

    with pytest.raises(ValueError, match=r"pool must have its tables .*; got none in database `default`"):
        sink.build_part("pool", "pool", None)


@pytest.mark.integration
def test_a_flow_fills_the_pool_and_goes_on_where_it_stopped(bench: Bench, tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    items = [("pool", [event(n), event(n, matter="better")]) for n in range(20)]
    source: list[Any] = [*items[:12], TestingSource.EOF(), *items[12:]]

    for _ in range(2):
        flow = Dataflow("pool_flow")
        stream = op.input("in", flow, TestingSource(source, batch_size=3))
        op.output("pool", stream, PoolSink(bench.dsn, bench.metrics, pace=ON_CLOSE))
        run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(tmp_path)))

    rows = bench.pool.rows("SELECT matter, count() AS n FROM events FINAL GROUP BY matter")
    assert rows == [{"matter": "better", "n": 20}]
    assert bench.pool.recount_check() == []
