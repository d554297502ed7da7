"""Follow a feed of alerts and know that nothing was missed. One file to copy: it needs `redis` and nothing of ours.

The rule: of each alert the greatest `(revision, engine_epoch)` counts; what comes again, or behind it, says nothing.
The proof: `feed_seq` numbers the revisions of a feed without a hole. Where one is missing, because the stream was
trimmed or this reader was away for too long, `fill` is asked for what lies between; without it, what is open is read
anew. Place and alerts stand in one SQLite file and change in one transaction, so this process may end at any moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import redis

Fill = Callable[[int, int | None], Iterable[bytes | str]]  # the records behind a place and before another one
Handle = Callable[[Any], None]
OPEN_STATES = ("open", "acked")

_TABLES = """
CREATE TABLE IF NOT EXISTS alerts
    (alert_id TEXT PRIMARY KEY, revision INTEGER, engine_epoch INTEGER, feed TEXT, is_open INTEGER, json TEXT);
CREATE TABLE IF NOT EXISTS place
    (feed TEXT PRIMARY KEY, stream_id TEXT, feed_seq INTEGER, whole_from INTEGER, is_whole INTEGER);
"""
_TAKE = """
INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (alert_id) DO UPDATE
SET revision = excluded.revision, engine_epoch = excluded.engine_epoch, feed = excluded.feed,
    is_open = excluded.is_open, json = excluded.json
