"""What a rule keeps of the events of a day, in the product's form and in the forms people write first."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as windowing
import orjson
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.run import cli_main
from msgspec.json import Decoder

from alerts.clock import Watermarks
from alerts.detection import Shard
from alerts.groups import groups_of
from alerts.keeping import kept_entry
from alerts.model import Arrival, Event, to_us
from alerts.pipeline import SLICE, Pipeline, in_slices
from alerts.rule import Rule
from alerts.work import Item, Work
from benchmarks.nowhere import Nowhere
from connectors.registry import load_channels
from connectors.rulebook import load_rules

RULES = Path(__file__).parent / "rules" / "repeat.yaml"  # every contact of a person for a day
DAY, HOUR, LATENESS = timedelta(days=1), timedelta(hours=1), timedelta(minutes=30)
RESTS = 3

Full = Callable[[], None]  # is called when everything is kept that will be
Keep = Callable[[Iterator[bytes], Full], None]


def by_rule(lines: Iterator[bytes], full: Full) -> None:
    """One rule of the product: its keys, their events, their timers."""
    channels = load_channels()
    rules = load_rules([RULES], channels)
    shard, marks = Shard(rules), Watermarks(channels, groups_of(rules).clocks)
    arrivals = _arrivals(lines)
    while part := list(islice(arrivals, SLICE)):
        marks.begin()
        items = [_item(rules[0], arrival, marks, channels[arrival.event.channel].rank) for arrival in part]
        shard.take(Work(0, marks.now, marks.timelines(marks.now), items))
    full()


def _item(rule: Rule, arrival: Arrival, marks: Watermarks, rank: int) -> Item:
    """One event on its way to its key, as the router sends it."""
    event = arrival.event
    marks.advance(arrival.arrived_us)
    found = kept_entry(rule, (to_us(event.occurred_at), rank, event.id), event, event.id)
    assert found is not None
    key, entry = found
    item = Item(arrival.arrived_us, 1, 0, key, marks.clock_watermark(0), entry)
    marks.heard(event.channel, entry[0])
    return item


def by_flow(lines: Iterator[bytes], full: Full) -> None:
    """The same rule, with what joins events into matters and finds repeated ones before it."""
    channels = load_channels()
    pipeline = Pipeline(load_rules([RULES], channels), channels)
    for cut in in_slices(_arrivals(lines)):
        pipeline.take(cut)
    full()


def by_plain_loop(lines: Iterator[bytes], full: Full, loads: Callable[[bytes], Any] = json.loads) -> None:
    """A dictionary of deques of what the JSON says; what is a day old goes when its key is heard again."""
    kept: dict[str, deque[dict[str, Any]]] = {}
    for line in lines:
        event = loads(line)
        event["occurred_at"] = datetime.fromisoformat(event["occurred_at"])
        own = kept.setdefault(event["reporter"], deque())
        own.append(event)
        while own[0]["occurred_at"] <= event["occurred_at"] - DAY:
            own.popleft()
    full()


def by_stock_windows(lines: Iterator[bytes], full: Full) -> None:
    """The engine's own sliding windows, a day long and one an hour, with what the JSON says as their items."""
    flow = Dataflow("stock")
    events = op.map("decode", op.input("lines", flow, Lines(lines, full)), json.loads)
    keyed = op.key_on("by-person", events, lambda event: str(event["reporter"]))
    clock: windowing.EventClock[Any] = windowing.EventClock(
        ts_getter=lambda event: datetime.fromisoformat(event["occurred_at"]),
        wait_for_system_duration=LATENESS,
        to_system_utc=lambda _: None,  # the default wakes without end
    )
    sliding = windowing.SlidingWindower(length=DAY, offset=HOUR, align_to=datetime(2026, 1, 1, tzinfo=UTC))
    windows = windowing.collect_window("day", keyed, clock, sliding)
    op.output("nowhere", windows.down, Nowhere())
    cli_main(flow, epoch_interval=timedelta(days=1))


class Lines(DynamicSource[bytes]):
    """Lines in lots; when they are used up the flow still keeps what it keeps."""

    def __init__(self, lines: Iterator[bytes], full: Full) -> None:
        self._lines = lines
        self._full = full

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Lots:
        return _Lots(self._lines, self._full)


class _Lots(StatelessSourcePartition[bytes]):
    def __init__(self, lines: Iterator[bytes], full: Full) -> None:
        self._lines = lines
        self._full = full
        self._rests = 0  # lots without a line since the last one, so that what it brought has been worked off

    def next_batch(self) -> list[bytes]:
        found = list(islice(self._lines, SLICE))
        self._rests += not found
        if self._rests == RESTS:
            self._full()
            raise StopIteration
        return found


def _arrivals(lines: Iterator[bytes]) -> Iterator[Arrival]:
    decode = Decoder(Event).decode
    for line in lines:
        event = decode(line)
        assert event.arrived_at is not None
        yield Arrival(event, to_us(event.arrived_at))


FORMS: dict[str, Keep] = {
    "rule": by_rule,
    "flow": by_flow,
    "plain": by_plain_loop,
    "plain orjson": partial(by_plain_loop, loads=orjson.loads),  # which makes the names of members only once
    "stock": by_stock_windows,
}
