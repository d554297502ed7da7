"""The verdict on a round: every check, each with its sentence where it fails."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple, Protocol

import msgspec

from alerts.desk.audit import THE_DESK
from alerts.model import Event, Revision
from connectors.clickhouse import Pool
from connectors.clickhouse_audit import audit_faults, audit_rows
from connectors.kafka import ALERTS, read_all
from connectors.kafka_client import partitions_of
from tests.faults.checks import PoolFound, Truth, of_the_pool, said_by, weak
from tests.faults.followers import AlertsFollower, LogFollower, RedisFollower, actions, stream
from tests.faults.outcome import Outcome
from tests.faults.servers import Servers

SHOWN = 3


class Ran(Protocol):
    """What ran: a flow, or a group of hosts."""

    lives: int
    mismatched: float  # revisions that came again with another content
    ended: list[str]  # how it ended when nobody ended it


class Evidence(NamedTuple):
    """What the checks look at; `clock_us` is an instant of the log that every sink must have passed."""

    servers: Servers
    flow: Ran
    sent: Sequence[Event]
    acted: Set[str]  # ids of the actions that were sent
    feed: RedisFollower
    topic: AlertsFollower
    log: LogFollower
    clock_us: int
    is_weak_due: bool  # whether outages were short enough for an undisturbed run to say the same


def judge(evidence: Evidence, outcome: Outcome) -> None:
    """Run every check and write what it found into the outcome."""
    truth = Truth(evidence.servers.bootstrap)
    pool = of_the_pool(evidence.servers.clickhouse.dsn)
    _events(evidence, pool, outcome)
    _strong(evidence, pool, truth, outcome)
    if evidence.is_weak_due:
        _weak(evidence, outcome)
    _followers(evidence, outcome)
    _people(evidence, outcome)
    _rest(evidence, pool, truth, outcome)


def _events(evidence: Evidence, pool: PoolFound, outcome: Outcome) -> None:
    sent = {event.id for event in evidence.sent}
    pooled = {event.id for event in evidence.sent if event.action != "heartbeat"}
    in_log, in_pool = sent - evidence.log.events, pooled - pool.events.keys()
    outcome.sent = len(evidence.sent)
    outcome.events_lost = len(in_log | in_pool)
    outcome.events_doubled = sum(count - 1 for count in pool.events.values())
    for where, missing in (("the log", in_log), ("the pool", in_pool)):
        if missing:
            outcome.losses.append(f"{len(missing)} events are not in {where}: {_some(missing)}")
    if strange := pool.events.keys() - pooled:
        outcome.losses.append(f"{len(strange)} events in the pool were never sent: {_some(strange)}")
    if outcome.events_doubled:
        outcome.losses.append(f"{outcome.events_doubled} events are in the pool twice")
    again = len(evidence.sent) - len(sent)
    if pool.dead != again:
        outcome.losses.append(f"{pool.dead} dead letters; {again} events were sent again, all others are right")


def _strong(evidence: Evidence, pool: PoolFound, truth: Truth, outcome: Outcome) -> None:
    told, everything = (truth.until(evidence.clock_us, told_only=told_only) for told_only in (True, False))
    feed = stream(evidence.servers.redis.url)
    topic = _in_topic(evidence.servers.bootstrap)
    places = {"redis": (said_by(feed), told), ALERTS: (said_by(topic), told), "pool": (pool.said, everything)}
    outcome.strong_equal = True
    for name, (found, must) in places.items():
        difference = truth.differs(found, must)
        outcome.strong_equal &= difference.is_none
        outcome.alerts_lost += len(difference.lost)
        for what, rows in (("lost", difference.lost), ("not as the log says", difference.other)):
            if rows:
                outcome.losses.append(f"{name}: {len(rows)} revisions {what}: {_some(rows)}")
        if difference.doubled:
            outcome.losses.append(f"{name}: {difference.doubled} revisions twice")
    for name, said in (("redis", feed), (ALERTS, topic)):
        wrong = [each.alert_id for each in said if truth.seqs.get((each.alert_id, each.revision)) != each.feed_seq]
        if wrong:
            outcome.losses.append(f"{name}: {len(wrong)} revisions with another `feed_seq`: {_some(wrong)}")


def _in_topic(bootstrap: str) -> list[Revision]:
    decode = msgspec.json.Decoder(Revision).decode
    starts = {(ALERTS, number): -1 for number in range(partitions_of(bootstrap, [ALERTS])[ALERTS])}
    return [decode(record.value) for record in read_all(bootstrap, starts)]


def _weak(evidence: Evidence, outcome: Outcome) -> None:
    found = weak(evidence.sent, evidence.servers.bootstrap)
    outcome.weak_equal = found.digests_equal
    outcome.weak_differing = len(found.differing)
    if not found.digests_equal:
        outcome.losses.append(f"weak: {len(found.differing)} of {found.alerts} alerts differ: {_some(found.differing)}")


def _followers(evidence: Evidence, outcome: Outcome) -> None:
    for name, heard in (("redis", evidence.feed.heard), (ALERTS, evidence.topic.heard)):
        outcome.seen_twice += heard.twice
        outcome.gaps += len(heard.gaps)
        if heard.gaps:
            outcome.losses.append(f"a subscriber of {name} saw {len(heard.gaps)} gaps: {_some(heard.gaps)}")
        if heard.seq_back:
            outcome.losses.append(f"a subscriber of {name} saw `feed_seq` go back {heard.seq_back} times")


def _people(evidence: Evidence, outcome: Outcome) -> None:
    """Every action has one row in the pool and one in Redis, and the audit holds."""
    outcome.actions = len(evidence.acted)
    with Pool(evidence.servers.clickhouse.dsn) as pool:
        rows = [row.action.action_id for row in audit_rows(pool) if row.action.role != THE_DESK]
        outcome.losses += [f"audit: {fault}" for fault in audit_faults(pool)[1]]
    in_redis = actions(evidence.servers.redis.url)
    for name, found in (("the pool", rows), ("redis", in_redis)):
        if sorted(found) != sorted(evidence.acted):
            lost, more = evidence.acted - set(found), len(found) - len(set(found))
            outcome.losses.append(f"{len(lost)} actions are not in {name}, {more} are there twice: {_some(lost)}")


def _rest(evidence: Evidence, pool: PoolFound, truth: Truth, outcome: Outcome) -> None:
    outcome.recounted_equal = pool.differing_cells == 0
    if pool.differing_cells:
        outcome.losses.append(f"aggregates: {pool.differing_cells} cells differ from a recount")
    outcome.mismatched = evidence.flow.mismatched
    if outcome.mismatched:
        outcome.losses.append(f"hashes mismatched: {outcome.mismatched:g}")
    outcome.losses += [f"by itself: {how}" for how in evidence.flow.ended]
    outcome.revisions = len(truth.said)
    outcome.alerts = len({each.alert_id for each in truth.said})
    outcome.lives, outcome.written_twice = evidence.flow.lives, evidence.log.written_twice


def _some(found: Sequence[str] | set[str]) -> str:
    some = sorted(found)[:SHOWN]
    return ", ".join(some) + (" …" if len(found) > SHOWN else "")
