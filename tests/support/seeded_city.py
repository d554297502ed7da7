"""A simulated city that ran through the production stages into the pool and Redis, with officers who act on its alerts.

Everything is a function of the seed, so what boards show of it can be counted again from what went in.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal, NamedTuple

from alerts.alert import Draft
from alerts.desk.routing import Routing
from alerts.linking import Routed
from alerts.model import (
    Act,
    Acted,
    AlertAction,
    Arrival,
    Disposition,
    Doing,
    Event,
    Matchers,
    PooledEvent,
    Receipt,
    Record,
    Revision,
    RuleGap,
    Silencing,
    Slice,
    from_us,
    to_us,
)
from alerts.pipeline import Pipeline
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool, PoolSink
from connectors.clickhouse_rows import Poolable
from connectors.clickhouse_schema import Retention
from connectors.clickhouse_writer import Pace
from connectors.metrics import Metrics
from connectors.redis import RedisAlertSink
from connectors.redis_people import RedisPeopleSink
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER, load_rules
from dataflows.city.city import City
from dataflows.city.direct import events
from dataflows.city.stories import YEAR_CATALOGUE

SEED = 7
START = datetime(2026, 3, 2, tzinfo=UTC) - timedelta(hours=8)  # midnight in Shanghai
DAYS = 45
ENDS_US = to_us(START) + (44 * 24 + 15) * 3_600_000_000  # three in the afternoon of the last day
NOW_US = ENDS_US - 5 * 3_600_000_000  # when somebody looks; what comes later must not be shown
REPORTS_A_DAY = 80
HOUR_US = 3_600_000_000
DATABASE = "anlan"  # as `anlan access` names it
FOR_EVER = Retention(text=None, tokens=None, events=None, alerts=None, dead_letters=None)
ASKING = ("opened", "level_up", "ack_expired")  # reasons at which an officer looks at an alert
AT_THE_END = Pace(flush_seconds=3_600, refresh_seconds=3_600)
CLOSINGS: tuple[Disposition, ...] = ("true_positive", "true_positive", "benign", "false_positive", "already_handled")


class Seeded(NamedTuple):
    """What went in and what came of it, and where it stands."""

    dsn: str
    redis_url: str
    now: datetime
    events: list[PooledEvent]
    routed: list[Routed]
    revisions: list[Revision]
    acted: list[Acted]
    gaps: list[RuleGap]


def seed(dsn: str, redis_url: str) -> Seeded:
    """Run the city and its officers through the stages, and write what came of it as the flow does."""
    told = _Told()
    last_year = [_pooled(event) for event in events(_city(START - timedelta(days=345), 8))]
    _write(dsn, redis_url, last_year, told)
    pooled = last_year + [each for routed in told.routed for each in routed.pooled]
    return Seeded(dsn, redis_url, told.now, pooled, told.routed, told.revisions, told.pipeline.acted, told.gaps)


class _Told:
    """The city told hour by hour; officers see what was open at the end of the hour before."""

    def __init__(self) -> None:
        channels, calendars = load_channels(), load_calendars()
        self.pipeline = Pipeline(
            load_rules([RULES_FOLDER], channels, calendars),
            channels,
            routing=load_routing(ROUTING_FILE, calendars),
            routing_of=lambda file: Routing(file, calendars),
        )
        self.revisions: list[Revision] = []
        self.routed: list[Routed] = []
        officers = _Officers()
        for hour, cut in itertools.groupby(events(_city(START, DAYS)), _hour):
            ends = (hour + 1) * HOUR_US
            if ends > ENDS_US:
                break
            records: list[Record] = [Arrival(event, _arrived(event)) for event in cut]
            self._take(Slice(ends - 2, records))
            self._take(Slice(ends - 1, [Act(ends - 1, action) for action in officers.act(ends - 1)]))
            officers.look(self.revisions)
            if ends == NOW_US - HOUR_US:
                officers.look_around(self.revisions, ends)
        self.now = from_us(NOW_US)
        self.gaps = [RuleGap(*gap) for gap in _gaps(self.now)]

    def _take(self, cut: Slice) -> None:
        routed, drafts = self.pipeline.take(cut)
        self.routed.append(routed)
        self.revisions += [_stamped(draft) for draft in drafts if not draft.standing]


class _Officers:
    """Two out of three alerts are acked the hour after, half of these are closed a day later, some are silenced."""

    def __init__(self) -> None:
        self._rng = Random(SEED)
        self._seen = 0
        self._number = 0
        self._planned: list[tuple[int, AlertAction]] = []

    def look(self, revisions: list[Revision]) -> None:
        """Plan what to do about what was opened since the last look."""
        for revision in revisions[self._seen :]:
            if revision.reason in ASKING and revision.origin != "shadow":
                self._plan(revision)
        self._seen = len(revisions)

    def look_around(self, revisions: list[Revision], now_us: int) -> None:
        """Ack every third alert that is open now, and take a note of the others."""
        last = {revision.alert_id: revision for revision in revisions if revision.origin != "shadow"}
        for number, revision in enumerate(each for each in last.values() if each.state == "open"):
            self._do(now_us, "note" if number % 3 else "ack", revision, why="已联系承办单位")

    def act(self, now_us: int) -> list[AlertAction]:
        """What is due now."""
        due = [action for at, action in self._planned if at <= now_us]
        self._planned = [(at, action) for at, action in self._planned if at > now_us]
        return due

    def _plan(self, revision: Revision) -> None:
        chance = self._rng.random()
        seen = to_us(revision.published_at)
        if chance < 0.66:
            self._do(seen + HOUR_US, "ack", revision)
            self._do(seen + 2 * HOUR_US, "assign", revision, assigned_to="duty.street")
        if chance < 0.33:
            self._do(seen + 24 * HOUR_US, "close", revision, disposition=self._rng.choice(CLOSINGS), why="已处理")
        if 0.33 < chance < 0.38:
            matchers = Matchers(rule=revision.rule, region=revision.region.county or "")
            until = from_us(seen + 20 * 24 * HOUR_US)
            self._do(seen + HOUR_US, "silence", revision, silence=Silencing(matchers), until=until, why="已有专班处理")

        if 0.38 < chance < 0.66:  # a unit has to answer: in time, late, or it never does
            due = seen + 20 * HOUR_US
            notice = self._do(seen + 3 * HOUR_US, "supervise", revision, assigned_to="duty.street", until=from_us(due))
            if chance < 0.5:
                self._do(due + (-1 if chance < 0.44 else 3) * HOUR_US, "answer", revision, of=notice, why="已上门")

    def _do(self, at: int, action: Doing, revision: Revision, **fields: object) -> str:
        self._number += 1
        made = AlertAction(
            action_id=f"officer-{self._number:05}",
            action=action,
            actor=f"duty-{self._number % 4 + 1}",
            role="supervisor",
            acted_at=from_us(at),
            alert_id="" if action == "silence" else revision.alert_id,
            **fields,  # type: ignore[arg-type]
        )
        self._planned.append((at, made))
        return made.action_id


def _gaps(
    now: datetime,
) -> Iterator[tuple[str, str, Literal["silent_channel", "rule_failed"], datetime, datetime, datetime]]:
    """A channel that was silent for three rules, a rule that failed long ago, and one that will fail after now."""
    hour = timedelta(hours=1)
    for rule in ("sla.hotline-close", "rv.return-visit", "rb.rebound-after-closing"):
        yield rule, "hotline", "silent_channel", now - 5 * hour, now - 3 * hour, now - 2 * hour
    yield "sg.area-surge", "", "rule_failed", now - 400 * hour, now - 399 * hour, now - 399 * hour
    yield "sg.area-surge", "", "rule_failed", now + hour, now + 2 * hour, now + 2 * hour


def _write(dsn: str, redis_url: str, before: list[PooledEvent], told: _Told) -> None:
    metrics = Metrics()
    with Pool(dsn, DATABASE) as pool:
        pool.migrate(FOR_EVER)
    delivered = [each for each in told.revisions if each.origin != "shadow"]
    sink = PoolSink(dsn, metrics, database=DATABASE, pace=AT_THE_END, now=told.now.timestamp)
    for rows in _lives(before, told):
        _run(sink, rows)
    _run(RedisAlertSink(redis_url, metrics), [delivered])
    _run(RedisPeopleSink(redis_url, metrics), [told.pipeline.acted])


def _run(sink: Any, batches: Iterable[list[Any]]) -> None:
    (name,) = sink.list_parts()
    part = sink.build_part("seed", name, None)
    for batch in batches:
        part.write_batch([batch])
    part.close()


def _lives(before: list[PooledEvent], told: _Told) -> Iterator[list[list[Poolable]]]:
    """Two lives of a sink: the second writes again what the first had not saved, and counts its hours again."""
    events: list[Poolable] = [*before, *(each for routed in told.routed for each in routed.pooled)]
    other: list[Poolable] = [
        *(each for routed in told.routed for each in (*routed.links, *routed.late, *routed.dead, *routed.gaps)),
        *told.gaps,
        *told.revisions,
        *told.pipeline.acted,
        *(_sent(revision) for revision in told.revisions if revision.route.roles),
    ]
    cut = len(events) * 9 // 10
    yield [events[:cut], other]
    yield [events[cut - 2_000 :], other[-3_000:], [*told.gaps]]


def _sent(revision: Revision) -> Receipt:
    return Receipt(
        revision.alert_id, revision.revision, revision.route.roles[0], "sms", "delivered", revision.published_at
    )


def _city(start: datetime, days: int) -> City:
    return City(SEED, start, days, REPORTS_A_DAY, catalogue=YEAR_CATALOGUE)


def _hour(event: Event) -> int:
    return _arrived(event) // HOUR_US


def _arrived(event: Event) -> int:
    assert event.arrived_at is not None
    return to_us(event.arrived_at)


def _pooled(event: Event) -> PooledEvent:
    assert event.arrived_at is not None
    return PooledEvent(event, f"last-year/{event.case}" if event.case else "", event.arrived_at)


def _stamped(draft: Draft) -> Revision:
    return draft.revision
