"""One log, one answer: slow, at full speed, with any workers in any processes, and rescaled in the middle."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
import pytest
from detection_flow import Cluster
from live_flow import wait_until
from written_log import AFTER_US, book_at, rising, write_log

from alerts.desk.routing import Routing
from alerts.desk.routing_file import ChainSettings, RoutingFile, StepSettings
from alerts.detection import Shard
from alerts.digest import differences, digest, said
from alerts.linking import Linking
from alerts.model import (
    Act,
    AlertAction,
    Arrival,
    Doing,
    Event,
    Link,
    Matchers,
    PooledEvent,
    ReadUp,
    Record,
    Revision,
    Silencing,
    Slice,
    from_us,
    to_us,
)  # fmt: skip
from alerts.pipeline import Pipeline
from alerts.rule_book import RuleBook
from alerts.rule_file import RuleFile
from connectors.calendars import load_calendars
from connectors.embedded import Broker
from connectors.registry import load_channels
from connectors.routing_file import ROUTING_FILE, load_routing
from connectors.rulebook import RULES_FOLDER, load_rules

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = 1_772_409_600_000_000  # 2026-03-02 08:00 in Shanghai
DAYS = 50
CHANNELS = load_channels()
ROUTING = load_routing(ROUTING_FILE, load_calendars())
OFTEN = 9  # one report in so many is a transfer
KINDS = 11


def reports(rng: Random, count: int) -> list[Record]:
    """Reports of a small town of quarrels, debts and noise, with what was done about them, hours late."""
    found = []
    for number in range(count):
        at = START + rng.randrange(DAYS * 86_400) * SECOND
        who = rng.randrange(14)
        channel = rng.choice(["grid", "hotline", "hotline", "police", "petition", "court", "superior"])
        event = Event(
            id=f"e{number}", channel=channel, occurred_at=from_us(at), case=f"{channel}-{rng.randrange(count // 4)}",
            action=rng.choice(["received"] * 6 + ["accepted", "closed", "visited", "visited", "urged"]),
            reporter=f"k1:{'abcdefghijklmnop'[rng.randrange(16)] * 20}",
            pair=f"k1:{'klmnopqrstuvwx'[who] * 20}", household=f"k1:{'abcdefg'[who % 7] * 20}",
            place=f"k1:{'pqrs'[rng.randrange(4)] * 20}", subject=rng.choice(["estate", "works", None]),
            region=rng.choice(["620102001", "620722100", "620103002"]), unit=rng.choice(["u1", "u2", None]),
            category="dispute", subcategory=rng.choice(["family", "neighbour", "labour"]),
            violence=rng.choice([None, 0, 1, 2, 3]),
            cues=tuple(rng.sample(["weapon", "kill_threat", "protection_order"], rng.choice([0, 0, 0, 1, 2]))),
            link=Link("transfer", f"e{rng.randrange(count)}") if not rng.randrange(OFTEN) else None,
            satisfied=rng.choice([None, True, False]),
        )  # fmt: skip
        found.append(Arrival(event, at + rng.randrange(5 * HOUR), f"file:reports:{number}"))
    return found


def pulses() -> list[Record]:
    """Channels that say every six hours that they are there, and one that stops for some days."""
    return [
        Arrival(Event(f"p-{channel}-{at}", channel, "heartbeat", from_us(at)), at)
        for channel in ("hotline", "police", "petition")
        for at in range(START, START + DAYS * DAY, 6 * HOUR)
        if channel != "police" or not 20 * DAY < at - START < 24 * DAY
    ]


def flood() -> list[Record]:
    """Twice in an hour far more of one sort from one township than there ever was."""
    return [
        Arrival(
            Event(
                f"flood-{day}-{number}", "hotline", "received", from_us(at), region="620102001", category="service",
                subcategory="land", case=f"flood-{day}-{number}",
            ),
            at,
        )
        for day in (43, 47)
        for number in range(20)
        for at in [START + day * DAY + 2 * HOUR + number * 120 * SECOND]
    ]  # fmt: skip


def edited(rules: list[RuleFile]) -> list[RuleFile]:
    """Graver ladders for two rules: what is kept of them is judged again where the book stands."""
    return [_graver(rule) if rule.id in ("rc.repeat-contact", "gi.group-incident") else rule for rule in rules]


def _graver(rule: RuleFile) -> RuleFile:
    levels = [msgspec.structs.replace(rule.levels[0], level="red")]
    return msgspec.structs.replace(rule, version=rule.version + 1, levels=levels)


def whole_log(seed: int = 11, count: int = 1_500) -> list[Record]:
    """A seeded log with every sort of record that there is."""
    rules = [rule.spec for rule in load_rules([RULES_FOLDER], CHANNELS)]
    found = [
        *reports(Random(seed), count),
        *pulses(),
        *flood(),
        ReadUp(START + 10 * DAY, ("hotline", "police", "petition", "grid")),
        book_at(START + 30 * DAY, edited(rules), fewer_steps()),
    ]
    log = rising([book_at(START, rules, ROUTING), *sorted(found, key=lambda record: record.arrived_us)])
    before = plain(log)
    acts = [*people(Random(seed), before.revisions), *of_matters(Random(seed), before.pooled)]
    return rising(sorted([*log, *acts], key=lambda record: record.arrived_us))


class Plain(NamedTuple):
    """What the stages say of a log, which events they pooled at last, and what was asked of their past."""

    revisions: list[Revision]
    pooled: dict[str, PooledEvent]
    asked: dict[int, list[PooledEvent]]  # by clock instant


def fewer_steps() -> RoutingFile:
    """Another routing: red alerts climb faster, and nothing waits for working hours."""
    chains = {**ROUTING.chains, "urgent": ChainSettings([StepSettings("county"), StepSettings("city", "5m")])}
    routes = [msgspec.structs.replace(route, during=None) for route in ROUTING.routes]
    return msgspec.structs.replace(ROUTING, chains=chains, routes=routes)


def people(rng: Random, found: list[Revision]) -> list[Record]:
    """What people do with some of the alerts, sometimes twice, and some silences."""
    opened = [revision for revision in found if revision.reason == "opened" and revision.origin != "shadow"]
    acts: list[Record] = []
    for number, revision in enumerate(rng.sample(opened, 200)):
        at = to_us(revision.detected_at) + rng.randrange(2 * DAY)
        doing = rng.choice(["ack", "ack", "ack", "close", "close", "reopen", "note", "show", "supervise", "silence"])
        action = AlertAction(
            f"a{number // 2 if number % 9 == 1 else number}", doing, "li", "supervisor", from_us(at),
            alert_id=revision.alert_id, why="so", disposition="benign", assigned_to="street",
            until=from_us(at + rng.randrange(1, 40) * HOUR),
            silence=Silencing(Matchers(rule=revision.rule, key=revision.key), on_close=rng.random() < 0.3),
        )  # fmt: skip
        acts += [Act(at, action)] * rng.choice([1, 1, 1, 2])
    return acts


def of_matters(rng: Random, pooled: dict[str, PooledEvent]) -> list[Record]:
    """Matters that somebody finds to be one, and matters of which somebody finds two."""
    by_matter: dict[str, list[PooledEvent]] = {}
    for each in pooled.values():
        by_matter.setdefault(each.matter, []).append(each)
    large = sorted(matter for matter, events in by_matter.items() if len(events) > 3)
    acts: list[Record] = []
    for number in range(60):
        one, other = rng.sample(large, 2)
        told = sorted(by_matter[one], key=lambda each: (each.arrived_at, each.event.id))
        known = rng.randrange(3, len(told))
        at = to_us(max(told[known].arrived_at, by_matter[other][0].arrived_at)) + rng.randrange(5 * DAY)
        doing: Doing = "merge" if number % 2 else "split"
        what = {"into": other} if number % 2 else {"events": tuple(each.event.id for each in told[: known - 1])}
        action = AlertAction(
            f"m{number}", doing, "li", "supervisor", from_us(at), matter=one, why="so", **what,  # type: ignore[arg-type]
        )  # fmt: skip
        acts.append(Act(at, action))
    return acts


def plain(log: list[Record]) -> Plain:
    """What the stages say of the log without an engine, record by record."""
    compiler = partial(RuleBook.compiled, channels=CHANNELS, calendars=load_calendars())
    routing_of = partial(Routing, calendars=load_calendars())
    found = Plain([], {}, {})

    def history(matters: frozenset[str], before: int) -> list[PooledEvent]:
        found.asked[before] = [each for each in found.pooled.values() if each.matter in matters]
        return found.asked[before]

    rules = load_rules([RULES_FOLDER], CHANNELS)
    pipeline = Pipeline(rules, CHANNELS, 1, compiler, routing_of=routing_of, matters=history)
    for cut in [*(Slice(record.arrived_us, [record]) for record in log), Slice(log[-1].arrived_us + AFTER_US, [])]:
        routed, drafts = pipeline.take(cut)
        found.pooled.update({each.event.id: each for each in routed.pooled})
        found.revisions.extend(draft.revision for draft in drafts if not draft.standing)
    return found


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return whole_log()


@pytest.fixture(scope="module")
def found(log: list[Record]) -> Plain:
    """The log without an engine."""
    return plain(log)


@pytest.fixture(scope="module")
def matters(found: Plain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the pool would say, for flows that have none."""
    file = tmp_path_factory.mktemp("matters") / "matters.json"
    file.write_bytes(msgspec.json.encode(found.asked))
    return file


