"""The pool's tables: made once, never edited, forgetting what they must, and described by their page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.model import to_us
from connectors.clickhouse import Pool
from connectors.clickhouse_aggregates import AGGREGATES, MEASURES
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_copy import SavedPart, load_table, save_tables
from connectors.clickhouse_schema import (
    FOR_EVER,
    Retention,
    apply_retention,
    migrate,
    schema_files,
    token_seconds,
)

PAGE = (Path(__file__).parents[2] / "docs" / "pool.md").read_text(encoding="utf-8")
pytestmark = pytest.mark.integration


@pytest.fixture
def client(clickhouse_dsn: str) -> Iterator[PoolClient]:
    client = PoolClient.open(clickhouse_dsn, "anlan")
    yield client
    client.close()


def names(client: PoolClient) -> set[str]:
    rows = client.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")
    return {row["name"] for row in rows}


def test_schema_files_are_numbered_without_holes() -> None:
    assert [file.number for file in schema_files()] == list(range(1, len(list(schema_files())) + 1))


def test_every_statement_has_a_comment_and_can_be_run_again(client: PoolClient) -> None:
    migrate(client)
    before = names(client)

    for file in schema_files():
        for statement in file.statements:
            assert statement.startswith("--"), statement[:80]
            client.execute(statement)

    assert names(client) == before


def test_each_file_is_run_once(client: PoolClient) -> None:
    assert migrate(client) == [file.name for file in schema_files()]
    assert migrate(client) == []


def test_a_file_that_changed_after_it_was_run_is_refused(client: PoolClient) -> None:
    migrate(client)
    client.insert("schema_migrations", ("number", "name", "sha256"), ([1], ["001_events.sql"], ["other"]))

    with pytest.raises(ValueError, match=r"must not change once it was run; got .* `001_events.sql`"):
        migrate(client)


def test_words_go_first_then_tokens_then_the_event(client: PoolClient) -> None:
    migrate(client)
    apply_retention(client, Retention())
    ages = (1, 100, 500, 1200)
    arrived = [to_us(datetime.now(UTC) - timedelta(days=days)) for days in ages]
    client.insert(
        "events",
        ("id", "occurred_at", "arrived_at", "text", "reporter", "pair", "household", "place", "attrs"),
        [[str(days) for days in ages], arrived, arrived, *([letter] * len(ages) for letter in "trphla")],
    )

    client.execute("OPTIMIZE TABLE events FINAL")

    rows = client.rows("SELECT id, text, reporter, pair, household, place, attrs FROM events ORDER BY toUInt32(id)")
    assert [tuple(row.values()) for row in rows] == [
        ("1", "t", "r", "p", "h", "l", "a"),
        ("100", "", "r", "p", "h", "l", "a"),
        ("500", "", "", "", "", "", ""),
    ]


def test_tokens_go_from_the_key_and_the_evidence_of_an_alert_and_its_events_stay_named(client: PoolClient) -> None:
    migrate(client)
    apply_retention(client, Retention())
    ages = (1, 500)
    evidence = '[{"id":"hotline-1","fields":{"reporter":"k1:bcdfg"}},{"id":"grid-7"}]'
    client.insert(
        "alert_revisions",
        ("alert_id", "revision", "detected_at", "key", "evidence"),
        [
            [str(days) for days in ages], [1, 1], [to_us(datetime.now(UTC) - timedelta(days=days)) for days in ages],
            [{"pair": "k1:bcdfg"}] * 2, [evidence] * 2,
        ],
    )  # fmt: skip

    client.execute("OPTIMIZE TABLE alert_revisions FINAL")

    rows = client.rows("SELECT alert_id, key, evidence, evidence_ids FROM alert_revisions ORDER BY alert_id")
    assert [tuple(row.values()) for row in rows] == [
        ("1", {"pair": "k1:bcdfg"}, evidence, ["hotline-1", "grid-7"]),
        ("500", {}, "", ["hotline-1", "grid-7"]),
    ]


@pytest.fixture
def of_before(client: PoolClient, monkeypatch: pytest.MonkeyPatch) -> PoolClient:
    """A pool of the release that kept nothing apart of `attrs` and the evidence, with one old row of each."""
    files = list(schema_files())[:9]
    monkeypatch.setattr("connectors.clickhouse_schema.schema_files", lambda: files)
    migrate(client)
    long_ago = [to_us(datetime.now(UTC) - timedelta(days=500))]
    attrs = '{"mediation":"failed","tel":"k1:bcdfg"}'
    client.insert("events", ("id", "occurred_at", "arrived_at", "attrs"), [["a"], long_ago, long_ago, [attrs]])
    client.insert("alert_revisions", ("alert_id", "detected_at", "evidence"), [["a"], long_ago, ['[{"id":"a"}]']])
    monkeypatch.undo()
    return client


def forget(client: PoolClient) -> None:
    apply_retention(client, Retention())
    for table in ("events", "alert_revisions"):
        client.execute(f"OPTIMIZE TABLE {table} FINAL")


def load_again(client: PoolClient, parts: list[SavedPart]) -> None:
    for table in ("events", "alert_revisions"):
        client.execute(f"TRUNCATE TABLE {table}")
    for part in parts:
        load_table(client, part.table, part.file)


def what_stays(client: PoolClient) -> list[tuple[Any, ...]]:
    rows = [
        *client.rows("SELECT attrs, mediation FROM events"),
        *client.rows("SELECT evidence, evidence_ids FROM alert_revisions"),
    ]
    return [tuple(row.values()) for row in rows]


def test_what_stays_of_attrs_and_evidence_is_kept_of_the_rows_of_an_earlier_release(of_before: PoolClient) -> None:
    migrate(of_before)
    forget(of_before)

    assert what_stays(of_before) == [("", "failed"), ("", ["a"])]


def test_what_stays_of_attrs_and_evidence_is_in_a_backup(of_before: PoolClient, tmp_path: Path) -> None:
    migrate(of_before)
    forget(of_before)

    load_again(of_before, list(save_tables(of_before, tmp_path / "saved")))

    assert what_stays(of_before) == [("", "failed"), ("", ["a"])]


def test_what_stays_of_attrs_and_evidence_is_made_of_a_backup_of_an_earlier_release(
    of_before: PoolClient, tmp_path: Path
) -> None:
    parts = list(save_tables(of_before, tmp_path / "saved"))
    migrate(of_before)

    load_again(of_before, parts)
    forget(of_before)

    assert what_stays(of_before) == [("", "failed"), ("", ["a"])]


def test_retention_can_be_changed_and_taken_back(client: PoolClient) -> None:
    migrate(client)
    assert token_seconds(client) is None

    apply_retention(client, Retention(tokens=timedelta(days=10)))
    assert token_seconds(client) == 864_000

    apply_retention(client, FOR_EVER)
    rows = client.rows("SELECT create_table_query AS sql FROM system.tables WHERE database = 'anlan'")
    assert not [row["sql"] for row in rows if " TTL " in row["sql"]]


def test_the_same_retention_again_changes_nothing(client: PoolClient) -> None:
    migrate(client)
    apply_retention(client, Retention())
    sql = "SELECT name, metadata_modification_time AS at FROM system.tables WHERE database = 'anlan'"
    before = client.rows(f"{sql} ORDER BY name")
    statements: list[str] = []
    client.execute = statements.append  # type: ignore[method-assign]

    apply_retention(client, Retention())

    assert statements == []
    assert client.rows(f"{sql} ORDER BY name") == before


def test_aggregate_tables_have_the_measures(client: PoolClient) -> None:
    migrate(client)

    for aggregate in AGGREGATES:
        columns = {row["name"] for row in client.rows(f"DESCRIBE TABLE {aggregate.table}")}
        assert set(MEASURES) < columns


def test_the_page_names_every_table_and_view(client: PoolClient) -> None:
    migrate(client)

    assert {name for name in names(client) if f"`{name}`" not in PAGE} == set()


def test_the_page_gives_the_default_ages() -> None:
    ages = dict(re.findall(r"^\| `(\w+)` \| .* \| (\d+) days \|$", PAGE, flags=re.MULTILINE))
    fields = {name: getattr(Retention(), name) for name in Retention.__dataclass_fields__}

    assert ages == {name: str(age.days) for name, age in fields.items()}


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL))
def test_the_queries_of_the_page_run(clickhouse_dsn: str, query: str) -> None:
    with Pool(clickhouse_dsn) as pool:
        pool.migrate()

        assert pool.rows(query) == []
