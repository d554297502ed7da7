"""Begin a feed with what is open now instead of with all that it ever said. To copy beside `subscriber.py`."""

from __future__ import annotations

import json

from connectors.subscriber import Record, Subscriber


def begin_with_what_is_open(reader: Subscriber) -> dict[str, Record]:
    """Forget what a reader has, give it what is open, and let it go on behind the last entry of its stream.

    Nothing is missed after that. What came while this looked may be in what is open already; when it comes again it
    says nothing, by the rule. Where the stream has no entry there is no end to begin at: it begins with the first.
    """
    end = reader.redis.xrevrange(reader.prefix + reader.feed, count=1)  # before what is open, lest something is missed
    found = _what_is_open(reader)
    with reader.file:
        for table in ("place", "alerts"):
            reader.file.execute(f"DELETE FROM {table} WHERE feed = ?", (reader.feed,))
        for stream_id, fields in end:
            reader.file.execute("INSERT INTO place VALUES (?, ?, ?)", (reader.feed, stream_id, int(fields["feed_seq"])))
        rows = [(reader.feed, r["alert_id"], r["revision"], r["engine_epoch"], json.dumps(r)) for r in found]
        reader.file.executemany("INSERT INTO alerts VALUES (?, ?, ?, ?, ?)", rows)
    return reader.alerts()


def _what_is_open(reader: Subscriber) -> list[Record]:
    county = reader.feed.removeprefix("alerts:").removeprefix("all")
    part = f"{county}:" if county else ""
    ids = reader.redis.zrange(f"{reader.prefix}alerts:open" + f":{county}" * bool(county), 0, -1)
    texts = [reader.redis.hget(f"{reader.prefix}alert:{part}{alert_id}", "json") for alert_id in ids]
    return [json.loads(text) for text in texts if text]  # one that moved away meanwhile has none
