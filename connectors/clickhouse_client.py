"""The one place that knows `clickhouse_connect`: open a connection, try again, insert columns, ask.

The same calls reach a server (`http://user:password@host:8123/database`, `https://…`) and the engine inside
our own process (`chdb:///folder`). A client belongs to one thread at a time; open one for each thread.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

from connectors.address import SEE_CERTIFICATE, UnsafeError, Where, address_of, clickhouse_options
from connectors.giving_way import PIECE_ROWS

T = TypeVar("T")
Column = Sequence[Any]

OWN_FORMAT = "Native"

# what a server says that passes by itself, by what it lacks for the moment
TRANSIENT_CODES = frozenset(
    {
        *(159, 160, 198, 203, 209, 210, 279, 425),  # time, names, connections, network
        *(201, 202, 241, 243, 252, 439, 745),  # quota, room for one more query, memory, disk, parts, threads, all
        *(225, 242, 285, 286, 287, 319, 733, 999),  # Keeper and replicas: read only, too few, unknown outcome
        *(236, 373, 394, 473),  # its own stop, the query before is still running, cancelled, locked
    }
)
LOGIN_CODES = frozenset({192, 193, 194, 516})  # no such user, wrong or no password, not let in
NO_RIGHT_CODE = 497
_PROXY_STATUS = re.compile(r"HTTP status (429|5\d\d)\b")  # of whoever stands in front of the server

# Every insert goes in. The block deduplication of a replicated server drops a block that is equal to one of the
# last hundreds, also where its rows are gone since (expired, deleted, overwritten), and does not know the same rows
# in another split, which is what a restart sends; the order keys and versions of the tables know both. A server of
# 2026 obeys `deduplicate_insert` alone, an older one knows only `insert_deduplicate`. An insert is answered when it
# is there, whatever the user's profile says of asynchronous ones.
INSERT_SETTINGS = {
    "max_partitions_per_insert_block": 0,
    "deduplicate_insert": "disable",
    "deduplicate_insert_select": "disable",
    "insert_deduplicate": 0,
    "async_insert": 0,
}


class _Paused(Sequence[Any]):
    """A column that is read in pieces, with a pause before each."""

    def __init__(self, values: Column, pause: Callable[[], None]) -> None:
        self._values = values
        self._pause = pause

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, which: Any) -> Any:
        self._pause()
        return self._values[which]


class PoolRefusedError(ConnectionError):
    """The server answers and does not let us in: trying again does not help."""


def is_transient(error: BaseException) -> bool:
    """Whether trying the same again may help."""
    if isinstance(error, OperationalError | ConnectionError | TimeoutError):
        return not isinstance(error, PoolRefusedError)
    if not isinstance(error, DatabaseError):
        return False
    return error.code in TRANSIENT_CODES or (error.code is None and bool(_PROXY_STATUS.search(str(error))))


class PoolClient:
    """One connection to one database of the pool, with the patience of its owner.

    On failure: a transient error is tried again with growing, jittered pauses for `patience` and then raised;
    any other is raised at once.
    """

    def __init__(
        self,
        client: Client,
        patience: timedelta = timedelta(seconds=60),
        on_retry: Callable[[], None] | None = None,
    ) -> None:
        self._client = client
        self._contexts: dict[str, Any] = {}
        self._retrying = _retrying(patience, on_retry)

    @classmethod
    def open(
        cls,
        dsn: Where,
        database: str = "",
        patience: timedelta = timedelta(seconds=60),
        on_retry: Callable[[], None] | None = None,
        answer_seconds: int = 300,
    ) -> PoolClient:
        """Connect; `database` comes before the one that the DSN names, and is made where there is none.

        A statement that has no answer after `answer_seconds` is an error. Raises `ConnectionError` where the
        server is away, `PoolRefusedError` where it refuses.
        """
        retrying = _retrying(patience, on_retry)
        try:
            client: Client = retrying(_connect, dsn, database, answer_seconds)
        except (ClickHouseError, OSError) as error:
            raise _unanswered(error, _place(dsn)) from error
        return cls(client, patience, on_retry)

    def insert(
        self,
        table: str,
        names: Sequence[str],
        columns: Sequence[Column],
        pause: Callable[[], None] | None = None,
    ) -> None:
        """Write rows, given column by column; all of them are there when this returns.

        With `pause` they are packed piece by piece, and it is called before each; they are one insert all the same.
        """
        self._retrying(self._insert, table, names, columns, pause)

    def _insert(
        self, table: str, names: Sequence[str], columns: Sequence[Column], pause: Callable[[], None] | None
    ) -> None:
        context = self._contexts.get(table)
        if context is None:
            context = self._client.create_insert_context(
                table,
                column_names=names,
                column_oriented=True,
                settings=_insert_settings(self._client),
            )
            self._contexts[table] = context
        context.req_block_size = PIECE_ROWS if pause else None
        context.data = [_Paused(columns[0], pause), *columns[1:]] if pause else columns
        self._client.insert(context=context)

    def save(self, query: str, to: BinaryIO, **parameters: Any) -> None:
        """Write what a query answers in ClickHouse's own format, types and all, piece by piece."""
        answer = cast(BinaryIO, self._client.raw_stream(query, parameters or None, fmt=OWN_FORMAT))
        with closing(answer):
            shutil.copyfileobj(answer, to)

    def load(self, table: str, saved: BinaryIO) -> None:
        """Put into a table what `save` wrote; columns that are newer have their defaults."""
        self._client.raw_insert(table, insert_block=saved, fmt=OWN_FORMAT, settings=_insert_settings(self._client))

    def execute(self, statement: str) -> None:
        """Run a statement that answers nothing."""
        self._retrying(self._client.command, statement)

    def insert_selected(self, statement: str) -> None:
        """Run an `INSERT … SELECT`; what it writes is there when this returns."""
        self._retrying(self._client.command, statement, settings=_insert_settings(self._client))

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """What a query answers, a dictionary for each row; `{name:Type}` in it are bound parameters."""
        answer = self._retrying(self._client.query, query, parameters or None)
        return list(answer.named_results())

    def columns(self, query: str, **parameters: Any) -> dict[str, Column]:
        """What a query answers, column by column; no column where there is no row. For many rows it is faster."""
        answer = self._retrying(self._client.query, query, parameters or None, column_oriented=True)
        return dict(zip(answer.column_names, answer.result_columns, strict=False))

    def value(self, query: str, **parameters: Any) -> Any:
        """The one value that a query answers."""
        return self._retrying(self._client.query, query, parameters or None).result_rows[0][0]

    def close(self) -> None:
        """Close the connection; the embedded engine's folder is free when its last client is closed."""
        self._client.close()


