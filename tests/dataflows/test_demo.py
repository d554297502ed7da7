"""The demo from its first row to its summary: found, accounted for, and nobody's number anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
import redis

from connectors.clickhouse import Pool
from connectors.identifiers import find_identifiers
from connectors.kafka import ends, partitions_of, read_all, topics
from connectors.metrics import Metrics
from connectors.registry import load_channels
from dataflows.cli.demo import _watch
from dataflows.demo import SPEED, Demo, Plan
from dataflows.demo_board import DemoBoard
from dataflows.demo_summary import summarise

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


class Ended(NamedTuple):
    """A demo that is over: its summary, and the text of every store it left behind."""

    summary: dict[str, Any]
    stores: dict[str, str]
    told: list[dict[str, Any]]  # the stories as the board tells them
    page: str


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    demo = Demo(Plan(40.0, 100.0, 7, SPEED / 2), tmp_path_factory.mktemp("demo"))
    with demo.running(), DemoBoard(demo).running() as address:
        sender = demo.send()
        _watch(demo, sender, kill_once(demo))
        demo.stop()
        sender.join(30)
        stores = dict(kafka_texts(demo.bootstrap)) | {"redis": redis_text(demo.redis_url)}
        stores["metrics"] = demo.metrics_page()
        board, _, token = address.partition("board/#token=")
        with httpx.Client(base_url=board, headers={"authorization": f"Bearer {token}"}, timeout=30) as client:
            stores["board"] = "".join(client.get(path).text for path in asked_by_the_board(client))
            told, page = client.get("/v1/stories").json()["stories"], client.get("/board/").text
    stores["clickhouse"] = pool_text(demo.pool_dsn)
    stores["log"] = (demo.folder / "flow.log").read_text(encoding="utf-8")
    stores["files"] = "\n".join(path.read_text(encoding="ascii") for path in demo.folder.glob("drop/done/*/*"))
    return Ended(summarise(demo), stores, told, page)


def kill_once(demo: Demo) -> Callable[[], None]:
    """A look at the demo; one of them, in the middle, finds Valkey dead."""
    looks = iter(range(10_000))

    def look() -> None:
        if next(looks) == 60:
            demo.parts.valkey.kill()

    return look


def asked_by_the_board(client: httpx.Client) -> list[str]:
    """Everything that a board asks for, and every alert whole."""
    open_ids = [each["alert_id"] for each in client.get("/v1/snapshot").json()["alerts"]]
    pasts = [f"/v1/alerts/{each}/past" for each in open_ids]
    matters = {matter["matter"] for past in pasts for matter in client.get(past).json()["matters"]}
    timelines = [f"/v1/matters/{each}/timeline" for each in sorted(matters)]
    return ["/v1/me", "/v1/names", "/v1/snapshot", "/v1/standing", "/v1/day?hours=168", *pasts, *timelines]


def kafka_texts(bootstrap: str) -> Iterator[tuple[str, str]]:
    """Every record of every topic, headers and keys included."""
    names = list(topics(load_channels()))
    places = [(name, part) for name, count in partitions_of(bootstrap, names).items() for part in range(count)]
    last = ends(bootstrap, places)
    records = read_all(bootstrap, {place: 0 for place, (end, _) in last.items() if end > 0})
    for record in records:
        yield f"kafka {record.source}", f"{record.key!r} {record.value.decode('utf-8', 'replace')} {record.headers!r}"


def redis_text(url: str) -> str:
    """Every key and value."""
    client: Any = redis.Redis.from_url(url)
    found = []
    for key in client.scan_iter():
        kind = client.type(key)
        value = {
            b"stream": lambda k: client.xrange(k),
            b"hash": lambda k: client.hgetall(k),
            b"zset": lambda k: client.zrange(k, 0, -1),
            b"string": lambda k: client.get(k),
            b"set": lambda k: client.smembers(k),
        }[kind](key)
        found.append(f"{key!r} {decoded(value)}")
    return "\n".join(found)


def decoded(value: Any) -> str:
    """Bytes as text: an escaped Chinese letter could hide what stands beside it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return " ".join(f"{decoded(k)} {decoded(v)}" for k, v in value.items())
    if isinstance(value, list | tuple | set):
        return " ".join(map(decoded, value))
    return str(value)


