"""How everything in the live feed is called, and what one county's user of Redis may touch of it."""

from __future__ import annotations

from msgspec import Struct

from connectors.address import Where, address_of

UNKNOWN = "unknown"  # the county of an alert that has none: `alerts:unknown`


class Names(Struct, frozen=True):
    """The names of the feeds; where a county is asked for, a name that only its own user needs."""

    feed: str
    open: str
    alert: str
    hint: str
    epoch: str
    place: str
    lost: str

    def stream(self, county: str = "") -> str:
        """The stream of a county, or of all."""
        return f"{self.feed}{county or 'all'}"

    def open_set(self, county: str = "") -> str:
        """The sorted set of what is open in a county, or anywhere."""
        return f"{self.open}:{county}" if county else self.open

    def record(self, alert_id: str, county: str = "") -> str:
        """The hash of an alert's last revision, as its county reads it, or whoever may read all."""
        return f"{self.alert}{county}:{alert_id}" if county else f"{self.alert}{alert_id}"

    def hints(self, county: str = "") -> str:
        """The channel of hints of a county, or of all."""
        return f"{self.hint}:{county}" if county else self.hint


def names(prefix: str = "") -> Names:
    """The names of an installation; all of them begin with its prefix."""
    return Names(
        feed=f"{prefix}alerts:",
        open=f"{prefix}alerts:open",
        alert=f"{prefix}alert:",
        hint=f"{prefix}alerts.hint",
        epoch=f"{prefix}alerts:epoch",
        place=f"{prefix}alerts:feed_seq",
        lost=f"{prefix}alerts:lost",
    )


def names_of(url: Where) -> Names:
    """The names at this address."""
    return names(address_of(url).prefix)


def feed_county(feed: str) -> str:
    """The county of a feed's name (`alerts:620102`), `unknown` where it names none."""
    county = feed.removeprefix("alerts:")
    return county if county.isdigit() else UNKNOWN


_CONNECT = ("-@all", "+ping", "+hello", "+auth", "+select", "+client|setinfo", "+client|setname")
# read a stream alone or in a consumer group, look up alerts and what is open, listen to hints; nothing else
_COMMANDS = (
    *_CONNECT,
    "+xread", "+xrange", "+xrevrange", "+xlen", "+xinfo|stream", "+xinfo|groups", "+xinfo|consumers",
    "+xreadgroup", "+xack", "+xpending", "+xclaim", "+xautoclaim", "+xgroup|create", "+xgroup|setid",
    "+hget", "+hmget", "+hgetall", "+zrange", "+zrevrange", "+zscore", "+zcard", "+subscribe", "+unsubscribe",
)  # fmt: skip


def county_access(county: str, prefix: str = "") -> list[str]:
    """What `ACL SETUSER <name> on ><password>` is told behind that: one county's feeds and nothing else.

    A consumer group is kept in the stream, so that alone may be written to, and only by reading in a group.
    """
    ours = names(prefix)
    readable = (ours.open_set(county), ours.record("*", county), f"{prefix}people:{county}:*")
    streams = (ours.stream(county), f"{prefix}actions:{county}")
    return [
        *("resetkeys", "resetchannels", *_COMMANDS),
        *(f"~{name}" for name in streams),
        *(f"%R~{name}" for name in readable),
        f"&{ours.hints(county)}",
    ]


# the flow writes by its two scripts, and `anlan serve` reads what they wrote
_WRITES = (
    "+script|load", "+evalsha", "+time", "+get", "+set", "+hget", "+hmget", "+hset", "+hdel", "+expire", "+pexpire",
    "+persist", "+unlink", "+publish", "+xadd", "+zadd", "+zrem",
)  # fmt: skip
_PROCESSES = {
    "run": ("", *_WRITES),
    "upkeep": ("", *_WRITES, "+info", "+scan"),  # `anlan doctor`, `restore`
    "serve": ("%R", "+get", "+hget", "+hgetall", "+hvals", "+xread", "+xrange", "+xrevrange", "+zrange"),
}
OURS = ("alerts:*", "alert:*", "actions:*", "acted:*", "people:*", "silences")  # every key that the scripts write
STORES = tuple(_PROCESSES)  # the processes that use Redis and ClickHouse, too


def process_access(process: str, prefix: str = "") -> list[str]:
    """What `ACL SETUSER <name> on ><password>` is told behind that for one of our own processes: all feeds."""
    how, *commands = _PROCESSES[process]
    channels = () if how else (names(prefix).hints(), names(prefix).hints("*"))
    return [
        *("resetkeys", "resetchannels", *_CONNECT, *commands),
        *(f"{how}~{prefix}{name}" for name in OURS),
        *(f"&{name}" for name in channels),
    ]
