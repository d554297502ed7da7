"""Redis, or Valkey: whether it answers, keeps what it is given, and has the feed."""

from __future__ import annotations

import time
from collections.abc import Iterator

from connectors.kafka import last_told
from connectors.redis_held import REMEDY, must_be_whole
from connectors.redis_look import RedisLook, look_at_redis
from dataflows.doctor.clocks import clock_line
from dataflows.doctor.line import Line, attention, broken, ok
from dataflows.servers import kafka_of, redis_of
from dataflows.settings import Settings

FULL = 0.85  # of its memory, as on-call has it
ON_ITS_WAY_SECONDS = 1.0  # what the topic has already may still be on its way to Redis


def look_at_feeds(settings: Settings) -> Iterator[Line]:
    """The server, its clock, and what it does with a full memory and a full disk."""
    look = look_at_redis(redis_of(settings))
    yield ok("redis", look.name)
    yield clock_line("redis", look.clock_us)
    yield from _memory(look)
    yield from _disk(look)
    if not look.is_writable:
        yield broken("redis", "must be one that can be written to; got a replica", "set `redis` to the primary")


def look_at_feed(settings: Settings) -> Iterator[Line]:
    """Whether Redis has what readers were told."""
    told, held = last_told(kafka_of(settings)), look_at_redis(redis_of(settings)).held
    if held.missing(told):
        time.sleep(ON_ITS_WAY_SECONDS)
        held = look_at_redis(redis_of(settings)).held
    if missing := held.missing(told):
        yield broken("feed", must_be_whole(missing), f"{REMEDY}; what waits in the spool comes by itself")
    else:
        yield ok("feed", f"reaches to place {held.place:,}")


def _memory(look: RedisLook) -> Iterator[Line]:
    if look.max_bytes and look.evicts != "noeviction":
        yield broken(
            "redis memory",
            f"a full memory must refuse, not forget; got `maxmemory-policy {look.evicts}`: alerts would go unsaid",
            "set `maxmemory-policy noeviction`",
        )
    elif look.max_bytes and look.used_bytes > FULL * look.max_bytes:
        share = round(100 * look.used_bytes / look.max_bytes)
        yield attention("redis memory", f"{share} % are used", "raise `maxmemory`")
    else:
        yield ok("redis memory", f"{look.used_bytes / 1e6:,.0f} MB are used; nothing is thrown away")


def _disk(look: RedisLook) -> Iterator[Line]:
    if not look.saves_well:
        yield broken("redis disk", "must take what is saved; got an error at the last time", "make room on its disk")
    elif not look.appends:
        yield attention(
            "redis disk",
            "a restart forgets what was not saved: the append-only file is off",
            "set `appendonly yes`; `anlan restore redis` brings back what was forgotten",
        )
    else:
        yield ok("redis disk", "keeps an append-only file")
