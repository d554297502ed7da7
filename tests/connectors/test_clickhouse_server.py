"""The ClickHouse server of the tests behaves like one: the pool works over it, and it can die, hang and refuse."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from clickhouse_server import MEMORY_LIMIT, TOO_MANY_PARTS, UNAVAILABLE, ClickHouseServer

from alerts.model import DeadLetter
from connectors.clickhouse import Pool
from connectors.clickhouse_client import PoolClient

pytestmark = pytest.mark.integration
AT = datetime(2024, 4, 16, 8, 0, tzinfo=UTC)
NO_PATIENCE = timedelta(0)


def open_client(server: ClickHouseServer, database: str = "", patience: timedelta = NO_PATIENCE) -> PoolClient:
    return PoolClient.open(server.dsn, database, patience)


def test_rows_go_in_and_come_out_as_they_were(clickhouse_server: ClickHouseServer) -> None:
    client = open_client(clickhouse_server, "another")
    client.execute("CREATE TABLE t (n UInt64, s String, at DateTime64(6, 'UTC'), l Array(String)) ORDER BY n")

    client.insert("t", ["n", "s", "at", "l"], [[1, 2], ["甲\n'", ""], [AT, AT], [["a"], []]])

    assert client.rows("SELECT * FROM t WHERE n < {top:UInt8} AND s = {s:String}", top=2, s="甲\n'") == [
        {"n": 1, "s": "甲\n'", "at": AT, "l": ["a"]}
    ]
    assert client.rows("SELECT * FROM t WHERE n > 5") == []
    assert client.value("SELECT currentDatabase()") == "another"


def test_ten_columns_are_no_end_of_a_line(clickhouse_server: ClickHouseServer) -> None:
    client = open_client(clickhouse_server)
    names = [f"c{number}" for number in range(10)]  # their count is the first byte of the rows, and a line feed
    client.execute(f"CREATE TABLE t ({', '.join(f'{name} UInt8' for name in names)}) ORDER BY c0")

    client.insert("t", names, [[7]] * 10)

    assert client.value("SELECT count() FROM t") == 1


def test_what_was_answered_is_there_after_a_kill(clickhouse_server: ClickHouseServer) -> None:
    with Pool(clickhouse_server.dsn) as pool:
        pool.migrate()
        pool.mark_dead_letters(["a", "b"], "given_up", "", AT)

    clickhouse_server.kill()
    clickhouse_server.start()

    with Pool(clickhouse_server.dsn) as pool:
        assert pool.rows("SELECT count() AS n FROM dead_letter_marks") == [{"n": 2}]
        assert pool.recount_check() == []


@pytest.mark.parametrize("code", [TOO_MANY_PARTS, MEMORY_LIMIT, UNAVAILABLE])
def test_a_refusal_is_one_that_passes_by_itself(clickhouse_server: ClickHouseServer, code: int) -> None:
    retried = threading.Event()
    client = PoolClient.open(clickhouse_server.dsn, "", timedelta(seconds=20), retried.set)
    client.execute("CREATE TABLE t (n UInt64) ORDER BY n")
    clickhouse_server.refuse(code)

    writing = threading.Thread(target=client.insert, args=("t", ["n"], [[1]]))
    writing.start()
    assert retried.wait(10)
    clickhouse_server.accept()
    writing.join(20)

    assert client.value("SELECT count() FROM t") == 1


def test_too_many_parts_stop_no_question(clickhouse_server: ClickHouseServer) -> None:
    client = open_client(clickhouse_server)
    clickhouse_server.refuse(TOO_MANY_PARTS)

    assert client.value("SELECT 1") == 1


def test_a_hung_server_goes_on_where_it_was(clickhouse_server: ClickHouseServer) -> None:
    client = open_client(clickhouse_server)
    clickhouse_server.hang()
    answers: list[int] = []

    asking = threading.Thread(target=lambda: answers.append(client.value("SELECT 1")))
    asking.start()
    asking.join(0.3)
    assert asking.is_alive()
    clickhouse_server.wake()
    asking.join(20)

    assert answers == [1]


def test_settings_of_one_request_are_not_those_of_the_next(clickhouse_server: ClickHouseServer) -> None:
    client = open_client(clickhouse_server)._client
    ask = "SELECT getSetting('max_threads')"
    usual = client.command(ask)

    assert client.command(ask, settings={"max_threads": 3}) == 3
    assert client.command(ask) == usual


def test_a_letter_survives_the_journey(clickhouse_server: ClickHouseServer) -> None:
    with Pool(clickhouse_server.dsn) as pool:
        pool.migrate()
        assert pool.dead_letter("none") is None
        assert pool.dead_letters() == list[DeadLetter]()