def _connect(dsn: Where, database: str, answer_seconds: int) -> Client:
    for talks_of_each_try in ("clickhouse_connect", "urllib3.connectionpool"):
        logging.getLogger(talks_of_each_try).setLevel(logging.ERROR)
    address = address_of(dsn)
    asked: dict[str, Any] = {"dsn": address.place, "tz_mode": "aware"}
    if not address.place.startswith("chdb:"):  # the engine in our own process knows no network
        asked |= {"connect_timeout": 5, "send_receive_timeout": answer_seconds}
        asked |= clickhouse_options(address.lock)
        if address.place.startswith("https:"):  # the library goes by the port alone
            asked["secure"] = True
    client = clickhouse_connect.get_client(**asked)
    if not database:
        return client
    client.command(f"CREATE DATABASE IF NOT EXISTS `{database}`")
    client.close()
    return clickhouse_connect.get_client(database=database, **asked)


def _unanswered(error: Exception, place: str) -> ConnectionError:
    """Why there is no connection, and what to do."""
    got = f"got `{_short(error)}` ({place})"
    code = getattr(error, "code", None)
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return UnsafeError(f"clickhouse must show a certificate that we trust; {got}; {SEE_CERTIFICATE}")
    if code in LOGIN_CODES:
        remedy = "see `clickhouse_user` and `clickhouse_password_file`"
        return PoolRefusedError(f"clickhouse must let us in; {got}; {remedy}")
    if code == NO_RIGHT_CODE:
        remedy = "give our user its rights: `anlan access process` prints them"
        return PoolRefusedError(f"clickhouse must let us do our work; {got}; {remedy}")
    kind = ConnectionError if is_transient(error) or isinstance(error, OSError) else PoolRefusedError
    return kind(f"clickhouse must answer; {got}; start it, or set its address")


def _insert_settings(client: Client) -> dict[str, Any]:
    """Those that this server knows and lets its users set."""
    known = client.server_settings
    return {name: value for name, value in INSERT_SETTINGS.items() if name in known and not known[name].readonly}


def _retrying(patience: timedelta, on_retry: Callable[[], None] | None) -> Retrying:
    def count(_: RetryCallState) -> None:
        if on_retry:
            on_retry()

    return Retrying(
        retry=retry_if_exception(is_transient),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(patience),
        before_sleep=count,
        reraise=True,
    )


def _place(dsn: Where) -> str:
    """The address without user and password."""
    parts = urlsplit(str(dsn))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _short(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]
