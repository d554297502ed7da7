"""A county's user of ClickHouse reads that county and nothing else, whichever table or view it asks."""

from __future__ import annotations

import hashlib
import json
import re
import xml.etree.ElementTree as Tree
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from county_pool import OURS, fill
from county_reader import DATABASE, Answer, ask, ask_as

from connectors.clickhouse_access import (
    LIMITS,
    SCOPE,
    Granted,
    Withheld,
    make_password,
    process_grant,
    require_county,
    require_hash,
    require_name,
    statements,
    users_file,
)
from connectors.clickhouse_client import PoolClient
from connectors.clickhouse_schema import migrate, schema_files
from connectors.embedded import Engine

HASH = hashlib.sha256(b"secret").hexdigest()
GRANTED = {name: scope for name, scope in SCOPE.items() if isinstance(scope, Granted)}
WITHHELD = {name: scope for name, scope in SCOPE.items() if isinstance(scope, Withheld)}
# what people said, what stands for them, and where anything may stand
PERSONAL = {
    "events": {"reporter", "pair", "household", "place", "subject", "text", "lat", "lon", "attrs", "source"},
    "v_matter_timeline": {"text"},
    "alert_revisions": {"key", "evidence"},
    "alerts": {"key", "evidence"},
    "alert_actions": {"note", "record"},
    "deliveries": {"detail"},
}
integration = pytest.mark.integration


class Filled(NamedTuple):
    """A pool with rows, and what its owner reads there."""

    folder: Path
    columns: dict[str, list[str]]  # of each table and view
    permitted: dict[str, list[dict[str, Any]]]  # what the filter lets through, where one is granted
    scratch: Path

    def ask(self, *questions: str) -> list[Answer]:
        return ask(self.folder, OURS, list(questions), self.scratch)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    folder = tmp_path_factory.mktemp("access")
    client = PoolClient.open(Engine(folder / "pool").dsn, DATABASE)
    migrate(client)
    fill(client)
    columns: dict[str, list[str]] = {}
    for row in client.rows(f"SELECT table, name FROM system.columns WHERE database = '{DATABASE}'"):
        columns.setdefault(row["table"], []).append(row["name"])
    permitted = {name: client.rows(f"{question(name)} WHERE {where(name)}") for name in GRANTED}
    client.close()
    return Filled(folder / "pool", columns, permitted, folder / "rights")


def question(name: str) -> str:
    """Everything that may be read of a table or view, as it stands now."""
    columns = ", ".join(f"`{column}`" for column in GRANTED[name].columns if "." not in column)
    return f"SELECT {columns} FROM {DATABASE}.{name}{'' if is_view(name) else ' FINAL'}"


def is_view(name: str) -> bool:
    return name == "alerts" or name.startswith("v_")


def where(name: str) -> str:
    return GRANTED[name].filter.format(county=OURS, database=DATABASE)


@integration
def test_every_table_and_view_of_the_schema_is_decided_upon(filled: Filled) -> None:
    assert set(filled.columns) == set(SCOPE)


@integration
def test_what_is_granted_is_there(filled: Filled) -> None:
    missing = {
        name: unknown
        for name, scope in GRANTED.items()
        if (unknown := {column for column in scope.columns if "." not in column} - set(filled.columns[name]))
    }

    assert missing == {}


@integration
def test_a_county_reads_its_own_rows_of_everything_that_is_granted(filled: Filled) -> None:
    answers = dict(zip(GRANTED, filled.ask(*map(question, GRANTED)), strict=True))

    assert {name: answer.error for name, answer in answers.items() if answer.error} == {}
    assert [name for name, answer in answers.items() if not answer.rows] == []
    assert {name: len(answer.rows) for name, answer in answers.items()} == {
        name: len(rows) for name, rows in filled.permitted.items()
    }
    for name, answer in answers.items():
        said = json.dumps(answer.rows)
        assert [word for word in ("theirs", "nowhere", "secret") if word in said] == [], name
        if GRANTED[name].filter.startswith("startsWith"):
            assert [row for row in answer.rows if not row["region"].startswith(OURS)] == [], name
        elif "county" in GRANTED[name].columns and name != "alert_revisions":
            assert {row["county"] for row in answer.rows} == {OURS}, name


