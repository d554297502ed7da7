"""Does memory stay flat? A flood of keys that come once, and one pair that builds over five months among them.

    python -m tests.soak [--keys 1000000] [--days 200] [--max-keys 200000] [--shards 8] [--seed 1]

Runs the plain stages without the engine. The flood lasts so many `--days`: from the beginning where it outlasts the
pair, otherwise from the day on which the pair has said half of what it has to say.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from alerts.channel import Channel
from alerts.model import Arrival, Event, Slice, Text, from_us
from alerts.pipeline import Pipeline
from alerts.rule import Rule, compile_rule

DAY = 86_400_000_000
START = 1_772_000_000_000_000
CHANNELS = {"hotline": Channel("hotline", Text("12345", "hotline"), 1, DAY // 4, 3 * DAY)}
SLOW = "slow-pair"
SLOW_CONTACTS = 6
SLOW_DAYS = 150
EVERY = 500  # events in a slice of the log
RULES = {"short": ("1d", "life-safety"), "month": ("30d", "service-quality"), "long": ("180d", "life-safety")}


class Weight(NamedTuple):
    """One row of the table."""

    day: int
    events: int
    resident_mb: float
    keys: dict[str, int]
    evicted: dict[str, int]
    ids: int
    matters: int
    seconds: float


class Soak(NamedTuple):
    """What a run has shown."""

    weights: list[Weight]
    slow_revisions: list[str]  # "open" and the like, of the long rule


def rules(max_keys: int) -> list[Rule]:
    """Rules of a short, a middle and a long window over the same pairs."""
    return [
        compile_rule(_spec(name, *RULES[name], max_keys), CHANNELS, number) for number, name in enumerate(sorted(RULES))
    ]


def _spec(name: str, size: str, purpose: str, max_keys: int) -> dict[str, Any]:
    return {
        "apiVersion": "rules/v1", "id": f"soak.{name}", "version": 1, "kind": "threshold",
        "title": {"zh": "测", "en": "soak"}, "owner": "tests", "purpose": purpose, "channels": ["hotline"],
        "select": {"contact": {"action": ["received"]}}, "key": ["pair"],
        "window": {"size": size, "lateness": "6h"}, "levels": [{"gte": SLOW_CONTACTS, "level": "red"}],
        "lifecycle": {"quiet_close": "60d"}, "state": {"max_keys": max_keys},
    }  # fmt: skip


def log(keys: int, days: int, seed: int) -> Iterator[Arrival]:
    """One-off keys spread over the days, and the slow pair's contacts spread over five months."""
    every = SLOW_DAYS * DAY // SLOW_CONTACTS
    slow = (_arrival(f"slow-{number}", SLOW, START + DAY + number * every, 0) for number in range(SLOW_CONTACTS))
    return merge(slow, _flood(keys, days, random.Random(seed)), key=lambda arrival: arrival.arrived_us)


def _flood(keys: int, days: int, rng: random.Random) -> Iterator[Arrival]:
    begins = START if days >= SLOW_DAYS else START + SLOW_DAYS // 2 * DAY
    for number in range(keys):
        at = begins + days * DAY * number // keys
        yield _arrival(f"once-{number}", f"{rng.getrandbits(64):016x}", at, rng.randrange(DAY // 8))


def _arrival(name: str, pair: str, at: int, delay: int) -> Arrival:
    event = Event(
        id=f"hotline:{name}", channel="hotline", action="received", occurred_at=from_us(at - delay), pair=pair,
        reporter=pair, category="dispute", subcategory="neighbours", region="620102001",
    )  # fmt: skip
    return Arrival(event, at, f"raw.hotline/0/{name}")


def soak(keys: int, days: int, max_keys: int, shards: int, seed: int, rows: int = 20) -> Iterator[Weight | str]:
    """Run the log: so many weights on the way, and the state of each revision of the slow pair."""
    pipeline = Pipeline(rules(max_keys), CHANNELS, shards)
    evicted = dict.fromkeys([f"soak.{name}" for name in RULES], 0)
    every = max(keys // rows, EVERY)
    events, next_row, began = 0, every, time.monotonic()
    arrivals = log(keys, days, seed)
    while part := list(islice(arrivals, EVERY)):
        yield from _take(pipeline, part, evicted)
        events += len(part)
        if events >= next_row or len(part) < EVERY:
            next_row += every
            day = (part[-1].arrived_us - START) // DAY
            yield _weigh(pipeline, day, events, evicted, time.monotonic() - began)


def _take(pipeline: Pipeline, part: list[Arrival], evicted: dict[str, int]) -> Iterator[str]:
    drafts = pipeline.take(Slice(part[-1].arrived_us, part))[1]
    for shard in pipeline.shards:
        for eviction in shard.evictions:
            evicted[eviction.rule] += eviction.keys
    for draft in drafts:
        if draft.revision.rule == "soak.long" and draft.revision.key["pair"] == SLOW:
            yield draft.revision.state


def _weigh(pipeline: Pipeline, day: int, events: int, evicted: dict[str, int], seconds: float) -> Weight:
    keys: dict[str, int] = {}
    for shard in pipeline.shards:
        for rule, count, *_ in shard.sizes():
            keys[rule] = keys.get(rule, 0) + count
    linking = pipeline.linking
    ids, matters = linking.ids_kept, linking.linker.matters_kept
    return Weight(day, events, resident_mb(), keys, dict(evicted), ids, matters, seconds)


def resident_mb() -> float:
    """Memory of this process that is in use now."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def collected(found: Iterator[Weight | str]) -> Soak:
    """All of a run."""
    weights, revisions = list[Weight](), list[str]()
    for each in found:
        if isinstance(each, str):
            revisions.append(each)
        else:
            weights.append(each)
    return Soak(weights, revisions)


def _shown(weight: Weight) -> str:
    columns = [f"{weight.keys[rule]:>8} {weight.evicted[rule]:>8}" for rule in sorted(weight.keys)]
    speed = weight.events / weight.seconds if weight.seconds else 0
    return (
        f"{weight.day:>4} {weight.events:>9} {weight.resident_mb:>8.0f} {'  '.join(columns)} "
        f"{weight.ids:>8} {weight.matters:>8} {speed:>7.0f}"
    )


def main() -> int:
    """Print the table; exit code 1 where the slow pair was pushed out."""
    options = argparse.ArgumentParser(prog="python -m tests.soak")
    for name, value in (("keys", 1_000_000), ("days", 200), ("max-keys", 200_000), ("shards", 8), ("seed", 1)):
        options.add_argument(f"--{name}", type=int, default=value)
    given = options.parse_args()
    heads = "  ".join(f"{name:>8} {'evicted':>8}" for name in sorted(f"soak.{name}"[5:] for name in RULES))
    sys.stdout.write(f" day    events   RSS MB {heads}      ids  matters  ev/s\n")
    revisions: list[str] = []
    for each in soak(given.keys, given.days, given.max_keys, given.shards, given.seed):
        if isinstance(each, str):
            revisions.append(each)
        else:
            sys.stdout.write(_shown(each) + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"revisions of the slow pair: {', '.join(revisions) or 'none: it was pushed out'}\n")
    return 0 if revisions[:1] == ["open"] else 1


if __name__ == "__main__":
    sys.exit(main())
