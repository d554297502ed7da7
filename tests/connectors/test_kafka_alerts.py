"""The alerts topic, against a real broker: no revision is lost, none is written twice, one flow writes."""

from __future__ import annotations

import random
import re
from zlib import crc32

import msgspec
import pytest
from broker_talk import NOON
from msgspec.structs import replace as placed
from revisions import a_revision

from alerts.model import Revision, from_us
from connectors.kafka import (
    AlertTopicSink,
    BrokerError,
    RawProducer,
    ensure_topics,
    greatest_topic_epoch,
    last_told,
    read_all,
)
from connectors.metrics import Metrics

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


def revision(alert: int, number: int, content: str = "", epoch: int = 1) -> Revision:
    at = from_us(NOON + (alert * 10 + number) * 1_000_000)
    return a_revision(f"a{alert}", number, at, content_hash=content or f"{alert}-{number}", engine_epoch=epoch)


@pytest.fixture
def alerts_topic(bootstrap: str, topic_prefix: str) -> str:
    topic = f"{topic_prefix}alerts.v1"
    ensure_topics(bootstrap, {topic: 2, now_of(topic): 3})
    return topic


def now_of(topic: str) -> str:
    return topic.replace("alerts.v1", "alerts.now.v1")


def sink_of(bootstrap: str, topic: str, metrics: Metrics | None = None) -> AlertTopicSink:
    return AlertTopicSink(bootstrap, topic, metrics, now_topic=now_of(topic))


def in_now(bootstrap: str, topic: str) -> list[Revision]:
    """Every record of the compacted topic as it was written: the test's broker compacts nothing."""
    decoder = msgspec.json.Decoder(Revision)
    records = read_all(bootstrap, {(now_of(topic), partition): -1 for partition in range(3)})
    return [decoder.decode(record.value) for record in records]


def in_topic(bootstrap: str, topic: str) -> list[tuple[str, int, str]]:
    decoder = msgspec.json.Decoder(Revision)
    found = [decoder.decode(r.value) for r in read_all(bootstrap, {(topic, 0): -1, (topic, 1): -1})]
    return sorted((r.alert_id, r.revision, r.content_hash) for r in found)


def test_revisions_written_after_the_last_snapshot_are_not_written_again(bootstrap: str, alerts_topic: str) -> None:
    metrics = Metrics()
    sink = sink_of(bootstrap, alerts_topic, metrics)
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
    sink = sink_of(bootstrap, alerts_topic)
    part = sink.build_part("s", "alerts", None)
    part.write_batch([[revision(1, 1), revision(2, 1)]])
    part.close()

    again = sink.build_part("s", "alerts", None)
    again.write_batch([[revision(1, 1)]])
    early = again.snapshot()
    again.write_batch([[revision(3, 1)]])  # a changed rule does not issue 2/1 any more
    late = again.snapshot()

    assert early == {}
    assert sum(late.values()) == 6  # in both topics


def test_another_content_under_the_same_number_is_written_and_counted(bootstrap: str, alerts_topic: str) -> None:
    metrics = Metrics()
    sink = sink_of(bootstrap, alerts_topic, metrics)
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
    sink = sink_of(bootstrap, alerts_topic, metrics)
    issued = [revision(alert, number) for alert in range(1000) for number in (1, 2, 3)]
    first = sink.build_part("s", "alerts", None)
    for at in range(0, 3000, 100):
        first.write_batch([issued[at : at + 100]])
    first.snapshot()
    first.close()

    again = sink.build_part("s", "alerts", None)
    kept = [len(again._all.written)]
    for at in range(0, 3000, 1000):
        again.write_batch([issued[at : at + 1000]])
        kept.append(len(again._all.written))
    state = again.snapshot()
    again.close()

    assert kept == [3000, 2000, 1000, 0]
    assert sum(state.values()) == 6000
    assert len(again._now.written) == 0
    assert len(in_topic(bootstrap, alerts_topic)) == 3000
    assert metrics.value("anlan_rows_skipped_total", sink="kafka", reason="duplicate") == 3000


def test_a_flow_stops_when_a_later_life_writes_to_its_topic(bootstrap: str, alerts_topic: str) -> None:
    sink = sink_of(bootstrap, alerts_topic)
    old = sink.build_part("s", "alerts", None)
    old.write_batch([[revision(1, 1, epoch=3)]])
    old.snapshot()
    new = sink.build_part("s", "alerts", None)
    new.write_batch([[revision(1, 1, epoch=4), revision(1, 2, epoch=4)]])
    new.snapshot()

    old.write_batch([[revision(1, 2, epoch=3), revision(1, 3, epoch=3)]])
    with pytest.raises(BrokerError) as told:
        old.snapshot()

    assert re.fullmatch(
        "the alerts topic must have one writer; got engine epoch 4 in it while ours is 3"
        rf" \(kafka:({alerts_topic}|{now_of(alerts_topic)})/\d/1\); stop one of the two flows",
        str(told.value),
    )


