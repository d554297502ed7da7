"""Rules edited under a running flow and a stream of events: none is lost, nothing is said twice, the past is known."""

from __future__ import annotations

import shutil
import signal
import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import msgspec
import pytest
from live_flow import LiveFlow, in_topic, logged_events, read_log, wait_until
from subscribing import revision_reader

from alerts.desk.routing import Routing
from alerts.desk.routing_file import read_routing
from alerts.model import Book, Event, Slice, to_us
from alerts.pipeline import Pipeline
from alerts.rule_book import RuleBook
from alerts.rule_file import RuleFile
from connectors.calendars import load_calendars
from connectors.clickhouse import Pool
from connectors.kafka import RawProducer, raw_topic
from connectors.registry import load_channels

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RULE = """
apiVersion: rules/v1
id: ed.{name}
version: {version}
kind: threshold
title: {{zh: 试, en: try}}
owner: tests
runbook: rb/none
purpose: life-safety
channels: [police, hotline, grid]
select: {{contact: {{action: [received]}}}}
key: [pair]
window: {{size: {size}, lateness: 2h}}
levels:
  - {{gte: {least}, level: blue}}
  - {{gte: {most}, level: red}}
lifecycle: {{quiet_close: 1d}}
explain: "{words} {{count}}"
"""


def write(folder: Path, name: str, **parts: object) -> None:
    told = {"version": 1, "size": "1d", "least": 3, "most": 30, "words": "before", **parts}
    file = folder / f"{name}.yaml"
    file.with_suffix(".new").write_text(RULE.format(name=name, **told), encoding="utf-8")
    file.with_suffix(".new").rename(file)


class Callers:
    """Sends a report every few milliseconds until told to stop; a few pairs, spread over the last hour and a half."""

    def __init__(self, bootstrap: str) -> None:
        self.sent = 0
        self._stop = threading.Event()
        self._bootstrap = bootstrap
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Callers:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _send(self) -> None:
        rng = Random(7)
        with RawProducer(self._bootstrap) as producer:
            while not self._stop.wait(0.004):
                event = Event(
                    id=f"e{self.sent}", channel=rng.choice(["grid", "hotline", "police"]), action="received",
                    occurred_at=datetime.now(UTC) - timedelta(minutes=rng.randrange(90)),
                    pair=f"k1:{'abcdefghijklmnopqrst'[rng.randrange(20)] * 20}", region="620102001",
                    category="dispute", subcategory="family",
                )  # fmt: skip
                producer.send(raw_topic(event.channel), msgspec.json.encode(event))
                self.sent += 1
            producer.flush()


def call_last(bootstrap: str) -> int:
    """Three reports of a pair that was not heard before: enough for an alert."""
    now = datetime.now(UTC)
    with RawProducer(bootstrap) as producer:
        for number in range(3):
            event = Event(f"last{number}", "police", "received", now, pair="k1:last", region="620102001")
            producer.send(raw_topic("police"), msgspec.json.encode(event))
        producer.flush()
    return 3


def expected(bootstrap: str) -> dict[tuple[str, int], str]:
    """The hashes that the plain stages give for the intake log with the rule books in it."""
    channels, calendars = load_channels(), load_calendars()
    pool: list[tuple[int, Event]] = []

    def history(names: frozenset[str], since: int, before: int) -> Iterable[Event]:
        return [e for at, e in pool if at < before and e.channel in names and to_us(e.occurred_at) >= since]

    compiler = partial(RuleBook.compiled, channels=channels, calendars=calendars)
    *records, (end, _) = read_log(bootstrap)
    first = next(book for _, book in records if isinstance(book, Book))
    routing, routing_of = read_routing(first.routing), partial(Routing, calendars=calendars)
    rules = compiler(RuleBook(tuple(load_first(first))))
    pipeline = Pipeline(rules, channels, 1, compiler, history, routing, routing_of)
    drafts = []
    for at, record in records:
        routed, said = pipeline.take(Slice(at, [record] if record else []))
        pool += [(to_us(pooled.arrived_at), pooled.event) for pooled in routed.pooled]
        drafts += said
    drafts += pipeline.take(Slice(end, []))[1]
    return {(d.revision.alert_id, d.revision.revision): d.revision.content_hash for d in drafts}