def pool_text(dsn: str) -> str:
    """Every row of every table."""
    with Pool(dsn) as pool:
        tables = [row["name"] for row in pool.rows("SELECT name FROM system.tables WHERE database = currentDatabase()")]
        return "\n".join(f"{table} {row}" for table in tables for row in pool.rows(f"SELECT * FROM {table}"))


def test_every_row_is_accounted_for(ended: Ended) -> None:
    assert ended.summary["unaccounted"] == []
    assert ended.summary["rows_sent"] == ended.summary["received"] > 1_000
    assert ended.summary["dead"] > 0
    assert ended.summary["duplicates"] > 0


def test_every_planted_story_is_found_and_nothing_else(ended: Ended) -> None:
    stories = ended.summary["stories"]

    assert stories["missed"] == stories["wrong_level"] == []
    assert len(stories["found"]) == stories["planted"] >= 9
    assert ended.summary["false_alarms"] == []
    assert ended.summary["alerts_on_harmless_resident"] == 0


def test_the_board_tells_the_stories_by_name_and_which_alert_found_each(ended: Ended) -> None:
    told = {each["id"].split("/")[0]: each for each in ended.told}
    met = [story for story in told.values() for each in story["expects"] if each["level"] == each["must_reach"]]

    assert {"邻里漏水逐级上行", "家庭纠纷由骂到打到持刀", "热心市民天天提建议"} <= {
        story["zh"] for story in told.values()
    }
    assert len(met) == len(ended.summary["stories"]["found"]) > 5
    assert all(each["alert_id"] in ended.stores["redis"] for story in met for each in story["expects"])
    assert [story["zh"] for story in told.values() if story["false_alarms"]] == []
    assert "安澜 · 值班台" in ended.page


def test_the_latency_is_reported(ended: Ended) -> None:
    latency = ended.summary["latency_seconds"]

    assert latency["count"] > 0
    assert 0 < latency["p50"] <= latency["p99"]


def test_no_raw_identifier_is_in_any_store(ended: Ended) -> None:
    assert {"redis", "clickhouse", "metrics", "log", "files", "board"} < set(ended.stores)
    assert sum(store.startswith("kafka events.v1") or "events.v1" in store for store in ended.stores) > 1_000

    found = {store: names for store, text in ended.stores.items() if (names := find_identifiers(text))}

    assert found == {}


def test_the_scanner_would_have_seen_them(ended: Ended) -> None:
    """The rows that were sent do hold identifiers: the test above is not empty."""
    from dataflows.city.city import City
    from dataflows.city.wire import to_bytes

    raw = "\n".join(
        to_bytes(row).decode("utf-8", "replace") for row, _ in zip(City(7, days=2).rows(), range(3000), strict=False)
    )

    assert len(find_identifiers(raw)) > 100


def test_every_metric_of_the_flow_is_fed(ended: Ended) -> None:
    """A metric that nobody feeds is a promise to on-call that is not kept."""
    begun = re.compile(r"(_total|_bucket|_seconds_sum|_seconds_count)\{.* 0\.0$")  # shown, and never counted
    lines = [line for line in ended.stores["metrics"].splitlines() if not line.startswith("#")]
    fed = {line.split("{")[0].split(" ")[0] for line in lines if not begun.search(line)}
    quiet = {  # only where something goes wrong, comes again after a crash, or is behind TLS
        "anlan_events_dropped_total", "anlan_events_late_total", "anlan_flushes_retried_total",
        "anlan_hashes_mismatched_total", "anlan_rows_skipped_total", "anlan_findings_suppressed_total",
        "anlan_rule_gaps_noted_total", "anlan_keys_evicted_total", "anlan_caps_exceeded_total",
        "anlan_rules_failed_total", "anlan_rule_failed_state", "anlan_receipts_dropped_total",
        "anlan_actions_received_total", "anlan_actions_judged_total",
        "anlan_requests_answered_total", "anlan_requests_answered_seconds", "anlan_streams_followed_count",
        "anlan_certificates_covered_timestamp_seconds",
    }  # fmt: skip

    for metric in Metrics().declared:
        assert metric.name in quiet or any(name.startswith(metric.name) for name in fed), metric.name
