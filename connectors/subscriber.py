"""Follow a feed of alerts and know that nothing was missed. One file to copy: it needs `redis` and nothing of ours.

The rule: of each alert the greatest `(revision, engine_epoch)` counts; what comes again, or behind it, says nothing.
The proof: a feed numbers its revisions without a hole. Where numbers are missing, because the stream was trimmed or
this reader was away for too long, `fill` is asked for them. Place and alerts stand in one SQLite file and change in
one transaction, so this process may end at any moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import redis

Record = dict[str, Any]
Fill = Callable[[int, int], Iterable[Record]]  # what a feed has behind one number and before another, in order
Handle = Callable[[Record], object]

END = 2**63 - 1  # before this are all numbers
TABLES = """
CREATE TABLE IF NOT EXISTS place (feed PRIMARY KEY, stream_id, number);
CREATE TABLE IF NOT EXISTS alerts (feed, alert_id, revision, engine_epoch, json, PRIMARY KEY (feed, alert_id));
"""


class Subscriber:
    """Reads `alerts:all`, or the feed of one `county`, and keeps the last revision of each alert in `file`."""

    def __init__(self, url: str, fill: Fill, county: str = "", file: str = ":memory:", prefix: str = "") -> None:
        """`fill` may give less than is asked for. Several readers may share a file, each of a feed of its own."""
        self.feed, self.prefix, self._fill = f"alerts:{county or 'all'}", prefix, fill
        self.redis: Any = redis.Redis.from_url(url, protocol=2, socket_timeout=10, decode_responses=True)
        self.file = sqlite3.connect(file, check_same_thread=False)
        self.file.executescript(TABLES)
        self.is_whole = False  # whether the last look left no hole: what it has is the feed as of its place

    def close(self) -> None:
        """Close the connection and the file."""
        self.redis.close()
        self.file.close()

    @property
    def place(self) -> tuple[str, int]:
        """How far the feed is read: the id of an entry in the stream, and a number of the feed."""
        return next(self.file.execute("SELECT stream_id, number FROM place WHERE feed = ?", (self.feed,)), ("0-0", 0))

    def alerts(self, only_open: bool = False) -> dict[str, Record]:
        """The last revision of each alert of this feed by its id; without those that another county has now."""
        rows = self.file.execute("SELECT json FROM alerts WHERE feed = ?", (self.feed,))
        here = [each for (text,) in rows if self.feed in ("alerts:all", (each := json.loads(text))["route"]["feed"])]
        return {each["alert_id"]: each for each in here if not only_open or each["state"] in ("open", "acked")}

    def read(self, count: int = 1000, wait_seconds: float = 0, handle: Handle = lambda record: None) -> list[Record]:
        """What the next `count` entries say that is not known yet; waits for the first of them, at most 5 s.

        `handle` is given each before the place moves on: after a crash the same one again, so let it write into
        `file`, whose transaction this is, or to where `(alert_id, revision)` is the key.
        """
        stream, (stream_id, last) = self.prefix + self.feed, self.place
        answer = self.redis.xread({stream: stream_id}, count, int(min(wait_seconds, 5) * 1000) or None)
        found = [(entry_id, json.loads(fields["json"])) for _, entries in answer for entry_id, fields in entries]
        first = self._number(found[0][1]) if found else END
        if first > last + 1 and (found or not self.redis.xlen(stream)):  # an empty stream may have been trimmed
            found = [(stream_id, record) for record in self._fill(last, first)] + found
        with self.file:
            said = list(self._follow(found))
            for record in said:
                handle(record)
        self.is_whole = all(self._number(record) <= self.place[1] for _, record in found)
        return said

    def _follow(self, records: list[tuple[str, Record]]) -> Iterator[Record]:
        """Take records in their order, up to a hole, and give those that say something."""
        for stream_id, record in records:
            number, last = self._number(record), self.place[1]
            if number > last + 1:
                return  # the place stays before the hole, so the next look asks again
            self.file.execute("REPLACE INTO place VALUES (?, ?, ?)", (self.feed, stream_id, max(number, last)))
            key, rank = (self.feed, record["alert_id"]), (record["revision"], record["engine_epoch"])
            known = self.file.execute("SELECT revision, engine_epoch FROM alerts WHERE (feed, alert_id) = (?, ?)", key)
            if rank > next(known, (0, 0)):
                self.file.execute("REPLACE INTO alerts VALUES (?, ?, ?, ?, ?)", (*key, *rank, json.dumps(record)))
                yield record

    def _number(self, record: Record) -> int:
        return int({"alerts:all": record["feed_seq"], **record["feed_seqs"]}.get(self.feed, 0))
