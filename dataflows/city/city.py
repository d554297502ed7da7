"""The simulated city: one ordered stream of raw rows, everyday and planted stories together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from heapq import heappop, heappush
from pathlib import Path
from random import Random

from alerts.model import to_us
from connectors.tables import load_tables
from dataflows.city.broken import broken_rows
from dataflows.city.departments import DEPARTMENTS, arrival, heartbeats
from dataflows.city.exports import write
from dataflows.city.handling import steps
from dataflows.city.people import Crowd
from dataflows.city.places import Village, by_people, villages_of
from dataflows.city.report import Pulse, RawRow, Report, Step
from dataflows.city.stories import CATALOGUE, STORY_DAYS, Entry, Outage, Story, tell_all
from dataflows.city.traffic import Traffic
from dataflows.city.when import DAY, HOUR, MINUTE

Told = Report | Step | Pulse
Arriving = tuple[int, Told, str | None]  # (arrival, what is told, the story it belongs to)
Waiting = tuple[int, int, Told | RawRow, str | None]
MAPPINGS_FOLDER = Path(__file__).parent / "mappings"
DUPLICATES = 0.002


class City:
    """A city of four million that calls, complains and is answered; the same for the same seed.

    Rows come out in the order of their arrival and are made as they are asked for; what is kept is the
    cases that still have steps to come. Stories need `min(days, 30)` days and are told again, with new
    people, for every thirty days of the span; `copies` tells each of them that often at the same time.
    `people` is also how many reports pass before somebody calls about something new: keep it far above
    `reports_per_day` times the longest window.
    """

    def __init__(
        self,
        seed: int = 1,
        start: datetime | None = None,
        days: int = 30,
        reports_per_day: float = 6_000,
        *,
        villages: Sequence[Village] | None = None,
        people: int = 4_000_000,
        copies: int = 1,
        heartbeat_minutes: int = 10,
        with_broken: bool = True,
        catalogue: Sequence[Entry] = CATALOGUE,
    ) -> None:
        if days < 1:
            raise ValueError(f"a city must live for at least 1 day; got {days}")
        if start is None:
            start = datetime.fromisoformat("2026-03-02T00:00:00+08:00")
        if start.tzinfo is None:
            raise ValueError(f"`start` must have an offset; got {start}")
        self.seed, self.days, self.copies = seed, days, copies
        self.start_us = to_us(start) // HOUR * HOUR
        self.end_us = self.start_us + days * DAY
        self.villages = tuple(villages or villages_of(load_tables().regions.values()))
        self.reports_per_day = reports_per_day
        self._homes = by_people(self.villages)
        self._crowd = Crowd(self._homes, people, seed)
        self._heartbeat_us = heartbeat_minutes * MINUTE
        self._with_broken = with_broken
        self._catalogue = catalogue

    @cached_property
    def stories(self) -> tuple[Story, ...]:
        """The planted stories of the whole span: the ground truth."""
        pace = min(1.0, self.days / STORY_DAYS)
        tellings = max(1, self.days // STORY_DAYS)
        return tuple(
            story
            for telling in range(tellings)
            for copy in range(self.copies)
            for story in tell_all(
                telling * self.copies + copy,
                self.start_us + telling * STORY_DAYS * DAY,
                pace,
                self._crowd,
                self._homes,
                self.seed,
                self._catalogue,
                self.end_us,
            )
        )

    def rows(self) -> Iterator[RawRow]:
        """All rows of the span, ordered by arrival. Asked again, it gives the same rows again."""
        return _Stream(self).rows()

    def told(self) -> Iterator[Arriving]:
        """What the rows say, ordered by arrival, before any department has written it down; nothing broken."""
        return _Stream(self, with_broken=False).told()

    def __iter__(self) -> Iterator[RawRow]:
        return self.rows()


class _Stream:
    """One walk through the span: a heap of what has happened and not yet arrived."""

    def __init__(self, city: City, with_broken: bool | None = None) -> None:
        self._city = city
        self._with_broken = city._with_broken if with_broken is None else with_broken
        self._even = Random(f"{city.seed}/arrival").random
        self._traffic = Traffic(city.seed, city._crowd, city._homes, city.reports_per_day)
        self._outages: dict[str, list[Outage]] = {}
        for story in city.stories:
            if story.outage:
                self._outages.setdefault(story.outage.channel, []).append(story.outage)
        self._waiting: list[Waiting] = []
        self._number = 0

    def rows(self) -> Iterator[RawRow]:
        for arrives, told, story in self._walk():
            if isinstance(told, RawRow):
                yield told
                continue
            department = DEPARTMENTS[told.channel]
            yield RawRow(arrives, told.channel, department.way, department.mapping, write(told), story)

    def told(self) -> Iterator[Arriving]:
        for arrives, told, story in self._walk():
            assert not isinstance(told, RawRow)
            yield arrives, told, story

    def _walk(self) -> Iterator[tuple[int, Told | RawRow, str | None]]:
        city = self._city
        stories = sorted(
            ((beat.arrives_us, beat.told, story.id) for story in city.stories for beat in story.beats),
            key=lambda beat: beat[0],
            reverse=True,
        )
        for hour_us in range(city.start_us, city.end_us, HOUR):
            while stories and stories[-1][0] < hour_us + HOUR:
                self._wait(*stories.pop())
            self._everyday(hour_us)
            self._heartbeats(hour_us)
            if self._with_broken:
                for row in broken_rows(city.seed, hour_us, city.villages):
                    self._wait(row.arrives_at_us, row)
            yield from self._arrived(hour_us + HOUR)

    def _wait(self, arrives_us: int, told: Told | RawRow, story: str | None = None) -> None:
        if self._outages:
            arrives_us = self._after_outage(arrives_us, told)
        if arrives_us < self._city.end_us:
            self._number += 1
            heappush(self._waiting, (arrives_us, self._number, told, story))

    def _after_outage(self, arrives_us: int, told: Told | RawRow) -> int:
        """While a channel is down its rows wait; its heartbeats are lost."""
        for outage in self._outages.get(told.channel, ()):
            if outage.start_us <= arrives_us < outage.end_us:
                return self._city.end_us if isinstance(told, Pulse) else outage.end_us
        return arrives_us

    def _everyday(self, hour_us: int) -> None:
        even, wait = self._even, self._wait
        end = self._city.end_us
        for report in self._traffic.hour(hour_us):
            department = DEPARTMENTS[report.channel]
            arrives = arrival(department, report.occurred_us, even)
            wait(arrives, report)
            if even() < DUPLICATES:
                wait(arrives + int(HOUR * even()), report)
            for step in steps(report, even):
                if step.occurred_us >= end:
                    break
                wait(arrival(department, step.occurred_us, even), step)

    def _heartbeats(self, hour_us: int) -> None:
        for channel, department in DEPARTMENTS.items():
            every = max(department.batch_us, self._city._heartbeat_us)
            lag = department.lag_us if department.batch_us else 0
            first = -(-(hour_us - lag) // every) * every + lag
            for at in range(first, hour_us + HOUR, every):
                self._wait(at, Pulse(channel, heartbeats(department, at)))

    def _arrived(self, until_us: int) -> Iterator[tuple[int, Told | RawRow, str | None]]:
        waiting = self._waiting
        while waiting and waiting[0][0] < until_us:
            arrives, _, told, story = heappop(waiting)
            yield arrives, told, story