WHERE (excluded.revision, excluded.engine_epoch) > (revision, engine_epoch)
"""


class Place(NamedTuple):
    """How far a feed is read; from behind `whole_from` on every revision was seen."""

    stream_id: str = "0-0"
    feed_seq: int = 0
    whole_from: int = 0
    is_whole: bool = True


class Subscriber:
    """Reads `alerts:all`, or the feed of one `county`, and keeps the last revision of each alert in `file`."""

    def __init__(
        self,
        url: str,
        county: str = "",
        *,
        file: str = ":memory:",
        prefix: str = "",
        fill: Fill | None = None,
        decode: Callable[[str], Any] = json.loads,
    ) -> None:
        """What `decode` makes of a record is what everybody here is given. Raises where `file` is another feed's."""
        self._redis: Any = redis.Redis.from_url(url, protocol=2, socket_timeout=10, decode_responses=True)
        self._feed = f"alerts:{county or 'all'}"
        self._stream = prefix + self._feed
        self._open = f"{prefix}alerts:open" + (f":{county}" if county else "")
        self._hash = f"{prefix}alert:" + (f"{county}:" if county else "")
        self._fill = fill
        self._decode = decode
        self.duplicates = 0
        self.file = sqlite3.connect(file, check_same_thread=False)
        self.file.executescript(_TABLES)
        with self.file:
            self._belongs_to_this_feed(file)

    def read(self, count: int = 1000, wait_seconds: float = 0, handle: Handle | None = None) -> list[Any]:
        """What the feed says that is not known yet, of its next `count` entries; waits for the first, at most 5 s.

        `handle` is given each before the place moves on: after a crash the same one again, so let it write into
        `file`, whose transaction this is, or to where `(alert_id, revision)` is the key.
        """
        entries = self._entries(count, min(wait_seconds, 5))
        with self.file:
            said = [self._decode(text) for text in self._follow(entries)]
            for record in said:
                if handle:
                    handle(record)
        return said

    def is_whole(self) -> bool:
        """Whether what it has is the feed exactly as of `place.feed_seq`: nothing is missing, nothing from later."""
        return self.place.is_whole and self.place.feed_seq >= self.place.whole_from

    @property
    def place(self) -> Place:
        """How far the feed is read."""
        row = self.file.execute("SELECT stream_id, feed_seq, whole_from, is_whole FROM place").fetchone()
        return Place(*row)

    def alerts(self, only_open: bool = False) -> dict[str, Any]:
        """The last revision of each alert of this feed by its id; without those that another county has now."""
        rows = self.file.execute(
            "SELECT alert_id, json FROM alerts WHERE (? OR feed = ?) AND is_open >= ?",
            (self._feed == "alerts:all", self._feed, only_open),
        )
        return {alert_id: self._decode(text) for alert_id, text in rows}

    def close(self) -> None:
        """Close the connection and the file."""
        self._redis.close()
        self.file.close()

    def _belongs_to_this_feed(self, file: str) -> None:
        self.file.execute("INSERT OR IGNORE INTO place VALUES (?, '0-0', 0, 0, 1)", (self._stream,))
        others = self.file.execute("SELECT feed FROM place WHERE feed != ?", (self._stream,)).fetchall()
        if others:
            raise ValueError(
                f"a file must belong to one feed; got that of `{others[0][0]}` ({file}); name another file"
            )

    def _entries(self, count: int, wait_seconds: float = 0) -> list[Any]:
        block = int(wait_seconds * 1000) or None
        answer = self._redis.xread({self._stream: self.place.stream_id}, count=count, block=block)
        return answer[0][1] if answer else []

    def _follow(self, entries: list[Any]) -> list[str]:
        """Take entries in order, mending each hole before what stands behind it; the records that say something."""
        if not entries:
            return self._look_behind()
        said: list[str] = []
        for stream_id, entry in entries:
            place, seq = self.place, int(entry.get("feed_seq", 0))
            if seq > place.feed_seq + 1:
                said += self._mend(seq)
                if self.place.feed_seq < seq - 1:
                    break  # the place stays before the hole, and the next look asks again
            elif 0 < seq <= place.feed_seq and self._is_new(entry):
                said += self._begin_again(seq)  # the numbers of the feed began again
            said += self._take(entry["json"])
            self._move(stream_id=stream_id, feed_seq=max(seq, self.place.feed_seq), is_whole=True)
        return said

    def _look_behind(self) -> list[str]:
        """Nothing came: that may be because what came was trimmed already, or the stream is another one."""
        try:
            last_id = self._redis.xinfo_stream(self._stream)["last-generated-id"]
        except redis.exceptions.ResponseError:  # no such stream
            last_id = "0-0"
        here = self.place.stream_id
        if last_id == here or self._entries(1):
            return []
        if _order(last_id) < _order(here):
            self._move(stream_id="0-0", is_whole=False)
            return []
        said = self._mend(None)
        if self._fill is None:
            self._move(stream_id=last_id)
        return said  # how much was trimmed nobody tells, so `fill` is asked again until something comes

    def _mend(self, before: int | None) -> list[str]:
        """Fetch what is missing up to a place in the feed, or read anew what is open where nobody can give it."""
        if self._fill is None:
            return self._begin_again(before)
        said: list[str] = []
        for text in self._fill(self.place.feed_seq, before):
            text = text if isinstance(text, str) else text.decode()
            seq = self._seq_of(text)
            if seq > self.place.feed_seq + 1 or (before and seq >= before):
                break
            said += self._take(text)
            self._move(feed_seq=max(seq, self.place.feed_seq))
        self._move(is_whole=before is None or self.place.feed_seq == before - 1)
        return said

    def _begin_again(self, before: int | None) -> list[str]:
        """Read what is open now, and how that ended which was open here; then go on at a place in the feed.

        What this finds may be newer than that place, so it is whole again from where the feed ends now.
        """
        last = self._redis.xrevrange(self._stream, count=1)
        known = [alert_id for (alert_id,) in self.file.execute("SELECT alert_id FROM alerts WHERE is_open")]
        ids = list({*known, *self._redis.zrange(self._open, 0, -1)})
        pipeline = self._redis.pipeline(transaction=False)
        for alert_id in ids:
            pipeline.hget(self._hash + alert_id, "json")
        said: list[str] = []
        for alert_id, text in zip(ids, pipeline.execute(), strict=True):
            if text:
                said += self._take(text)
            else:  # another county has it now, or it ended long ago
                self.file.execute("DELETE FROM alerts WHERE alert_id = ?", (alert_id,))
        if before:
            self._move(feed_seq=before - 1, whole_from=int(last[0][1].get("feed_seq", 0)) if last else before)
        else:
            self._move(is_whole=False)
        return said

    def _take(self, text: str) -> list[str]:
        """The rule: the record where it says something, nothing where it comes again or behind what is known."""
        record = json.loads(text)
        name, feed, is_open = record["alert_id"], record["route"].get("feed", ""), record["state"] in OPEN_STATES
        row = (name, record["revision"], record["engine_epoch"], feed, is_open, text)
        if self.file.execute(_TAKE, row).rowcount:
            return [text]
        self.duplicates += 1
        return []

    def _is_new(self, entry: dict[str, str]) -> bool:
        known = self.file.execute("SELECT revision FROM alerts WHERE alert_id = ?", (entry["alert_id"],)).fetchone()
        return known is None or known[0] < int(entry["revision"])

    def _seq_of(self, text: str) -> int:
        record = json.loads(text)
        return int(record["feed_seq"] if self._feed == "alerts:all" else record["feed_seqs"][self._feed])

    def _move(self, **changes: Any) -> None:
        place = self.place._replace(**changes)
        self.file.execute("UPDATE place SET stream_id = ?, feed_seq = ?, whole_from = ?, is_whole = ?", place)


def _order(stream_id: str) -> tuple[int, ...]:
    return tuple(map(int, stream_id.split("-")))
