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
from tests.faults.officer import Officer
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
HELD_SECONDS = 6.0  # that one server's absence may hold up what goes to another
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
        self._origin = origin = time.time() + HEAD_START_SECONDS
        self._alone: list[tuple[Fault, float, float]] = []  # absences of one server, from when to when
        load = self._plan.load
        self._flow = Flow(self._folder, self._servers, load, origin)
        self._flow.start()
        self._feed = RedisFollower(self._servers.redis.url)
        self._topic = AlertsFollower(bootstrap)
        self._log = LogFollower(bootstrap)
        self._sender = Sender(bootstrap, load, origin)
        self._officer = Officer(bootstrap, f"{load.seed}/officer", lambda: list(self._topic.heard.last))
        self._striker = Striker(self._servers, self._flow, self._rng)
        if not self._striker.wait_until(lambda: bool(self._log.events), FIRST_SECONDS):
            raise RuntimeError(f"the first event must reach the log within {FIRST_SECONDS:g} s")

    def _play(self) -> None:
        plan = self._plan
        wanted = faults(plan.kind, plan.count, plan.load.seed, plan.away, self._servers.can_kill_broker)
        is_well = True
        for number, fault in enumerate(wanted):
            self._say(number, str(fault))
            self._striker.wait(fault.pause)
            began = time.time()
            since = self._striker.strike(fault)
            self._outcome.faults += 1
            is_alone = fault.part in ("redis", "clickhouse") and fault.second is None and not fault.flow_too
            if is_well and is_alone:
                self._alone.append((fault, began, since))
            is_well = self._rng.random() >= IMPATIENT
            if is_well:
                self._recover(fault, since)

    def _check_held_up(self) -> None:
        """A sink that is away must not hold up the other ones: what became due meanwhile was heard there."""
        for fault, began, ended in self._alone:
            heard = (self._topic if fault.part == "redis" else self._feed).heard.heard_at
            due = [
                (self._origin + (us - self._plan.load.start_us) / 1e6 / self._plan.load.speed, at) for us, at in heard
            ]
            waited = max((at - due_at for due_at, at in due if began <= due_at <= ended), default=0.0)
            self._outcome.held_seconds.append(waited)
            if waited > HELD_SECONDS:
                self._outcome.losses.append(f"an alert waited {waited:.1f} s for another server: {fault}")

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
        self._officer.stop()
        began = time.time()
        clock_us = self._drain()
        self._outcome.drain_seconds = time.time() - began
        self._flow.samples()
        if code := self._flow.stop():
            self._outcome.losses.append(f"the flow must stop with 0; got {code}: {self._flow.last_words()}")
        self._outcome.kills = self._striker.kills
        self._say(self._plan.count, "checking")
        sent, acted = self._sender.sent, self._officer.sent
        followers = (self._feed, self._topic, self._log)
        is_weak_due = (self._plan.away + USUAL_RECOVERY_SECONDS) * self._plan.load.speed <= LATENESS_SECONDS
        self._check_held_up()
        judge(Evidence(self._servers, self._flow, sent, acted, *followers, clock_us, is_weak_due), self._outcome)

    def _drain(self) -> int:
        """Wait until all is through; the clock of the log that every sink has passed by then."""
        sent = {event.id for event in self._sender.sent}
        wait_until, log = self._striker.wait_until, self._log
        wait_until(lambda: sent <= log.events and self._officer.sent <= log.actions, DRAIN_SECONDS)
        clock_us = log.clock_us
        later = clock_us + int(SETTLE_SECONDS * self._plan.load.speed * 1e6)
        wait_until(lambda: log.clock_us > later, DRAIN_SECONDS)
        must = Truth(self._servers.bootstrap).until(clock_us, told_only=True)
        heard = (self._feed.heard, self._topic.heard)
        wait_until(lambda: all(must <= each.places for each in heard), DRAIN_SECONDS)
        return clock_us
