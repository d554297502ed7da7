"""Job R in Faust, from a topic whose key is the caller: agents, with what they keep in memory.

Faust's tables would write every change to a changelog topic; ours are plain dictionaries, which costs less and keeps
nothing. Events are taken as they come, so O1 and O2 are off where a caller's events overtake one another.
"""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from typing import Any

import faust

from benchmarks.reference.answers import answers
from benchmarks.reference.caller import Caller
from benchmarks.reference.definition import CHANNELS, HOUR, LATENESS

CHANNEL_NUMBERS = {name: number for number, name in enumerate(CHANNELS)}

Event = dict[str, Any]


class Job:
    """The answers, and what is kept for them."""

    def __init__(self, repeats: Any, escalations: Any, aggregates: Any) -> None:
        self._repeats, self._escalations, self._aggregates = repeats, escalations, aggregates
        self._callers: dict[str, Caller] = {}
        self._hours: dict[int, dict[tuple[str, str, str], list[Any]]] = {}
        self._checked = 0

    def take(self, event: Event) -> None:
        at = int(datetime.fromisoformat(event["occurred_at"]).timestamp())
        self._judge(event, at)
        self._count(event, at)
        if at // LATENESS > self._checked:
            self._checked = at // LATENESS
            self.close(at - LATENESS)

    def _judge(self, event: Event, at: int) -> None:
        token, channel = event["caller"], CHANNEL_NUMBERS[event["channel"]]
        caller = self._callers.get(token)
        if caller is None:
            caller = self._callers[token] = Caller()
        if (repeat := caller.repeat(at, channel)) is not None:
            self._repeats.write(f"{token},{event['event_id']},{at},{repeat[0]},{repeat[1]}\n")
        if (start := caller.escalation(at, channel, event["severity"])) is not None:
            self._escalations.write(f"{token},{event['event_id']},{at},{start}\n")

    def _count(self, event: Event, at: int) -> None:
        cells = self._hours.setdefault(at // HOUR, {})
        key = event["region_code"], event["channel"], event["category"]
        cell = cells.setdefault(key, [0, set(), 0])
        cell[0] += 1
        cell[1].add(event["caller"])
        cell[2] = max(cell[2], event["severity"])

    def close(self, until: float) -> None:
        """Write the hours that are over."""
        for hour in [hour for hour in self._hours if (hour + 1) * HOUR <= until]:
            for (region, channel, category), (events, callers, severity) in self._hours.pop(hour).items():
                self._aggregates.write(f"{region},{channel},{category},{hour},{events},{len(callers)},{severity}\n")


def main(broker: str, topic: str, events: str, out: str) -> None:
    """Read so many events of the topic and write the answers."""
    app = faust.App(
        f"job-r-{topic}", broker=f"kafka://{broker}", datadir=f"{out}/state", store="memory://", topic_partitions=1,
        consumer_auto_offset_reset="earliest", topic_disable_leader=True, web_enabled=False, value_serializer="json",
    )  # fmt: skip
    reports = app.topic(topic, key_type=bytes)

    with answers(out) as files:
        job = Job(*files)

        @app.agent(reports)
        async def judge(stream: Any) -> None:
            taken = 0
            async for event in stream:
                job.take(event)
                taken += 1
                if taken == int(events):
                    job.close(float("inf"))
                    signal.raise_signal(signal.SIGTERM)  # how a worker is told to end

        faust.Worker(app, loglevel="ERROR").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
