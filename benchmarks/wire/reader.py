"""Follows a stream of Redis and notes when each marked event was seen there: `python -m benchmarks.wire.reader ...`.

Started with `REDIS STREAM`, it says `ready`, and ends when its standard input is closed; then it writes, as JSON, for
each entry when its event was sent and when it was seen, in nanoseconds since 1970. Looking into the entries is left
until then, so that reading costs the run as little as may be.
"""

from __future__ import annotations

import re
import select
import sys
import time
from typing import Any, cast

import msgspec
import redis

from benchmarks.wire.feeder import SENT_AT, sent_ns

WAIT_MS = 200
_SENT = re.compile(rf'"{SENT_AT}([a-j]+)-\d+"'.encode())
_FURTHER = re.compile(rb'"revision":(?!1\b)')  # said later of the same event, as when the working day begins

Seen = list[tuple[int, int]]


def follow(address: str, stream: str) -> Seen:
    """Everything that comes until the standard input ends."""
    client = redis.Redis.from_url(address, protocol=2)
    newest = cast(Any, client.xinfo_stream(stream)["last-generated-id"]) if client.exists(stream) else b"0-0"
    batches: list[tuple[int, Any]] = []
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        if came := cast(Any, client.xread({stream: newest}, count=10_000, block=WAIT_MS)):
            batches.append((time.time_ns(), came[0][1]))
            newest = came[0][1][-1][0]
    return [
        (sent_ns(found[1].decode()), seen) for seen, came in batches for _, fields in came if (found := _sent(fields))
    ]


def _sent(fields: dict[bytes, bytes]) -> re.Match[bytes] | None:
    if _FURTHER.search(fields[b"json"]):
        return None
    return _SENT.search(fields[b"json"])


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(follow(*sys.argv[1:])).decode())
