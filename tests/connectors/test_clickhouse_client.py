"""The connection to the pool: patient with what passes, quick with what does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from connectors import clickhouse_client
from connectors.clickhouse_client import PoolClient, PoolRefusedError, is_transient


class Flaky:
    """A client that fails a number of times before it answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.left = times
        self.calls = 0

    def command(self, statement: str) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return statement


def client(flaky: Flaky, retried: list[int], patience: float = 20) -> PoolClient:
    given: Any = flaky
    return PoolClient(given, timedelta(seconds=patience), lambda: retried.append(1))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperationalError("connection refused"), True),
        (ConnectionError("reset"), True),
        (DatabaseError("too many parts", code=252), True),
        (DatabaseError("no such table", code=60), False),
        (DatabaseError("memory limit", code=241), True),
        (DatabaseError("no room on the disk", code=243), True),
        (DatabaseError("session is locked", code=373), True),
        (DatabaseError("wrong password", code=516), False),
        (DatabaseError("HTTP driver received HTTP status 503 (for url http://pool:8123)"), True),
        (DatabaseError("HTTP driver received HTTP status 404 (for url http://pool:8123)"), False),
        (PoolRefusedError("clickhouse must answer; got `wrong password`"), False),
        (DatabaseError("?"), False),
        (ValueError("ours"), False),
    ],
    ids=str,
)
def test_what_passes_by_itself_is_transient(error: Exception, expected: bool) -> None:
    assert is_transient(error) == expected


def test_a_transient_error_is_tried_again() -> None:
    flaky, retried = Flaky(OperationalError("down"), 2), list[int]()

    client(flaky, retried).execute("SELECT 1")

    assert (flaky.calls, len(retried)) == (3, 2)


def test_patience_ends() -> None:
    flaky, retried = Flaky(OperationalError("down"), 10**6), list[int]()

    with pytest.raises(OperationalError, match="down"):
        client(flaky, retried, patience=0.05).execute("SELECT 1")

    assert flaky.calls < 50


def test_another_error_is_raised_at_once() -> None:
    flaky, retried = Flaky(DatabaseError("no such table", code=60), 1), list[int]()

    with pytest.raises(DatabaseError):
        client(flaky, retried).execute("SELECT 1")

    assert (flaky.calls, retried) == (1, [])


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(ConnectionError, match=r"clickhouse must answer; got .* \(http://127.0.0.1:1/anlan\)") as e:
        PoolClient.open("http://me:secret@127.0.0.1:1/anlan", patience=timedelta(0))

    assert "secret" not in str(e.value)


def test_a_server_that_refuses_us_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[str]()

    def refuse(dsn: str, database: str, answer_seconds: int) -> None:
        asked.append(dsn)
        raise DatabaseError("Authentication failed", code=516)

    monkeypatch.setattr(clickhouse_client, "_connect", refuse)
    with pytest.raises(PoolRefusedError, match=r"must let us in; got `Authentication failed` \(http://h:1/a\); see"):
        PoolClient.open("http://me:secret@h:1/a")

    assert len(asked) == 1
