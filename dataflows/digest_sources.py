"""What was said in some days, from each place that can tell: the data pool, the intake log, files of events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from alerts.channel import Channel
from alerts.digest import Said, said
from alerts.model import Arrival, from_us
from alerts.pipeline import Pipeline, in_slices
from alerts.rule import Rule
from connectors.address import Where
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool
from dataflows.history_origin import arrivals_of_files
from dataflows.log_replay import replay_log
from dataflows.replay_source import Refusals

Span = tuple[int, int]  # from and until, in microseconds
Seen = Callable[[datetime, int], None]  # (time in the history, records since the last call)

_SAID = """
SELECT alert_id, revision, content_hash, toUnixTimestamp64Micro(detected_at) AS detected_us,
    if(origin = 'shadow', 'shadow', 'told') AS audience, rule, kind, key, episode, state, level_max, evidence_digest
FROM alert_revisions FINAL
WHERE detected_at >= fromUnixTimestamp64Micro({since:Int64}) AND detected_at < fromUnixTimestamp64Micro({until:Int64})
ORDER BY detected_at, alert_id, revision"""


def of_pool(dsn: Where, span: Span) -> list[Said]:
    """What the pool holds."""
    with Pool(dsn) as pool:
        if not pool.rows("EXISTS TABLE alert_revisions")[0]["result"]:
            raise ValueError("pool must have its tables before it is read; got none; `anlan run` makes them")
        rows = pool.rows(_SAID, since=span[0], until=span[1])
    return [msgspec.convert(row, Said) for row in rows]


def of_log(
    bootstrap: Where, rules: Sequence[Rule], channels: dict[str, Channel], span: Span, seen: Seen
) -> tuple[list[Said], int]:
    """What a replay of the intake log says, and the clock to which it was read."""
    reached = 0

    def passed(at_us: int, count: int) -> None:
        nonlocal reached
        reached = at_us
        seen(from_us(at_us), count)

    found = replay_log(bootstrap, rules, channels, load_calendars(), span[1], passed)
    inside = list(_inside(map(said, found), span))
    return inside, reached


def of_files(
    files: Sequence[Path], rules: Sequence[Rule], channels: dict[str, Channel], span: Span, seen: Seen
) -> tuple[list[Said], Refusals]:
    """What a replay of files of events says, and what in them was no event; the files are a log that ends."""
    refusals = Refusals([], {})
    found = arrivals_of_files(files, None, None, channels, refusals, lambda count: None)
    return list(_inside(_replayed(Pipeline(rules, channels), found, seen), span)), refusals


def _replayed(pipeline: Pipeline, found: Iterator[Arrival], seen: Seen) -> Iterator[Said]:
    for cut in in_slices(found):
        yield from (said(draft.revision) for draft in pipeline.take(cut)[1])
        seen(from_us(cut.clock_us), len(cut.arrivals))
    yield from (said(draft.revision) for draft in pipeline.finish()[1] if not draft.standing)


def _inside(found: Iterable[Said], span: Span) -> Iterator[Said]:
    return (each for each in found if span[0] <= each.detected_us < span[1])