@integration
def test_no_column_with_what_people_said_or_what_stands_for_them_is_readable(filled: Filled) -> None:
    closed = {
        name: [column for column in columns if name in WITHHELD or column not in GRANTED[name].columns]
        for name, columns in filled.columns.items()
    }
    asked = [(name, column) for name, columns in closed.items() for column in columns]
    answers = filled.ask(*(f"SELECT `{column}` FROM {DATABASE}.{name}" for name, column in asked))
    opened = [where for where, answer in zip(asked, answers, strict=True) if "ACCESS_DENIED" not in answer.error]

    assert opened == []
    assert {
        name: columns - set(closed[name]) for name, columns in PERSONAL.items() if columns - set(closed[name])
    } == {}


@integration
@pytest.mark.parametrize("name", WITHHELD)
def test_what_is_withheld_is_not_even_counted(filled: Filled, name: str) -> None:
    [answer] = filled.ask(f"SELECT count() FROM {DATABASE}.{name}")

    assert "ACCESS_DENIED" in answer.error
    assert WITHHELD[name].why


@integration
def test_an_alert_that_moved_away_is_told_once_and_is_gone(filled: Filled) -> None:
    said, now = filled.ask(
        f"SELECT revision FROM {DATABASE}.alert_revisions FINAL WHERE alert_id = 'moved' ORDER BY revision",
        f"SELECT alert_id FROM {DATABASE}.alerts",
    )

    assert said.rows == [{"revision": 1}, {"revision": 2}]
    assert now.rows == [{"alert_id": "ours"}]


@integration
def test_an_event_that_was_corrected_into_another_county_is_gone(filled: Filled) -> None:
    [answer] = filled.ask(f"SELECT id FROM {DATABASE}.events FINAL WHERE id = 'corrected'")

    assert answer == Answer([], "")


@integration
def test_the_county_and_its_townships_are_what_it_reads_of_a_rate(filled: Filled) -> None:
    [answer] = filled.ask(f"SELECT area_level, region FROM {DATABASE}.v_mediation_flow ORDER BY region")

    assert answer.rows == [
        {"area_level": "county", "region": OURS},
        {"area_level": "township", "region": f"{OURS}001"},
    ]


WAYS_ROUND = {
    "filter by a closed column": "SELECT id FROM {db}.events WHERE text = 'secret'",
    "sort by a closed column": "SELECT id FROM {db}.events ORDER BY text",
    "count by a closed column": "SELECT countIf(text != '') FROM {db}.events",
    "closed column through a view": "SELECT text FROM {db}.v_matter_timeline",
    "a trap for rows of others": "SELECT throwIf(county = '620103', 'theirs') FROM {db}.events",
    "a trap behind FINAL": "SELECT count() FROM {db}.events FINAL WHERE NOT throwIf(county = '620103', 'theirs')",
    "a trap before it": "SELECT count() FROM {db}.events FINAL PREWHERE NOT throwIf(county = '620103', 'theirs')",
    "all tables as one": "SELECT * FROM merge('{db}', '.*')",
    "the table's index": "SELECT * FROM mergeTreeIndex('{db}', 'events')",
    "the table's index by parts": "SELECT * FROM mergeTreeAnalyzeIndexes('{db}', 'events')",
    "other users": "SELECT name FROM system.users",
    "the policies": "SELECT select_filter FROM system.row_policies",
    "the folder": "SELECT * FROM file('*', 'LineAsString')",
    "the network": "SELECT * FROM url('http://127.0.0.1:1', 'LineAsString')",
    "the same server again": "SELECT * FROM remote('127.0.0.1', '{db}', 'events')",
    "a view of its own": "CREATE VIEW {db}.mine AS SELECT * FROM {db}.events",
    "a temporary table": "CREATE TEMPORARY TABLE mine AS SELECT id FROM {db}.events",
    "write": "INSERT INTO {db}.matter_links (event_id) VALUES ('theirs')",
    "delete": "DELETE FROM {db}.events WHERE true",
    "change": "ALTER TABLE {db}.events UPDATE county = '620102' WHERE true",
    "empty": "TRUNCATE TABLE {db}.events",
    "drop": "DROP TABLE {db}.events",
    "writing again": "SET readonly = 0",
    "longer": "SET max_execution_time = 1000",
    "filters before FINAL": "SELECT id FROM {db}.events FINAL SETTINGS apply_row_policy_after_final = 0",
    "more rights": "GRANT SELECT ON {db}.* TO default",
    "no filter": "DROP ROW POLICY IF EXISTS county_620102_anlan ON {db}.events",
}


