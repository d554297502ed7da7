"""One round: servers, a flow and a load; faults one after another; and what came of it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from connectors.kafka import ensure_topics, topics
from connectors.registry import load_channels
from tests.faults.checks import Truth
from tests.faults.flow import Flow
from tests.faults.followers import AlertsFollower, LogFollower, RedisFollower
from tests.faults.load import Load, Sender
from tests.faults.outcome import Outcome
from tests.faults.plan import Fault, faults
from tests.faults.servers import Servers
from tests.faults.striker import Striker
from tests.faults.verdict import Evidence, judge

HEAD_START_SECONDS = 4.0  # until the flow is up and the load begins
FIRST_SECONDS = 60.0
RECOVERY_SECONDS = 90.0
DRAIN_SECONDS = 120.0
SETTLE_SECONDS = 3.0
USUAL_RECOVERY_SECONDS = 5.0
LATENESS_SECONDS = 900.0  # of the simulated clock; all rules but the most impatient wait longer than that
LONG_SECONDS = 4.0  # an absence in which there must be alerts: the load brings some every second
IMPATIENT = 0.2  # of the faults strike before the one before them is over
LINGER_SECONDS = 3.0  # rows wait a second for others before they go to the pool, and then go there
NEARLY_SECONDS = 1.0  # of the load may wait in the topics of a flow that has caught up

Say = Callable[[int, str], None]


class Plan(NamedTuple):
    """What a round does: so many faults of a kind, under a load."""

    kind: str
    count: int
    away: float  # the longest that a server is gone, in seconds
    load: Load


class Round:
    """Everything that one round needs, under one folder."""

    def __init__(self, plan: Plan, folder: Path, say: Say) -> None:
        self._plan = plan
        self._folder = folder
        self._say = say
        self._outcome = Outcome(plan.kind, plan.load.seed)
        self._rng = Random(f"{plan.load.seed}/{plan.kind}/moments")

    def run(self) -> Outcome:
        """Play the faults and check; the servers are gone afterwards, the folder stays."""
        began = time.time()
        self._folder.mkdir(parents=True)
        try:
            self._run()
        except Exception as error:  # a round that cannot be finished is a finding; the others are still worth it
            self._outcome.losses.append(f"the round must be finished; got {error!r}")
            self._outcome.remarks.append(traceback.format_exc())
        self._outcome.seconds = time.time() - began
        return self._outcome

    def _run(self) -> None:
        with Servers(self._folder) as self._servers:
            self._begin()
            try:
                self._play()
                self._end()
            finally:
                self._flow.kill()
                for follower in (self._feed, self._topic, self._log):
                    follower.stop()

    def _begin(self) -> None:
        bootstrap = self._servers.bootstrap
        ensure_topics(bootstrap, topics(load_channels(), log_partitions=3))
        origin = time.time() + HEAD_START_SECONDS
        load = self._plan.load
        self._flow = Flow(self._folder, self._servers, load, origin)
        self._flow.start()
        self._feed = RedisFollower(self._servers.redis.url)
        self._topic = AlertsFollower(bootstrap)
        self._log = LogFollower(bootstrap)
        self._sender = Sender(bootstrap, load, origin)
        self._striker = Striker(self._servers, self._flow, self._rng)
        if not self._striker.wait_until(lambda: bool(self._log.events), FIRST_SECONDS):
            raise RuntimeError(f"the first event must reach the log within {FIRST_SECONDS:g} s")

    def _play(self) -> None:
        plan = self._plan
        wanted = faults(plan.kind, plan.count, plan.load.seed, plan.away, self._servers.can_kill_broker)
        for number, fault in enumerate(wanted):
            self._say(number, str(fault))
            self._striker.wait(fault.pause)
            before = self._told()
            since = self._striker.strike(fault)
            self._outcome.faults += 1
            self._check_told(fault, before)
            if self._rng.random() >= IMPATIENT:
                self._recover(fault, since)

    def _told(self) -> tuple[int, int]:
        return len(self._feed.heard.places), len(self._topic.heard.places)

    def _check_told(self, fault: Fault, before: tuple[int, int]) -> None:
        """A sink that is away must not hold up the other ones."""
        is_alone = fault.part in ("redis", "clickhouse") and fault.second is None and not fault.flow_too
        if not is_alone or fault.away < LONG_SECONDS:
            return
        feed, topic = (now - then for now, then in zip(self._told(), before, strict=True))
        if not (topic if fault.part == "redis" else feed):
            self._outcome.losses.append(f"no alert was told in {fault.away:.1f} s: {fault}")

    def _recover(self, fault: Fault, since: float) -> None:
        """Seconds until what was sent after the fault is through."""
        if self._striker.wait_until(lambda: self._is_back(since), RECOVERY_SECONDS):
            self._outcome.recovery_seconds.append(time.time() - since)
            return
        self._outcome.losses.append(f"not back {RECOVERY_SECONDS:g} s after: {fault}")
        self._outcome.remarks.append(self._flow.last_words())

    def _is_back(self, since: float) -> bool:
        """Is a row that was sent after `since` in the log, is the log read, and does nothing wait for a server?"""
        if self._log.produced_at < since or (samples := self._flow.samples()) is None:
            return False
        waits = samples.total("sink_away_state") + samples.total("rows_spooled_count")
        lasts = samples.total("rows_waited_seconds")
        behind = samples.total("records_waited_count")
        return not waits and lasts <= LINGER_SECONDS and behind <= NEARLY_SECONDS * self._plan.load.rate

    def _end(self) -> None:
        self._say(self._plan.count, "draining")
        self._sender.stop()
        began = time.time()
        clock_us = self._drain()
        self._outcome.drain_seconds = time.time() - began
        self._flow.samples()
        if code := self._flow.stop():
            self._outcome.losses.append(f"the flow must stop with 0; got {code}: {self._flow.last_words()}")
        self._outcome.kills = self._striker.kills
        self._say(self._plan.count, "checking")
        sent, followers = self._sender.sent, (self._feed, self._topic, self._log)
        is_weak_due = (self._plan.away + USUAL_RECOVERY_SECONDS) * self._plan.load.speed <= LATENESS_SECONDS
        judge(Evidence(self._servers, self._flow, sent, *followers, clock_us, is_weak_due), self._outcome)

    def _drain(self) -> int:
        """Wait until all is through; the clock of the log that every sink has passed by then."""
        sent = {event.id for event in self._sender.sent}
        wait_until, log = self._striker.wait_until, self._log
        wait_until(lambda: sent <= log.events, DRAIN_SECONDS)
        clock_us = log.clock_us
        later = clock_us + int(SETTLE_SECONDS * self._plan.load.speed * 1e6)
        wait_until(lambda: log.clock_us > later, DRAIN_SECONDS)
        must = Truth(self._servers.bootstrap).until(clock_us, told_only=True)
        heard = (self._feed.heard, self._topic.heard)
        wait_until(lambda: all(must <= each.places for each in heard), DRAIN_SECONDS)
        return clock_us
