"""Every on-call alert is provoked once: the real flow is broken, and the alert's own rule judges what its metrics said.

One installation lives through all of it. What Prometheus would have seen at each moment is kept; a film of such
moments, each held for as long as the alert waits, goes to promtool: quiet before, firing after, over when it is mended.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import redis
from family_reports import family_reports
from live_flow import wait_until
from oncall_flow import GROUP, SERVE, OnCallFlow, hours_on
from own_disk import Disk
from promtool import HINT, Expected, Moment, Scrape, alert_rules, firing, judge
from tools import need

from alerts.duration import MINUTE_US, parse_duration
from alerts.model import Event
from connectors.metrics_reader import Samples

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

LONG_MINUTES = 70  # longer than an alert looks back, unless it remembers for a day
SPEAKING = ("police", "hotline", "grid", "resident")  # the channels that are connected
Story = dict[str, Scrape]


class Provoked(NamedTuple):
    """The moments of the story at whose end an alert must fire, and the one at which it must be over."""

    by: tuple[str, ...]
    over: str = ""
    calm: str = "calm"
    stands: bool = False


PROVOKED = {
    "AnlanFlowGone": Provoked(("stopped",), "second life"),
    "AnlanFlowRestartsOften": Provoked(
        ("second life", "old news", "third life", "heard again", "fourth life"), "rebuilt"
    ),
    "AnlanFlowStandsStill": Provoked(("broker killed",), stands=True),
    "AnlanBrokerMissed": Provoked(("broker killed",)),
    "AnlanBacklogGrows": Provoked(("flood",), "mended"),
    "AnlanAlertsSlow": Provoked(("delivered late",), "mended"),
    "AnlanClockWentBack": Provoked(("clock behind",), "mended"),
    "AnlanStateRebuilt": Provoked(("fourth life",), "rebuilt"),
    "AnlanDiskFull": Provoked(("disk full",), "mended"),
    "AnlanDiskFilling": Provoked(("disk full",), "mended"),
    "AnlanHashesMismatched": Provoked(("rebuilt",)),
    "AnlanAlertsNotDelivered": Provoked(("servers away",), "mended"),
    "AnlanFeedIncomplete": Provoked(("redis wiped",), "redis restored"),
    "AnlanPoolAway": Provoked(("servers away",), "mended"),
    "AnlanSpoolFilling": Provoked(("servers away",), "mended"),
    "AnlanChannelSilent": Provoked(("two days on",), "heard again"),
    "AnlanDeadLettersSurge": Provoked(("bad rows",), "mended"),
    "AnlanLateEventsSurge": Provoked(("bad rows",), "mended"),
    "AnlanWatermarkLags": Provoked(("old news",), "mended"),
    "AnlanRuleSwitchedOff": Provoked(("bad rows",), "mended"),
    "AnlanRuleEditRefused": Provoked(("bad rows",), "mended"),
    "AnlanCapsExceeded": Provoked(("rule added", "bad rows"), "mended"),
    "AnlanCalendarRunsOut": Provoked(("late in the calendar",), "early in the calendar", "early in the calendar"),
    "AnlanCertificateEnds": Provoked(("late for a certificate",)),
    "AnlanHostsMissing": Provoked(("group waits",), "group works", "group works"),
    "AnlanLivesBeginOften": Provoked(("lives begin",), "lives begin", "group works"),
    "AnlanServiceGone": Provoked(("service killed",)),
    "AnlanServiceFails": Provoked(("requests fail", "more requests fail"), "mended"),
}


def test_every_alert_is_in_the_list() -> None:
    assert PROVOKED.keys() == alert_rules().keys()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    found = Disk(tmp_path_factory.mktemp("disk"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, disk: Disk) -> Iterator[Story]:
    """What Prometheus would have seen at each moment."""
    need("promtool", HINT)
    flow = OnCallFlow(tmp_path_factory.mktemp("oncall"), disk.folder / "state")
    flow.write_rule("oncall.raises")
    with flow.servers():
        found: Story = {}
        first_life(flow, found, disk)
        other_lives(flow, found)
        the_end(flow, found)
        yield found


def first_life(flow: OnCallFlow, found: Story, disk: Disk) -> None:
    flow.start_at()
    flow.start_service()
    flow.send(family_reports(0, 120))
    flow.until(lambda seen: seen.total("alert_published_seconds_count") > 20, "alerts must be published")
    wait_until(lambda: flow.scrape().pages["anlan-serve"] is not None, "the service must start")
    assert flow.ask(3) == [200, 200, 200]
    flow.until(lambda seen: "rc.repeat-contact" in seen.by("rule_watermark_lagged_seconds", "rule"), "it must be told")
    found["calm"] = flow.until(lambda seen: seen.total("rows_waited_seconds") == 0, "all must be delivered")
    found["early in the calendar"] = before_the_end(found["calm"], "calendars", days=300)
    found["late in the calendar"] = before_the_end(found["calm"], "calendars", days=59)
    found["late for a certificate"] = before_the_end(found["calm"], "certificates", days=20)
    bad_rows(flow, found)
    servers_away(flow, found, disk)
    a_wiped_redis(flow, found)
    a_group(flow, found)


def bad_rows(flow: OnCallFlow, found: Story) -> None:
    """Rows nobody can read, rows from ten days ago, a rule with too many keys, one that raises, and a broken file."""
    flow.write_rule("oncall.caps")
    found["rule added"] = flow.until(
        lambda seen: "oncall.caps" in seen.by("caps_exceeded_total", "rule"), "a rule that is added must be counted"
    )
    flow.send_bytes("police", [b'{"id": '] * 60)
    flow.send(event(f"late-{n}", "hotline", timedelta(days=10)) for n in range(60))
    flow.send(event(f"resident-{n}", "resident") for n in range(40))
    flow.until(lambda seen: seen.by("rule_failed_state", "rule").get("oncall.raises", 0) == 1, "a rule must go off")
    (flow.rules / "broken.yaml").write_text("kind: none\n", encoding="utf-8")
    found["bad rows"] = flow.until(
        lambda seen: (
            seen.total("rule_books_refused_total") > 0
            and seen.total("events_dead_lettered_total") >= 60
            and seen.total("caps_exceeded_total") > 0
            and seen.total("events_late_total") >= 60
        ),
        "all must be counted",
    )
    (flow.rules / "broken.yaml").unlink()
    flow.write_rule("oncall.raises", version=2)
    flow.until(
        lambda seen: (
            seen.by("rule_failed_state", "rule").get("oncall.raises") == 0
            and "oncall.raises" in seen.by("revisions_published_total", "rule")
        ),
        "a mended rule must go on",
    )


def flood(flow: OnCallFlow, found: Story) -> None:
    flow.send(event(f"flood-{n}", "grid", action="heartbeat") for n in range(60_000))
    found["flood"] = flow.until(lambda seen: seen.total("records_waited_count") > 7_000, "rows must wait")
    flow.until(lambda seen: seen.total("records_waited_count") == 0, "the flood must pass")


def servers_away(flow: OnCallFlow, found: Story, disk: Disk) -> None:
    """Redis and the pool are away for longer than an alert may take; meanwhile the disk is full, and a flood comes."""
    flow.valkey.kill()
    flow.clickhouse.kill()
    flow.send(family_reports(1, 200))
    found["servers away"] = flow.until(
        lambda seen: (
            seen.by("sink_away_state", "sink").get("redis") == 1
            and seen.by("sink_away_state", "sink").get("pool") == 1
            and seen.by("rows_spooled_bytes", "sink").get("redis", 0) > 50_000
        ),
        "rows must wait on the disk",
    )
    assert set(flow.ask(6)) == {503}
    found["requests fail"] = flow.scrape()
    flow.ask(6)
    found["more requests fail"] = flow.scrape()
    if disk.is_ours:
        disk.leave(20_000_000)
        found["disk full"] = flow.until(lambda seen: seen.total("disk_filled_state") == 1, "the disk must be full")
        disk.grow()
    flood(flow, found)
    before = flow.until(lambda seen: seen.by("rows_waited_seconds", "sink")["redis"] > 11, "alerts must wait")
    published = Samples(before.pages["anlan-run"] or "").total("alert_published_seconds_count")
    flow.valkey.start()
    flow.clickhouse.start()
    found["delivered late"] = flow.until(
        lambda seen: (
            seen.total("rows_waited_seconds") == 0 and seen.total("alert_published_seconds_count") > published + 50
        ),
        "all must be delivered, and counted",
    )
    assert set(flow.ask(3)) == {200}
    flow.until(
        lambda seen: seen.total("feeds_missed_state") == 0, "the service must have seen that Redis is back", SERVE
    )
    found["mended"] = flow.until(
        lambda seen: seen.total("disk_filled_state") == 0 == seen.total("sink_away_state"), "the disk must have room"
    )


def a_wiped_redis(flow: OnCallFlow, found: Story) -> None:
    """Nothing is said meanwhile: the service finds out, and sees that what was there is there again."""
    with redis.Redis.from_url(flow.valkey.url) as client:
        held = {key: client.dump(key) for key in client.scan_iter()}
        client.flushall()
        found["redis wiped"] = flow.until(lambda seen: seen.total("revisions_lost_count") > 0, "it must be told", SERVE)
        client.flushall()
        for key, value in held.items():
            client.restore(key, 0, value)
    found["redis restored"] = flow.until(lambda seen: seen.total("revisions_lost_count") == 0, "it must be over", SERVE)


def a_group(flow: OnCallFlow, found: Story) -> None:
    """Another host takes up the state, and is started again and again."""
    with flow.group() as group:
        found["group waits"] = flow.until(
            lambda seen: seen.total("hosts_heard_count") == 2 and seen.total("lives_begun_total") > 0,
            "the hosts must be heard",
            GROUP,
        )
        group.work()
        found["group works"] = flow.until(
            lambda seen: seen.total("hosts_worked_count") == 1, "one must be at work", GROUP
        )
        lives = Samples(found["group works"].pages[GROUP] or "").total("lives_begun_total")
        group.start_again(14)
        found["lives begin"] = flow.until(
            lambda seen: seen.total("lives_begun_total") >= lives + 12, "lives must begin", GROUP
        )


def other_lives(flow: OnCallFlow, found: Story) -> None:
    """Two days on, back again, and without the state."""
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]
    found["stopped"] = flow.scrape()
    found["second life"] = flow.start_at(hours_on(48), speed=20_000)
    found["two days on"] = flow.until(lambda seen: silent(seen, "police") == 1, "a channel must be silent")
    flow.send([event("old-news", "grid")])
    usual = lag(Samples(found["calm"].pages["anlan-run"] or ""))
    found["old news"] = flow.until(lambda seen: lag(seen) > max(20, 2 * usual + 7), "a rule must wait")
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]
    found["third life"] = flow.start_at()
    found["clock behind"] = flow.until(
        lambda seen: seen.total("log_clock_led_seconds") > 0 and seen.total("ticks_written_total") > 0,
        "the clock must be behind",
    )
    flow.send(event(f"heard-{channel}", channel, action="heartbeat") for channel in SPEAKING)
    found["heard again"] = flow.until(
        lambda seen: not any(silent(seen, channel) for channel in SPEAKING), "all must be heard"
    )
    assert flow.stop(signal.SIGTERM) == 0, flow.said()[-2000:]
    tamper(flow.valkey.url)
    shutil.rmtree(flow.state)
    found["fourth life"] = flow.start_at(hours_on(200))
    found["rebuilt"] = flow.until(
        lambda seen: (
            seen.total("state_rebuilt_state") == 0
            and seen.by("hashes_mismatched_total", "sink").get("redis", 0) > 0
            and seen.by("rows_skipped_total", "sink").get("kafka", 0) > 0
            and seen.total("epochs_closed_seconds_count") > 1
        ),
        "the state must be rebuilt, and the change noticed",
    )


def the_end(flow: OnCallFlow, found: Story) -> None:
    flow.kill_service()
    found["service killed"] = flow.scrape()
    flow.broker.kill()
    found["broker killed"] = flow.until(
        lambda seen: seen.total("broker_missed_state") == 1, "the broker must be missed"
    )


def event(name: str, channel: str, ago: timedelta = timedelta(), action: str = "received") -> Event:
    at = datetime.now(UTC) - ago
    return Event(name, channel, action, at, reporter=f"k1:{name}", pair=f"k1:{name}", region="620102001")  # type: ignore[arg-type]


def silent(seen: Samples, channel: str) -> float:
    return seen.by("channel_silenced_state", "channel").get(channel, -1)


def lag(seen: Samples) -> float:
    """How many hours a rule waits."""
    return seen.by("rule_watermark_lagged_seconds", "rule")["rc.repeat-contact"] / 3600


def tamper(url: str) -> None:
    """Somebody has changed what was published."""
    client = redis.Redis.from_url(url)
    for key in client.keys("alert:*"):
        client.hset(key, "content_hash", "changed")
    client.close()


def before_the_end(scrape: Scrape, what: str, days: int) -> Scrape:
    """The same metrics on another day."""
    ends_at = Samples(scrape.pages["anlan-run"] or "").total(f"{what}_covered_timestamp_seconds")
    return scrape._replace(at=ends_at - days * 86_400)


@pytest.mark.parametrize("moment", ["calm", "mended"])
def test_nothing_fires_while_all_is_well(moment: str, story: Story, tmp_path: Path) -> None:
    film = [Moment(story[moment], LONG_MINUTES)]

    assert judge(tmp_path, film, [Expected(last_minute(film), firing(), 0)]) == ""


@pytest.mark.parametrize("alert", sorted(PROVOKED))
def test_it_is_quiet_fires_and_is_over(alert: str, story: Story, tmp_path: Path) -> None:
    provoked = PROVOKED[alert]
    if "disk full" in provoked.by and "disk full" not in story:
        pytest.skip("a disk of the test's own needs the right to mount; got none; run as root")
    waits = parse_duration(alert_rules()[alert].get("for", "0s")) // MINUTE_US
    film = [
        Moment(story[provoked.calm], LONG_MINUTES),
        *(Moment(story[name], 2) for name in provoked.by[:-1]),
        Moment(story[provoked.by[-1]], waits + 5, provoked.stands),
    ]
    expected = [
        Expected(LONG_MINUTES - 1, firing(alert), 0),
        Expected(last_minute(film), f"count({firing(alert)})", 1),
    ]
    if provoked.over:
        film.append(Moment(story[provoked.over], LONG_MINUTES))
        expected.append(Expected(last_minute(film), firing(alert), 0))

    assert judge(tmp_path, film, expected, alert) == ""


def last_minute(film: list[Moment]) -> int:
    return sum(moment.minutes for moment in film) - 1