@integration
def test_no_way_round_leads_to_other_rows(filled: Filled) -> None:
    answers = dict(zip(WAYS_ROUND, filled.ask(*(way.format(db=DATABASE) for way in WAYS_ROUND.values())), strict=True))
    traps = {name: answer for name, answer in answers.items() if name.startswith("a trap")}
    refused = {name: answer for name, answer in answers.items() if name not in traps}

    assert {name: answer.rows for name, answer in refused.items() if not answer.error} == {}
    assert {name: answer.error for name, answer in traps.items() if answer.error} == {}


@integration
def test_the_engine_reads_every_statement(clickhouse_dsn: str) -> None:
    client = PoolClient.open(clickhouse_dsn)
    said = [client.rows(f"EXPLAIN AST {statement}") for statement in statements(OURS, "county-620102", HASH, DATABASE)]
    client.close()

    assert len(said) > 3 * len(GRANTED)
    assert all(said)


def test_a_server_and_a_file_of_users_say_the_same() -> None:
    sql = statements(OURS, "county-620102", HASH, DATABASE)
    user = Tree.fromstring(users_file(OURS, "county-620102", HASH, DATABASE)).find("users/county-620102")
    assert user is not None

    policies = [re.fullmatch(r".* ON `anlan`.`(\w+)` FOR SELECT USING (.+) AS RESTRICTIVE .*", each) for each in sql]
    filters = {each[1]: each[2] for each in policies if each}
    assert filters == {table.tag: table.findtext("filter") for table in user.findall("databases/anlan/*")}
    assert set(filters) == set(GRANTED)
    granted = [query.text for query in user.findall("grants/query")]
    assert granted == [
        each.removesuffix(" TO `county_620102_anlan`") for each in sql if each.startswith("GRANT SELECT")
    ]
    assert len(granted) == len(GRANTED)
    assert user.findtext("password_sha256_hex") == HASH


def test_the_statements_can_be_run_again() -> None:
    made = [each for each in statements(OURS, "li", HASH) if each.startswith("CREATE")]

    assert made
    assert [each for each in made if "IF NOT EXISTS" not in each and "OR REPLACE" not in each] == []


def test_every_filter_stands_before_the_first_grant() -> None:
    sql = statements(OURS, "li", HASH)
    first = next(number for number, each in enumerate(sql) if each.startswith("GRANT"))

    assert [each for each in sql[first:] if "ROW POLICY" in each] == []


def test_everybody_else_still_reads_all_rows_of_a_table_with_a_policy() -> None:
    sql = statements(OURS, "li", HASH)

    for name in GRANTED:
        assert f"CREATE ROW POLICY IF NOT EXISTS anlan_everybody ON `default`.`{name}` FOR SELECT USING 1 TO ALL" in sql


def test_a_fresh_password_goes_with_its_hash() -> None:
    password, digest = make_password()

    assert hashlib.sha256(password.encode()).hexdigest() == digest
    assert make_password()[0] != password


