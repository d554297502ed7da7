"""A look at Redis, or Valkey: what it is, and whether it keeps what it is given. Nothing is changed by it."""

from __future__ import annotations

from contextlib import closing
from typing import Any, NamedTuple

from connectors.address import Where
from connectors.redis_client import answered, connect
from connectors.redis_held import Held
from connectors.redis_keys import names_of


class RedisLook(NamedTuple):
    """What a server says about itself."""

    name: str  # and version: `valkey 9.1.2`
    clock_us: int
    appends: bool  # whether writes are put on the disk as they come
    saves_well: bool  # whether what it puts on the disk arrives there
    evicts: str  # what it throws away when its memory is full: `noeviction` is nothing
    used_bytes: int
    max_bytes: int  # 0 is no limit
    is_writable: bool
    held: Held  # of the feed


def look_at_redis(url: Where) -> RedisLook:
    """What it says. Raises `ConnectionError` where it does not answer, `RedisRefusedError` where it refuses us."""
    with closing(connect(url)) as client, answered(client):
        said: dict[str, Any] = client.info()
        seconds, rest = client.time()
        names = names_of(url)
        place, lost = (int(client.get(name) or 0) for name in (names.place, names.lost))
    return RedisLook(
        f"valkey {said['valkey_version']}" if "valkey_version" in said else f"redis {said.get('redis_version', '?')}",
        seconds * 1_000_000 + rest,
        bool(said.get("aof_enabled")),
        "err" not in (said.get("aof_last_write_status"), said.get("rdb_last_bgsave_status")),
        str(said.get("maxmemory_policy", "noeviction")),
        int(said.get("used_memory", 0)),
        int(said.get("maxmemory", 0)),
        said.get("role") == "master",
        Held(place, lost),
    )
