"""The alerts topic, against a real broker: no revision is lost, none is written twice, one flow writes."""

from __future__ import annotations

import msgspec
import pytest
from broker_talk import NOON
from revisions import a_revision

from alerts.model import Revision, from_us
from connectors.kafka import AlertTopicSink, BrokerError, ensure_topics, greatest_topic_epoch, read_all
from connectors.metrics import Metrics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


def revision(alert: int, number: int, content: str = "", epoch: int = 1) -> Revision:
    at = from_us(NOON + (alert * 10 + number) * 1_000_000)
    return a_revision(f"a{alert}", number, at, content_hash=content or f"{alert}-{number}", engine_epoch=epoch)


@pytest.fixture
def alerts_topic(bootstrap: str, topic_prefix: str) -> str:
    topic = f"{topic_prefix}alerts.v1"
    ensure_topics(bootstrap, {topic: 2})
    return topic


def in_topic(bootstrap: str, topic: str) -> list[tuple[str, int, str]]:
    decoder = msgspec.json.Decoder(Revision)
    found = [decoder.decode(r.value) for r in read_all(bootstrap, {(topic, 0): -1, (topic, 1): -1})]
    return sorted((r.alert_id, r.revision, r.content_hash) for r in found)


def test_revisions_written_after_the_last_snapshot_are_not_written_again(bootstrap: str, alerts_topic: str) -> None:
    metrics = Metrics()
    sink = AlertTopicSink(bootstrap, alerts_topic, metrics)
    issued = [revision(alert, number) for alert in range(4) for number in (1, 2)]
    part = sink.build_part("s", "alerts", None)
    part.write_batch([issued[:2]])
    state = part.snapshot()
    part.write_batch([issued[2:5]])
    part.close()  # and no snapshot of it: a crash

    again = sink.build_part("s", "alerts", state)
    again.write_batch([issued[2:3]])
    half = again.snapshot()
    again.close()
    last = sink.build_part("s", "alerts", half)
    last.write_batch([issued[3:]])
    last.snapshot()

    assert in_topic(bootstrap, alerts_topic) == [(r.alert_id, r.revision, r.content_hash) for r in issued]
    assert metrics.value("anlan_rows_skipped_total", sink="kafka", reason="duplicate") == 3
    assert metrics.value("anlan_hashes_mismatched_total", sink="kafka") == 0


def test_after_the_written_ones_passed_a_restart_reads_back_from_the_end(bootstrap: str, alerts_topic: str) -> None:
    sink = AlertTopicSink(bootstrap, alerts_topic)
    part = sink.build_part("s", "alerts", None)
    part.write_batch([[revision(1, 1), revision(2, 1)]])
    part.close()

    again = sink.build_part("s", "alerts", None)
    again.write_batch([[revision(1, 1)]])
    early = again.snapshot()
    again.write_batch([[revision(3, 1)]])  # a changed rule does not issue 2/1 any more
    late = again.snapshot()

    assert early == {}
    assert sum(late.values()) == 3


def test_another_content_under_the_same_number_is_written_and_counted(bootstrap: str, alerts_topic: str) -> None:
    metrics = Metrics()
    sink = AlertTopicSink(bootstrap, alerts_topic, metrics)
    part = sink.build_part("s", "alerts", None)
    part.write_batch([[revision(1, 1)]])
    part.close()

    again = sink.build_part("s", "alerts", None)
    again.write_batch([[revision(1, 1, "other")]])
    again.snapshot()

    assert in_topic(bootstrap, alerts_topic) == [("a1", 1, "1-1"), ("a1", 1, "other")]
    assert metrics.value("anlan_hashes_mismatched_total", sink="kafka") == 1


def test_a_rebuild_without_a_snapshot_writes_nothing_twice_and_forgets_as_it_goes(
    bootstrap: str, alerts_topic: str
) -> None:
    metrics = Metrics()
    sink = AlertTopicSink(bootstrap, alerts_topic, metrics)
    issued = [revision(alert, number) for alert in range(1000) for number in (1, 2, 3)]
    first = sink.build_part("s", "alerts", None)
    for at in range(0, 3000, 100):
        first.write_batch([issued[at : at + 100]])
    first.snapshot()
    first.close()

    again = sink.build_part("s", "alerts", None)
    kept = [len(again._written)]
    for at in range(0, 3000, 1000):
        again.write_batch([issued[at : at + 1000]])
        kept.append(len(again._written))
    state = again.snapshot()
    again.close()

    assert kept == [3000, 2000, 1000, 0]
    assert sum(state.values()) == 3000
    assert len(in_topic(bootstrap, alerts_topic)) == 3000
    assert metrics.value("anlan_rows_skipped_total", sink="kafka", reason="duplicate") == 3000


def test_a_flow_stops_when_a_later_life_writes_to_its_topic(bootstrap: str, alerts_topic: str) -> None:
    sink = AlertTopicSink(bootstrap, alerts_topic)
    old = sink.build_part("s", "alerts", None)
    old.write_batch([[revision(1, 1, epoch=3)]])
    old.snapshot()
    new = sink.build_part("s", "alerts", None)
    new.write_batch([[revision(1, 1, epoch=4), revision(1, 2, epoch=4)]])
    new.snapshot()

    old.write_batch([[revision(1, 2, epoch=3), revision(1, 3, epoch=3)]])
    with pytest.raises(BrokerError) as told:
        old.snapshot()

    assert str(told.value).startswith(
        f"the alerts topic must have one writer; got engine epoch 4 in it while ours is 3 (kafka:{alerts_topic}/"
    )
    assert str(told.value).endswith("/1); stop one of the two flows")


def test_what_an_earlier_life_still_wrote_is_told_and_stops_nothing(
    bootstrap: str, alerts_topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    sink = AlertTopicSink(bootstrap, alerts_topic)
    old = sink.build_part("s", "alerts", None)
    new = sink.build_part("s", "alerts", None)
    new.write_batch([[revision(1, 1, epoch=4)]])
    new.snapshot()
    old.write_batch([[revision(1, 2, epoch=3)]])
    old.close()
    new.write_batch([[revision(1, 3, epoch=4)]])

    new.snapshot()

    assert "alert_written_by_another epoch=3 ours=4" in caplog.text


def test_the_greatest_epoch_of_the_topic_is_known_from_its_ends(bootstrap: str, alerts_topic: str) -> None:
    before = greatest_topic_epoch(bootstrap, alerts_topic)
    part = AlertTopicSink(bootstrap, alerts_topic).build_part("s", "alerts", None)
    part.write_batch([[revision(alert, 1, epoch=7) for alert in range(5)]])
    part.close()

    assert (before, greatest_topic_epoch(bootstrap, alerts_topic)) == (0, 7)
