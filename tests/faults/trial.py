"""A trial of a group: a load, what happens to its hosts one after the other, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from connectors.kafka import ensure_topics, topics
from connectors.kafka_topics import GROUP
from connectors.registry import load_channels
from tests.faults.checks import Truth
from tests.faults.followers import AlertsFollower, LogFollower, RedisFollower
from tests.faults.group import HOSTS, GroupFollower, Hosts
from tests.faults.load import Load, Sender
from tests.faults.network import SERVERS, Network
from tests.faults.outcome import Outcome
from tests.faults.reachable import ReachableServers
from tests.faults.verdict import Evidence, judge

HEAD_START_SECONDS = 3.0
PATIENCE_SECONDS = 90.0
SETTLE_SECONDS = 2.0


class Step(NamedTuple):
    """Something that happens, and the hosts that run the flow after it."""

    what: str
    act: Callable[[Hosts], None]
    hosts: Sequence[int]
    is_felt: bool = True  # whether another life has to begin


class Felt(msgspec.Struct):
    """What came of a step."""

    what: str
    hosts: int
    lives: int
    back_seconds: float  # until an alert came that became due after it
    began: float
    gap_seconds: float = 0.0  # the longest time without an alert, until the next step


class Trial:
    """One run: servers, hosts, a load, and what happens to the hosts."""

    def __init__(
        self, steps: Sequence[Step], load: Load, folder: Path, say: Callable[[str], None], is_apache: bool
    ) -> None:
        self._steps = steps
        self._load = load
        self._folder = folder
        self._say = say
        self._is_apache = is_apache
        self.felt: list[Felt] = []
        self.outcome = Outcome("hosts", load.seed)

    def run(self) -> Outcome:
        """Play all steps, drain and judge."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (
            Network() as network,
            ReachableServers(self._folder, network.address(SERVERS), self._is_apache) as self._servers,
        ):
            bootstrap = self._servers.bootstrap
            ensure_topics(bootstrap, {**topics(load_channels(), log_partitions=3), GROUP: 1})
            self._origin = time.time() + HEAD_START_SECONDS
            self._hosts = Hosts(self._folder, network, self._servers, self._load, self._origin)
            self._group = GroupFollower(bootstrap)
            self._topic = AlertsFollower(bootstrap)
            self._feed = RedisFollower(self._servers.redis.url)
            self._log = LogFollower(bootstrap)
            try:
                self._play()
                self._end()
            finally:
                self._hosts.power_off()
                for follower in (self._group, self._topic, self._feed, self._log):
                    follower.stop()
        return self.outcome

    def _play(self) -> None:
        self._hosts.power_on(1)
        self._sender = Sender(self._servers.bootstrap, self._load, self._origin)
        self._wait(lambda: len(self._topic.heard.places) > 5, "alerts must come")
        for step in self._steps:
            self._say(step.what)
            self._feel(step)

    def _feel(self, step: Step) -> None:
        lives, began = self._group.lives, time.time()
        step.act(self._hosts)
        wanted = [f"host-{number}" for number in step.hosts]
        if step.is_felt:
            self._wait(lambda: self._members() == wanted and self._group.lives > lives, f"{step.what}: {wanted}")
        well_since = time.time()
        self._wait(lambda: self._due_since(well_since) > 0, f"{step.what}: alerts must come again")
        self.felt.append(Felt(step.what, len(wanted), self._group.lives - lives, time.time() - began, began))

    def _members(self) -> list[str]:
        roster = self._group.roster
        return [member.host for member in roster.life.members] if roster.is_prepared else []

    def _due_since(self, since: float) -> int:
        return sum(self._due_at(us) >= since for us, _ in list(self._topic.heard.heard_at))

    def _due_at(self, us: int) -> float:
        return self._origin + (us - self._load.start_us) / 1e6 / self._load.speed

    def _end(self) -> None:
        self._say("draining")
        self._sender.stop()
        clock_us = self._drain()
        self._hosts.look_at_metrics()
        self._hosts.ask_the_doctor(self._servers.bootstrap)
        self._hosts.shut_down(*(number for number in range(1, HOSTS + 1) if self._hosts[number].is_on))
        self._measure()
        self._say("checking")
        self._hosts.lives = self._group.lives
        judge(
            Evidence(
                self._servers, self._hosts, self._sender.sent, set(), self._feed, self._topic, self._log, clock_us, True
            ),
            self.outcome,
        )

    def _measure(self) -> None:
        """The longest time without an alert that ended between each step and the next one."""
        came = sorted(at for _, at in self._topic.heard.heard_at)
        ends = [*(felt.began for felt in self.felt[1:]), time.time()]
        for felt, until in zip(self.felt, ends, strict=True):
            felt.gap_seconds = max((b - a for a, b in pairwise(came) if felt.began <= b < until), default=0.0)

    def _drain(self) -> int:
        sent = {event.id for event in self._sender.sent}
        self._wait(lambda: sent <= self._log.events, "every event must reach the log")
        clock_us = self._log.clock_us
        later = clock_us + int(SETTLE_SECONDS * self._load.speed * 1e6)
        self._wait(lambda: self._log.clock_us > later, "the clock must go on")
        must = Truth(self._servers.bootstrap).until(clock_us, told_only=True)
        heard = (self._feed.heard, self._topic.heard)
        self._wait(lambda: all(must <= each.places for each in heard), "every alert must be heard")
        return clock_us

    def _wait(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > end:
                raise RuntimeError(f"{what} within {PATIENCE_SECONDS:g} s")
            time.sleep(0.05)


def table(felt: Sequence[Felt]) -> str:
    """In Markdown."""
    rows = [
        f"| {each.what} | {each.hosts} | {each.lives} | {each.back_seconds:.1f} | {each.gap_seconds:.1f} |"
        for each in felt
    ]
    head = "| what happens | hosts after it | lives begun | back after s | longest gap in alerts s |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])
