"""Every PromQL of every board is run by a real Prometheus that scrapes the real flow and the real service."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from family_reports import family_reports
from grafana_boards import PROMETHEUS, committed, queries
from grafana_macros import chosen, promql
from live_flow import wait_until
from oncall_flow import RUN, SERVE, OnCallFlow
from prometheus_server import EVERY_SECONDS, Prometheus

from alerts.model import AlertAction, Event, Matchers, Silencing
from connectors.kafka import ACTIONS, RawProducer
from connectors.metrics import Metrics
from connectors.metrics_reader import Samples

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ASKED = {each.name: each for each in queries(PROMETHEUS)}
BOARDS = committed()
WELL = "没有即正常"
WINDOW_SECONDS = 20
# what a short and healthy day does not do; a panel that is empty for it says that this is well
DID_NOT_HAPPEN = (
    "anlan_events_dropped_total", "anlan_receipts_dropped_total", "anlan_keys_evicted_total",
    "anlan_rules_failed_total", "anlan_rule_gaps_noted_total", "anlan_rows_skipped_total",
    "anlan_flushes_retried_total",
)  # fmt: skip


class Scraped(NamedTuple):
    """A Prometheus that has seen a flow for a while, and when that was."""

    server: Prometheus
    since: float
    until: float
    pages: dict[str, Samples]


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("scraped")
    flow = OnCallFlow(folder, folder / "state")
    with flow.servers(), flow.group() as group, Prometheus(folder / "prometheus", flow.ports) as server:
        group.work()
        since = time.time()
        flow.start_at()
        flow.start_service()
        wait_until(lambda: _answers(flow.api), "the service must answer")
        for part in range(4):
            flow.send(family_reports(part, 60))
            flow.send(_late_and_repeated(part))
            flow.send_bytes("police", [b"no json"])
            act(flow.broker.bootstrap, part)
            flow.ask(3)
            _wait_for_scrapes(server, 4 * (part + 1))
        _wait_for_scrapes(server, 24)
        yield Scraped(server, since, *_at_rest(flow, server))


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/live", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def act(bootstrap: str, part: int) -> None:
    """Somebody silences a rule."""
    now = datetime.now(UTC)
    silence = Silencing(Matchers(rule="rc.repeat-contact"))
    action = AlertAction(
        f"quiet-{part}", "silence", "li", "supervisor", now, silence=silence, why="x", until=now + timedelta(hours=1)
    )
    with RawProducer(bootstrap) as producer:
        producer.send(ACTIONS, msgspec.json.encode(action))
        producer.flush()


def _late_and_repeated(part: int) -> list[Event]:
    old = datetime.now(UTC) - timedelta(days=20)
    late = Event(f"late-{part}", "police", "received", old, region="620102001", subcategory="water")
    return [late, *family_reports(0, 2)]


def _wait_for_scrapes(server: Prometheus, count: int) -> None:
    wait_until(
        lambda: all(_scrapes(server, job) >= count for job in (RUN, SERVE)),
        f"Prometheus must have scraped {count} times",
    )


def _scrapes(server: Prometheus, job: str) -> int:
    """How many were answered."""
    found = server.now(f'sum_over_time(up{{job="{job}"}}[10m])')
    return int(found[0]["value"][1]) if found else 0


def _at_rest(flow: OnCallFlow, server: Prometheus) -> tuple[float, dict[str, Samples]]:
    """When the flow had nothing left to do for some scrapes, and what each process said then."""
    found: list[dict[str, Samples]] = []

    def rests() -> bool:
        if found:
            _wait_for_scrapes(server, _scrapes(server, RUN) + 4)
        found.append({job: Samples(page or "") for job, page in flow.scrape().pages.items()})
        return len(found) > 1 and _kept(found[-1]) == _kept(found[-2]) > 0

    wait_until(rests, "the flow must come to rest")
    return time.time(), found[-1]


def _kept(pages: dict[str, Samples]) -> float:
    return pages[RUN].total("events_kept_count")


def answered(scraped: Scraped, name: str) -> list[dict[str, Any]]:
    """The series that Grafana would get."""
    asked = ASKED[name]
    values = chosen(BOARDS[asked.board])
    expression = promql(asked.query["expr"], values, WINDOW_SECONDS)
    if asked.query["instant"]:
        return scraped.server.now(expression)
    return scraped.server.over_time(expression, scraped.since, scraped.until, EVERY_SECONDS)


@pytest.mark.parametrize("name", ASKED)
def test_a_query_answers_with_numbers(scraped: Scraped, name: str) -> None:
    series = answered(scraped, name)

    if not series:
        asked = ASKED[name]
        assert WELL in asked.panel["description"]
        assert any(metric in asked.query["expr"] for metric in DID_NOT_HAPPEN)
    points = [value for each in series for _, value in each.get("values") or [each["value"]]]
    assert not series or any(value != "NaN" for value in points)


def test_a_gauge_shows_what_the_process_says(scraped: Scraped) -> None:
    waiting = {each["metric"]["channel"] for each in answered(scraped, "health/渠道水位落后/A")}
    kept = answered(scraped, "health/记着多少/B")

    page = scraped.pages[RUN]
    assert waiting == set(page.by("channel_watermark_lagged_seconds", "channel"))
    assert float(kept[0]["values"][-1][1]) == page.total("events_kept_count") > 0


@pytest.mark.parametrize(
    ("name", "said", "within"),
    [
        ("health/流程/A", lambda page, now: 1, 0),
        ("health/日历还够/A", lambda page, now: page.total("calendars_covered_timestamp_seconds") - now, 60),
        ("health/磁盘余量/A", lambda page, now: page.total("disk_left_bytes"), 1e9),
        ("health/磁盘/A", lambda page, now: page.total("disk_left_bytes"), 1e9),
    ],
)
def test_a_number_of_the_flow_is_its_own_while_the_service_is_scraped_beside_it(
    scraped: Scraped, name: str, said: Callable[[Samples, float], float], within: float
) -> None:
    assert scraped.pages[SERVE].total("disk_left_bytes") == 0

    [series] = answered(scraped, name)
    _, value = series["value"] if "value" in series else series["values"][-1]

    assert float(value) == pytest.approx(said(scraped.pages[RUN], time.time()), abs=within)


def test_no_process_is_counted_before_the_flow_runs(scraped: Scraped) -> None:
    expression = ASKED["health/流程/A"].query["expr"]
    [series] = scraped.server.over_time(expression, scraped.since - 60, scraped.since - 60, 1)

    assert [value for _, value in series["values"]] == ["0"]


def test_a_rate_is_what_came_in_over_the_time(scraped: Scraped) -> None:
    series = answered(scraped, "health/收到（每秒）/A")

    total = sum(float(value) * EVERY_SECONDS for each in series for _, value in each["values"])
    received = scraped.pages[RUN].total("events_received_total")
    assert received > 240
    assert 0.2 * received < total < 2 * received


def test_the_quantile_is_that_of_the_histogram(scraped: Scraped) -> None:
    (series,) = answered(scraped, "health/警情时延 p99/A")

    exact = scraped.pages[RUN].quantile("alert_published_seconds", 0.99)
    assert float(series["value"][1]) == pytest.approx(exact, rel=0.5)


def test_processes_to_choose_from_are_found(scraped: Scraped) -> None:
    (variable,) = [each for each in BOARDS["health"]["templating"]["list"] if each["name"] == "instance"]
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
    assert found

    assert scraped.server.values_of(found[2], found[1]) == scraped.server.values_of("instance", f'up{{job="{RUN}"}}')


def test_every_metric_of_a_query_is_declared() -> None:
    declared = {metric.name for metric in Metrics().declared}
    named = {re.sub(r"_(bucket|sum|count)$", "", each) if each not in declared else each
             for asked in ASKED.values() for each in re.findall(r"anlan_\w+", asked.query["expr"])}  # fmt: skip

    assert named <= declared


def test_every_metric_is_on_a_board() -> None:
    shown = " ".join(asked.query["expr"] for asked in ASKED.values())
    told_otherwise = {"anlan_events_pooled_total"}  # as `rows_written` of the sink

    assert {metric.name for metric in Metrics().declared if metric.name not in shown} <= told_otherwise


def test_the_server_is_stopped_with_the_test(tmp_path: Path) -> None:
    with Prometheus(tmp_path, {RUN: 1}) as server:
        assert server.is_running()

    assert not server.is_running()