def load_first(book: Book) -> list[RuleFile]:
    return [msgspec.convert(rule, RuleFile) for rule in book.rules]


def test_a_text_a_threshold_and_a_window_change_under_load(tmp_path: Path, live_flow: LiveFlow) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    write(rules, "text")
    write(rules, "ladder", least=12)
    write(rules, "window", size="10m")
    live_flow.settings["ANLAN_RULES"] = str(rules)
    bootstrap = live_flow.broker.bootstrap
    live_flow.start()
    wait_until(lambda: "flow_started" in live_flow.said(), "the flow must start")
    with Callers(bootstrap) as callers:
        wait_until(lambda: logged_events(bootstrap) > 300, "events must reach the log")
        write(rules, "text", words="after")
        wait_until(lambda: live_flow.said().count("rule_book_written") == 2, "the text must be taken over")
        write(rules, "ladder", least=6, version=2)
        wait_until(lambda: live_flow.said().count("rule_book_written") == 3, "the ladder must be taken over")
        (rules / "broken.yaml").write_text("apiVersion: rules/v1\nkimd: threshold\n", encoding="utf-8")
        wait_until(lambda: "rule_book_refused" in live_flow.said(), "the broken book must be refused")
        (rules / "broken.yaml").unlink()
        write(rules, "window", size="3h", version=2)
        wait_until(lambda: live_flow.said().count("rule_book_written") == 4, "the window must be taken over")
        so_far = callers.sent
        wait_until(lambda: logged_events(bootstrap) > so_far + 200, "events must go on")
    live_flow.stop(signal.SIGKILL)
    live_flow.start()
    sent = callers.sent + call_last(bootstrap)  # when it tells of these it has read everything before them
    wait_until(lambda: logged_events(bootstrap) >= sent, "every event must reach the log")
    wanted = expected(bootstrap)
    wait_until(lambda: len({(r.alert_id, r.revision) for r in in_topic(bootstrap)}) >= len(wanted), "all must be told")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]

    told = in_topic(bootstrap)
    assert {(r.alert_id, r.revision): r.content_hash for r in told} == expected(bootstrap)
    assert len(told) == len(wanted)
    reader = revision_reader(live_flow.valkey.url)
    reader.read()
    assert reader.duplicates == 0
    with Pool(live_flow.dsn) as pool:
        assert pool.count_events() == sent
    open_now: dict[tuple[str, str], set[str]] = defaultdict(set)
    for revision in told:
        alerts = open_now[revision.rule, revision.key["pair"]]
        (alerts.add if revision.state == "open" else alerts.discard)(revision.alert_id)
        assert len(alerts) <= 1
    words = [r.text.en.split()[0] for r in told if r.rule == "ed.text"]
    assert "after" not in words or words.index("after") > words.index("before")
    assert {r.rule_generation for r in told if r.rule == "ed.ladder"} == {1}
    warmed = [r for r in told if r.rule == "ed.window" and r.rule_generation == 2 and r.revision == 1]
    turned_at = min(r.detected_at for r in warmed)
    assert any(r.first_occurred_at < turned_at - timedelta(minutes=60) for r in warmed)
    assert {r.reason for r in told if r.rule == "ed.window" and r.state == "closed"} <= {"superseded"}

    shutil.rmtree(live_flow.folder / "state")  # a rebuild passes the same edits at the same places
    live_flow.start()
    wait_until(lambda: "rebuild_done" in live_flow.said(), "the state must be rebuilt")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    assert in_topic(bootstrap) == told
    reader.read()
    assert reader.duplicates == 0
