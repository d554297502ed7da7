"""This release starts on what earlier ones kept, goes on exactly, and misses nothing while it is restarted."""

from __future__ import annotations

import signal
import time
from datetime import timedelta

import msgspec
import pytest
from family_reports import family_reports, replayed
from live_flow import LiveFlow, in_topic, logged_events, send, wait_until
from old_installation import RECORDED, RELEASE, REPORTS, Release, put_back
from subscribing import revision_reader

from alerts.model import Event, from_us
from connectors.clickhouse import Pool
from dataflows.start import VERSIONS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

RELEASES = sorted(path.parent.name for path in RECORDED.glob(f"*/{RELEASE}"))
SECOND = 1_000_000


def test_the_state_of_this_release_is_recorded() -> None:
    """Raise a version, and the state that it replaces stays; record a new one beside it."""
    recorded = [msgspec.json.decode((RECORDED / name / RELEASE).read_bytes(), type=Release) for name in RELEASES]

    assert VERSIONS in [release.state_versions for release in recorded]


@pytest.mark.parametrize("name", RELEASES)
def test_the_state_of_a_release_is_gone_on_from(live_flow: LiveFlow, name: str) -> None:
    """Reports come in before, between and after two starts; of a state of another version the log makes a new one."""
    release = put_back(RECORDED / name, live_flow)
    bootstrap = live_flow.broker.bootstrap
    before = in_topic(bootstrap)
    live_flow.settings |= {
        "ANLAN_CLOCK_START": str(release.clock_us + 5 * SECOND), "ANLAN_CLOCK_ORIGIN": str(time.time()),
    }  # fmt: skip
    reader = revision_reader(live_flow.valkey.url)
    later = reports_after(release, 2)
    send(bootstrap, later[:20])
    live_flow.start()
    wait_until(lambda: live_flow.said().count("flow_started") == 1, "the flow must start")
    send(bootstrap, later[20:40])
    wait_until(lambda: logged_events(bootstrap) > REPORTS, "some events must reach the log")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]
    send(bootstrap, later[40:])
    live_flow.start()
    wait_until(lambda: logged_events(bootstrap) >= REPORTS + len(later), "every event must reach the log")
    wait_until(lambda: all_told(bootstrap), "every alert must reach the topic")
    assert live_flow.stop(signal.SIGTERM) == 0, live_flow.said()[-2000:]

    is_rebuilt = release.state_versions != VERSIONS
    assert ("snapshot_set_aside" in live_flow.said(), "rebuild_began" in live_flow.said()) == (is_rebuilt, is_rebuilt)
    after = in_topic(bootstrap)
    assert after[: len(before)] == before
    assert [each.feed_seq for each in after] == list(range(1, len(after) + 1))
    assert {(each.alert_id, each.revision): each.content_hash for each in after} == replayed(bootstrap)
    assert len(after) > len(before) + 10
    reader.read()
    assert reader.duplicates == 0
    with Pool(live_flow.dsn) as pool:
        assert pool.count_events() >= len(later)
        assert pool.recount_check() == []


def reports_after(release: Release, seed: int) -> list[Event]:
    """Reports about the same families, as late as those of the recorded log were."""
    found = family_reports(seed, 60)
    newest = max(event.occurred_at for event in found)
    moved = from_us(release.clock_us) - newest - timedelta(seconds=1)
    return [msgspec.structs.replace(event, occurred_at=event.occurred_at + moved) for event in found]


def all_told(bootstrap: str) -> bool:
    """Whether the topic has all that the log says."""
    return {(each.alert_id, each.revision) for each in in_topic(bootstrap)} >= replayed(bootstrap).keys()
