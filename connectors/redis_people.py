"""What people do with alerts, in Redis or Valkey: beside what the stream writes, and never overwritten by it.

| key | what it is |
|---|---|
| hash `people:<alert_id>`, `people:<county>:<alert_id>` | an ack and its end, who it is assigned to, notices, notes |
| string `acted:<action_id>` | what became of an action, for a week |
| stream `actions:all`, `actions:<county>` | every row of the audit, trimmed by age; the row is the field `json` |
| hash `silences` | the silences that are not over, by id |
| `actions:seq` | the last row that was written |

An ack counts while the alert's state is `acked`: its end and a level rise are told by revisions. `notices` are the
supervision notices that nobody has answered; they count while the alert is open.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import msgspec
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition

from alerts.model import Acted, AlertAction, to_us
from connectors.address import Where, address_of
from connectors.metrics import Metrics
from connectors.redis import FencedError
from connectors.redis_client import asking, connect, is_transient
from connectors.redis_keys import names_of
from connectors.spool import Bounds, Server, Spool
from connectors.spool_file import SpoolFile

SPOOL = "redis-people.journal"  # the file in the spool folder
CHUNK = 200  # rows in one call
STREAMS_KEPT = timedelta(days=30)
VERDICTS_KEPT = timedelta(days=7)
PEOPLE_KEPT = timedelta(days=180)  # after the last action
NOTES_KEPT = 50  # of one alert; all of them are in `alert_actions`


class RedisPeopleSink(FixedPartitionedSink[list[Acted], bytes | None]):
    """Write the rows of the audit to the hashes and streams that boards and the service read.

    Parallel by: nothing; the audit has one order.
    Delivery: at least once, and each row once: a row at or before the last one that was written is left out.
    On failure: rows wait in the `spool` folder and are tried again without end; nothing else waits for them.
    """

    def __init__(
        self,
        url: Where,
        metrics: Metrics,
        *,
        epoch: int = 0,
        spool: Path | None = None,
        spool_bytes: int = 1_000_000_000,
        stop: threading.Event | None = None,
    ) -> None:
        """`epoch` is the engine epoch of this life of the flow, and `stop` is set when the flow is asked to end.

        What an earlier life left in the spool is this one's to deliver; without an `epoch` a row counts as of the life
        that it names.
        """
        self._url = url
        self._epoch = epoch
        self._metrics = metrics
        self._spool = spool
        self._bounds = Bounds(CHUNK, disk_bytes=spool_bytes)
        self._stop = stop

    def list_parts(self) -> list[str]:
        """One partition: one order."""
        return ["people"]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> _Part:
        """Open the spool where the snapshot left it. Raises `JournalError`."""
        file = SpoolFile(self._spool / SPOOL, resume_state) if self._spool else None
        writer = PeopleWriter(self._url, self._metrics, self._epoch)
        server = Server("redis-people", writer.write, is_transient, _encode, _decode)
        return _Part(writer, Spool(server, self._bounds, self._metrics, file=file, stop=self._stop))


class _Part(StatefulSinkPartition[list[Acted], bytes | None]):
    def __init__(self, writer: PeopleWriter, spool: Spool[Acted]) -> None:
        self._writer = writer
        self.spool = spool

    def write_batch(self, values: list[list[Acted]]) -> None:
        for rows in values:
            self.spool.put(rows)

    def snapshot(self) -> bytes | None:
        return self.spool.snapshot()

    def close(self) -> None:
        if self.spool.close():
            self._writer.close()


class PeopleWriter:
    """One connection and the script."""

    def __init__(self, url: Where, metrics: Metrics, epoch: int = 0) -> None:
        self._client = connect(url)
        self._script = self._client.register_script(
            files("connectors").joinpath("redis_people.lua").read_text(encoding="utf-8")
        )
        self._metrics = metrics
        kept = [period // timedelta(milliseconds=1) for period in (STREAMS_KEPT, VERDICTS_KEPT, PEOPLE_KEPT)]
        self._head: list[Any] = [address_of(url).prefix, *kept, NOTES_KEPT, epoch]
        self._epoch = epoch
        self._fence = names_of(url).epoch

    def write(self, rows: list[Acted], is_restored: bool = False) -> None:
        """Write rows in order; what is restored is kept as if it had never been lost. Raises `FencedError`."""
        entries = [_entry(row, is_restored) for row in rows]
        with asking(self._client):
            said = cast(list[bytes], self._script(keys=[self._fence], args=[*self._head, *entries]))
        self._metrics.rows_written.labels("redis", "actions").inc(said.count(b"written"))
        if left_out := said.count(b"duplicate"):
            self._metrics.rows_skipped.labels("redis-people", "duplicate").inc(left_out)
        if b"fenced" in said:
            epoch = max(self._epoch, rows[said.index(b"fenced")].engine_epoch)
            raise FencedError(
                f"actions must come from the latest life of the flow; got engine epoch {epoch} where a later one has"
                " written; another flow has taken over: run one of them"
            )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _entry(row: Acted, is_restored: bool) -> bytes:
    """One row as the script takes it."""
    action = row.action
    done = row.verdict == "done"
    note = {"at": row.at, "actor": action.actor, "role": action.role, "action": action.action, "why": action.why}
    notice = {"id": action.action_id, "to": action.assigned_to, "due": action.until, "by": action.actor, "at": row.at}
    entry = {
        "seq": row.seq,
        "engine_epoch": row.engine_epoch,
        "action_id": action.action_id,
        "alert_id": action.alert_id if done else "",
        "county": row.county,
        "json": msgspec.json.encode(row).decode(),
        "people": [word for pair in _people(action).items() for word in pair] if done else [],
        "note": msgspec.json.encode(note).decode() if done and action.why and action.alert_id else "",
        "notice": msgspec.json.encode(notice).decode() if done and action.action == "supervise" else "",
        "answers": action.of if done and action.action == "answer" else "",
        "at": row.at.isoformat(),
        "at_ms": to_us(row.at) // 1000,
        "is_restored": is_restored,
        "begins": done and action.action == "silence",
        "ends": action.of if done and action.action == "unsilence" else "",
    }
    return msgspec.msgpack.encode(entry)


def _people(action: AlertAction) -> dict[str, str]:
    """The fields that an action sets; '' takes one away."""
    until = action.until.isoformat() if action.until else ""
    match action.action:
        case "ack":
            return {"ack_by": action.actor, "ack_role": action.role, "ack_until": until}
        case "unack":
            return {"ack_by": "", "ack_role": "", "ack_until": ""}
        case "assign":
            return {"assigned_to": action.assigned_to}
        case "close":
            return {"disposition": action.disposition or "", "closed_by": action.actor, "notices": ""}
        case "reopen":
            return {"disposition": "", "closed_by": ""}
        case _:
            return {}


def _encode(rows: list[Acted]) -> bytes:
    return msgspec.json.encode(rows)


def _decode(body: bytes) -> list[Acted]:
    return msgspec.json.decode(body, type=list[Acted])
