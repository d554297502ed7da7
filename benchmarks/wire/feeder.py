"""Sends reports at a steady rate over four topics: `python -m benchmarks.wire.feeder BOOTSTRAP PREFIX ...`.

The load is open: an event goes out when it is due, however far behind the other side is. An event's id says when it
was handed to the client library, so every other program knows how old it is.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from connectors.kafka import RawProducer

CHANNELS = ("police", "hotline", "petition", "grid")
MARK, PLAIN = "neighbour", "family"
REPORTERS = 100_000
PACE_SECONDS = 0.001  # events that are due within one are sent together
TEXT = "本人反映楼上住户深夜噪音扰民，多次沟通无果，希望有关部门尽快上门处理并予以答复，谢谢。"
SENT_AT = "ev-"  # an id is `ev-<nanoseconds since 1970>-<number>`, the first in letters: digits may be a phone's
_LETTERS, _DIGITS = str.maketrans("0123456789", "abcdefghij"), str.maketrans("abcdefghij", "0123456789")


class Feed(NamedTuple):
    """What to send, and where to."""

    bootstrap: str
    prefix: str  # of the topics, before the channel
    rate: float  # events a second over all topics
    seconds: float
    one_in: int  # so many events have one that is marked
    run: str  # a word that tells the events of this run from those of others


class Sent(NamedTuple):
    """What was sent."""

    events: int
    late_ms: float  # how far behind its pace the feeder was, at the worst
    ends_ns: int  # when the last event was handed over


def feed(told: Feed) -> Sent:
    """Send it; returns when the broker has everything."""
    events, late_ms = int(told.rate * told.seconds), 0.0
    with RawProducer(told.bootstrap) as producer:
        producer.check()
        began, number = time.monotonic(), 0
        while number < events:
            ahead = began + number / told.rate - time.monotonic()
            if ahead > 0:
                time.sleep(max(ahead, PACE_SECONDS))
            due = min(events, int((time.monotonic() - began) * told.rate) + 1)
            late_ms = max(late_ms, 1e3 * (due - number) / told.rate)
            for each in range(number, due):
                producer.send(told.prefix + CHANNELS[each % len(CHANNELS)], _report(told, each))
            number = due
            producer.check()
        ends_ns = time.time_ns()
    return Sent(events, late_ms, ends_ns)


def is_marked(number: int, one_in: int) -> bool:
    """Whether an event should make an alert."""
    return number % one_in == 0


def sent_ns(letters: str) -> int:
    """When an event was sent, of the letters in its id."""
    return int(letters.translate(_DIGITS))


def _report(told: Feed, number: int) -> bytes:
    now = time.time_ns()
    area = number * 7 % 120
    reporter = number * 2_654_435_761 % REPORTERS  # every one of them in turn, in an order that looks like none
    at = datetime.fromtimestamp(now // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _encode(
        {
            "id": f"{SENT_AT}{str(now).translate(_LETTERS)}-{number}",
            "channel": CHANNELS[number % len(CHANNELS)],
            "action": "received",
            "occurred_at": at,
            "case": f"{told.run}-{number}",
            "reporter": f"R{reporter:06}",
            "region": f"6201{area % 8:02}{area:03}001",
            "category": "dispute",
            "subcategory": MARK if is_marked(number, told.one_in) else PLAIN,
            "violence": 0,
            "text": TEXT,
        }
    )


_encode = msgspec.json.Encoder().encode

if __name__ == "__main__":
    given = msgspec.convert(sys.argv[1:], Feed, strict=False)
    sys.stdout.write(msgspec.json.encode(feed(given)).decode())
