"""Job R in Quix Streams, from a topic whose key is the caller: state by key for O1 and O2, a tumbling window for O3.

O1 is a function with state of its own, which can stay quiet for a day; the windows cannot. Events are taken as
they come, so O1 and O2 are off where a caller's events overtake one another. A window is written when its partition's
time has passed it, so the last hours of O3 stay open.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from quixstreams import Application, State
from quixstreams.dataframe.windows.aggregations import Aggregator, Count, Max

from benchmarks.reference.answers import answers
from benchmarks.reference.definition import CHANNELS, DAY, GRID, HOTLINE, NEVER, PETITION, REPEATS, SEVERITIES, WEEK

CHANNEL_NUMBERS = {name: number for number, name in enumerate(CHANNELS)}
GRACE = timedelta(minutes=10)
IDLE_SECONDS = 10.0  # no event for so long is the end
NONE_YET = (NEVER,) * (SEVERITIES + 1)

Event = dict[str, Any]


class Callers(Aggregator):
    """How many callers: what is kept must be JSON, so a list."""

    def initialize(self) -> list[str]:
        return []

    def agg(self, old: list[str], new: Event, timestamp: int) -> list[str]:
        return old if new["caller"] in old else [*old, new["caller"]]

    def result(self, value: list[str]) -> int:
        return len(value)


def milliseconds(event: Event, headers: object, timestamp: int, kind: object) -> int:
    """When it happened."""
    return int(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1_000)


def repeat(event: Event, at: int, state: State) -> tuple[int, int] | None:
    """O1: how many events and which channels, when the event raises an alert."""
    alerted_at = state.get("alerted_at", NEVER)
    recent = [each for each in state.get("recent", []) if each[0] >= at - DAY]
    recent.append([at, CHANNEL_NUMBERS[event["channel"]]])
    state.set("recent", recent)
    if len(recent) < REPEATS or at - alerted_at < DAY:
        return None
    channels = sum({1 << channel for _, channel in recent})
    if not channels & (channels - 1):
        return None
    state.set("alerted_at", at)
    return len(recent), channels


def escalation(event: Event, at: int, state: State) -> int | None:
    """O2: the latest start, when the event raises an alert."""
    channel, severity = CHANNEL_NUMBERS[event["channel"]], event["severity"]
    if channel == GRID:
        return None
    if channel == HOTLINE:
        hotlines = list(state.get("hotlines", NONE_YET))
        hotlines[severity] = max(hotlines[severity], at)
        state.set("hotlines", hotlines)
        return None
    before = state.get("hotlines" if channel == PETITION else "starts", NONE_YET)
    start = max(before[1 : severity + 1])
    if start < at - WEEK:
        return None
    if channel == PETITION:
        starts = list(state.get("starts", NONE_YET))
        starts[severity] = max(starts[severity], start)
        state.set("starts", starts)
        return None
    state.delete("hotlines")
    state.delete("starts")
    return start


def main(broker: str, topic: str, events: str, out: str) -> None:
    """Read the topic and write the answers; how many `events` there are is not needed, it ends when none comes."""
    app = Application(
        broker_address=broker, consumer_group=topic, auto_offset_reset="earliest", state_dir=f"{out}/state",
        use_changelog_topics=False, loglevel="WARNING",
    )  # fmt: skip
    read = app.dataframe(
        app.topic(topic, value_deserializer="json", key_deserializer="str", timestamp_extractor=milliseconds)
    )
    with ExitStack() as opened:
        repeats, escalations, aggregates = opened.enter_context(answers(out))

        def judge(event: Event, key: str, timestamp: int, headers: object, state: State) -> None:
            at = timestamp // 1_000
            if (found := repeat(event, at, state)) is not None:
                repeats.write(f"{key},{event['event_id']},{at},{found[0]},{found[1]}\n")
            if (start := escalation(event, at, state)) is not None:
                escalations.write(f"{key},{event['event_id']},{at},{start}\n")

        def write_cell(cell: Event, key: str, timestamp: int, headers: object) -> None:
            hour = cell["start"] // 3_600_000
            aggregates.write(f"{key},{hour},{cell['events']},{cell['callers']},{cell['severity']}\n")

        read.apply(judge, stateful=True, metadata=True)
        cells = read[["region_code", "channel", "category", "caller", "severity", "occurred_at"]].group_by(
            lambda event: f"{event['region_code']},{event['channel']},{event['category']}", name="cell"
        )
        hours = cells.tumbling_window(timedelta(hours=1), grace_ms=GRACE)
        counted = hours.agg(events=Count(), callers=Callers(), severity=Max("severity"))
        counted.final(closing_strategy="partition").apply(write_cell, metadata=True)
        app.run(timeout=IDLE_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