def test_what_an_earlier_life_still_wrote_is_told_and_stops_nothing(
    bootstrap: str, alerts_topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    sink = sink_of(bootstrap, alerts_topic)
    old = sink.build_part("s", "alerts", None)
    new = sink.build_part("s", "alerts", None)
    new.write_batch([[revision(1, 1, epoch=4)]])
    new.snapshot()
    old.write_batch([[revision(1, 2, epoch=3)]])
    old.close()
    new.write_batch([[revision(1, 3, epoch=4)]])

    new.snapshot()

    assert "alert_written_by_another epoch=3 ours=4" in caplog.text


def test_the_greatest_epoch_and_its_last_place_are_known_from_the_ends(bootstrap: str, alerts_topic: str) -> None:
    before = greatest_topic_epoch(bootstrap, alerts_topic), last_told(bootstrap, alerts_topic)
    part = sink_of(bootstrap, alerts_topic).build_part("s", "alerts", None)
    numbered_before = [placed(revision(alert, 1, epoch=6), feed_seq=90 + alert) for alert in range(5, 9)]
    part.write_batch([numbered_before, [placed(revision(alert, 1, epoch=7), feed_seq=1 + alert) for alert in range(5)]])
    part.close()

    after = greatest_topic_epoch(bootstrap, alerts_topic), last_told(bootstrap, alerts_topic)
    assert (before, after) == ((0, 0), (7, 5))


def test_the_last_record_of_an_alert_in_the_now_topic_is_its_last_revision(bootstrap: str, alerts_topic: str) -> None:
    part = sink_of(bootstrap, alerts_topic).build_part("s", "alerts", None)
    part.write_batch([[revision(1, 1), revision(2, 1)], [revision(1, 2), revision(1, 3)]])
    part.close()

    last = {each.alert_id: each for each in in_now(bootstrap, alerts_topic)}
    assert last == {"a1": revision(1, 3), "a2": revision(2, 1)}


def test_a_crash_between_the_topics_leaves_both_right(bootstrap: str, alerts_topic: str) -> None:
    """What one topic has and the other has not is written to the other when it comes again."""
    issued = [revision(1, number) for number in (1, 2, 3)]
    producer = RawProducer(bootstrap)
    producer.send(alerts_topic, msgspec.json.encode(issued[0]), key=b"a1", partition=crc32(b"a1") % 2)
    for each in issued[:2]:
        producer.send(now_of(alerts_topic), msgspec.json.encode(each), key=b"a1", partition=crc32(b"a1") % 3)
    producer.close()

    part = sink_of(bootstrap, alerts_topic).build_part("s", "alerts", None)
    part.write_batch([issued])
    part.close()

    assert in_topic(bootstrap, alerts_topic) == [("a1", number, f"1-{number}") for number in (1, 2, 3)]
    assert [each.revision for each in in_now(bootstrap, alerts_topic)] == [1, 2, 3]


def test_an_alert_never_goes_back_in_a_topic_that_was_compacted(bootstrap: str, alerts_topic: str) -> None:
    """Compaction took revisions 1 and 2; they come again after a crash, and the topic is past them."""
    producer = RawProducer(bootstrap)
    last = msgspec.json.encode(revision(1, 3))
    producer.send(now_of(alerts_topic), last, key=b"a1", partition=crc32(b"a1") % 3)
    producer.close()
    sink = sink_of(bootstrap, alerts_topic)
    part = sink.build_part("s", "alerts", None)
    part.write_batch([[revision(1, 1), revision(1, 2)]])
    state = part.snapshot()
    part.close()

    again = sink.build_part("s", "alerts", state)
    again.write_batch([[revision(1, 3), revision(1, 4)]])
    again.close()

    assert [each.revision for each in in_now(bootstrap, alerts_topic)] == [3, 4]


def test_lives_that_are_cut_off_anywhere_leave_both_topics_as_one_life_would(bootstrap: str, alerts_topic: str) -> None:
    chance = random.Random(3)
    issued = [revision(alert, number) for number in range(1, 7) for alert in range(8)]
    issued.sort(key=lambda each: each.detected_at)
    sink, state, begun = sink_of(bootstrap, alerts_topic), None, 0
    while begun < len(issued):
        part = sink.build_part("s", "alerts", state)
        at = begun
        for _ in range(chance.randint(1, 4)):
            size = chance.randint(1, 8)
            part.write_batch([issued[at : at + size]])
            at = min(at + size, len(issued))
            if chance.random() < 0.4:
                state, begun = part.snapshot(), at
        part.close()  # what came after the snapshot comes again
        if at == len(issued):
            break

    assert in_topic(bootstrap, alerts_topic) == sorted((r.alert_id, r.revision, r.content_hash) for r in issued)
    numbers: dict[str, list[int]] = {}
    for each in in_now(bootstrap, alerts_topic):
        numbers.setdefault(each.alert_id, []).append(each.revision)
    assert numbers == {f"a{alert}": [1, 2, 3, 4, 5, 6] for alert in range(8)}


def test_state_that_knows_one_topic_alone_is_understood(bootstrap: str, alerts_topic: str) -> None:
    sink = sink_of(bootstrap, alerts_topic)
    part = sink.build_part("s", "alerts", None)
    part.write_batch([[revision(1, 1)]])
    ends = part.snapshot()
    part.close()

    old = {partition: end for (topic, partition), end in ends.items() if topic == alerts_topic}
    again = sink.build_part("s", "alerts", old)
    again.write_batch([[revision(1, 2)]])
    again.close()

    assert in_topic(bootstrap, alerts_topic) == [("a1", 1, "1-1"), ("a1", 2, "1-2")]
    assert [each.revision for each in in_now(bootstrap, alerts_topic)] == [1, 2]