@pytest.mark.parametrize(
    ("check", "wrong", "sentence"),
    [
        (require_county, "6201", "a county must be six digits, as in `620102`; got `6201`"),
        (require_county, "620102'", "a county must be six digits, as in `620102`; got `620102'`"),
        (require_name, "li`", "a name must be a letter and then letters, digits, `_` or `-`; got `li``"),
        (require_name, "1", "a name must be a letter and then letters, digits, `_` or `-`; got `1`"),
        (require_hash, "secret", "the SHA-256 of a password must be 64 digits of 0-9a-f; got something else"),
    ],
)
def test_what_would_not_be_what_it_says_is_refused(check: Callable[[str], str], wrong: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        check(wrong)


@integration
def test_a_reader_of_a_feed_fills_its_holes(filled: Filled) -> None:
    page = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text(encoding="utf-8")
    [query] = re.findall(r'query = f"""(.*?)FORMAT JSONEachRow"""', page, re.DOTALL)
    place = f"feed_seqs['alerts:{OURS}']"
    query = query.replace("{NUMBER}", place).replace("{after}", "1").replace("{before}", str(2**63))
    query = query.replace("FROM ", f"FROM {DATABASE}.")

    [answer] = filled.ask(f"{query} SETTINGS output_format_json_quote_64bit_integers = 0")

    assert (answer.error, [(row["alert_id"], row["revision"]) for row in answer.rows]) == ("", [("moved", 2)])


def rows_of_the_page() -> dict[str, tuple[str, set[str]]]:
    """Of each table and view on the page: its rows, and the columns that are closed."""
    page = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
    section = page.split("## A county in ClickHouse")[1].split("## ")[0]
    found = re.findall(r"^\| (`.+?) \| (.+?) \| (.*?) ?\|$", section, re.MULTILINE)
    return {
        name: (rows, set(re.findall(r"`(\w+)`", closed)))
        for names, rows, closed in found
        for name in re.findall(r"`(\w+)`", names)
    }


@integration
def test_the_page_says_what_is_open_and_what_is_closed(filled: Filled) -> None:
    said = rows_of_the_page()

    assert set(said) == set(SCOPE)
    assert {name for name, (rows, _) in said.items() if rows.startswith("none")} == set(WITHHELD)
    closed = {name: set(filled.columns[name]) - set(scope.columns) for name, scope in GRANTED.items()}
    assert closed == {name: said[name][1] & set(filled.columns[name]) for name in GRANTED}


def test_the_page_gives_the_limits() -> None:
    said = " ".join((Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8").split())

    seconds, gigabytes = LIMITS["max_execution_time"], int(LIMITS["max_memory_usage"]) // 1_000_000_000
    assert f"{seconds} s, {gigabytes} GB and give {int(LIMITS['max_result_rows']):,} rows" in said
    assert f"a user may run {LIMITS['max_concurrent_queries_for_user']} at once" in said


def user_of(process: str) -> str:
    """A file of users in which `default` is one of our processes."""
    granted = process_grant(process, DATABASE)
    return (
        "<clickhouse><users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>"
        f"<quota>default</quota><grants><query>{granted}</query></grants></default></users></clickhouse>"
    )


@integration
def test_the_flow_makes_and_fills_its_tables_and_the_service_only_reads(tmp_path: Path) -> None:
    client = PoolClient.open(Engine(tmp_path / "pool").dsn, DATABASE)
    client.execute("CREATE TABLE default.others (a UInt8) ENGINE = Memory")
    client.close()
    schema = [statement for file in schema_files() for statement in file.statements]
    limit = "ALTER TABLE matter_links MODIFY TTL toDateTime(decided_at) + toIntervalSecond(1000)"
    insert = "INSERT INTO dead_letter_marks VALUES ('a', 'given_up', '', '2026-03-01 08:00:00')"
    recount = "INSERT INTO agg_contacts_daily SELECT * FROM agg_contacts_daily"
    own = [f"USE {DATABASE}", *schema, limit, insert, recount, "SELECT count() AS n FROM v_matters"]
    foreign = [
        "SELECT * FROM default.others",
        "CREATE USER mallory",
        "CREATE TABLE default.b (a UInt8) ENGINE = Memory",
    ]
    dropped = f"DROP TABLE {DATABASE}.events"

    told = ask_as(user_of("run"), tmp_path / "pool", [*own, *foreign, dropped], tmp_path / "run")
    asked = ["SELECT count() AS n FROM dead_letter_marks", insert, *foreign]
    read = ask_as(user_of("serve"), tmp_path / "pool", [f"USE {DATABASE}", *asked], tmp_path / "serve")

    assert [answer.error for answer in told[: len(own)] if answer.error] == []
    assert ["ACCESS_DENIED" in answer.error for answer in told[len(own) :]] == [True] * 4
    assert [int(row["n"]) for row in read[1].rows] == [1]
    assert ["ACCESS_DENIED" in answer.error for answer in read[2:]] == [True] * 4