@pytest.fixture(scope="module")
def wanted(found: Plain) -> list[Revision]:
    """What every run has to say."""
    revisions = found.revisions
    reasons = {revision.reason for revision in revisions}
    assert len({revision.kind for revision in revisions}) == KINDS
    assert {"acked", "ack_expired", "escalated", "unmuted", "resolved_by_user", "reopened"} <= reasons
    assert {("merged", "merged"), ("split", "split"), ("open", "merged")} <= {(r.state, r.reason) for r in revisions}
    assert {link.type for r in revisions for link in r.links} >= {"merged_into", "split_from", "previous"}
    assert {"told", "shadow"} == {said(revision).audience for revision in revisions}
    return revisions


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory, log: list[Record]) -> Iterator[str]:
    with Broker(tmp_path_factory.mktemp("broker")) as broker:
        write_log(broker.bootstrap, log)
        yield broker.bootstrap


@pytest.fixture
def cluster(bootstrap: str, matters: Path, tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(bootstrap, tmp_path / "once", matters)
    yield found
    found.end()


@pytest.fixture
def lasting(bootstrap: str, matters: Path, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster that keeps its state."""
    found = Cluster(bootstrap, tmp_path / "lasting", matters, keeps_state=True)
    yield found
    found.end()


def test_what_crosses_between_workers_stays_as_it_was_sent(log: list[Record], found: Plain) -> None:
    """Several threads work off what one of them sends to another process; the engine pickles it twice meanwhile."""
    compiler = partial(RuleBook.compiled, channels=CHANNELS, calendars=load_calendars())
    rules = load_rules([RULES_FOLDER], CHANNELS)
    linking = Linking(rules, CHANNELS, 2, compiler, matters=lambda _, before: found.asked[before])
    shards = [Shard(rules, compiler) for _ in range(2)]
    for start in range(0, len(log), 50):
        part = log[start : start + 50]
        for routed in linking.take(Slice(part[-1].arrived_us, part)):
            sent = pickle.dumps(routed.work)
            drafts = [shard.take(work) for shard, work in zip(shards, routed.work, strict=True)]

            assert pickle.dumps(routed.work) == sent
            assert pickle.loads(pickle.dumps(drafts)) == drafts


def assert_same(found: list[Revision], wanted: list[Revision]) -> None:
    """The digests are equal, and so is the place in the feed of every revision that was told."""
    one, other = list(map(said, found)), list(map(said, wanted))
    assert differences(one, other)[:3] == []
    assert digest(one) == digest(other)
    assert len({(r.alert_id, r.revision, r.content_hash, r.feed_seq) for r in found}) == len(wanted)


def wait_for(cluster: Cluster, share: float, wanted: list[Revision]) -> None:
    """Until that share of everything has been said; the cluster must still be in the middle of it then."""
    wait_until(lambda: cluster.count() >= share * len(wanted) or not cluster.runs, "revisions must be said")
    assert cluster.runs, cluster.output()[-2000:]


@pytest.mark.parametrize(
    ("processes", "workers"),
    [(1, 1), (1, 4), (4, 1), (2, 2)],
    ids=["1 worker", "4 threads", "4 processes", "2 processes of 2 threads"],
)
def test_at_full_speed_any_workers_give_one_answer(
    cluster: Cluster, wanted: list[Revision], processes: int, workers: int
) -> None:
    cluster.start(processes, workers=workers, batch=1_000)

    assert set(cluster.wait()) == {0}, cluster.output()[-2000:]
    assert_same(cluster.said(), wanted)


def test_read_slowly_in_small_slices_it_is_the_same_answer(cluster: Cluster, wanted: list[Revision]) -> None:
    cluster.start(batch=7, pause_ms=2)

    assert cluster.wait() == [0], cluster.output()[-2000:]
    assert_same(cluster.said(), wanted)


def test_stopped_killed_and_rescaled_in_the_middle_it_is_the_same_answer(
    lasting: Cluster, wanted: list[Revision]
) -> None:
    lasting.start(batch=20, pause_ms=10)
    wait_for(lasting, 0.2, wanted)
    assert lasting.stop() == [0], lasting.output()[-2000:]
    lasting.start(processes=2, batch=20, pause_ms=10)
    wait_for(lasting, 0.4, wanted)
    assert lasting.kill(1)[1] != 0
    lasting.start(workers=4, batch=20, pause_ms=10)
    wait_for(lasting, 0.6, wanted)
    lasting.kill()
    lasting.start(processes=3, batch=20, pause_ms=10)
    wait_for(lasting, 0.8, wanted)
    assert lasting.stop() == [0, 0, 0], lasting.output()[-2000:]
    assert len({(r.alert_id, r.revision) for r in lasting.said()}) < len(wanted)

    lasting.start(workers=4)

    assert lasting.wait() == [0], lasting.output()[-2000:]
    assert_same(lasting.said(), wanted)
