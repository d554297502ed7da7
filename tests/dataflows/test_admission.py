"""Admission: every record is an event, a dead letter or dropped, and the books say which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from installation import PHONE, Installation, row

from alerts.model import DeadLetter, Event, ReadUp, from_us
from connectors.door import Door
from connectors.folder import FileRow
from connectors.kafka import DEAD_LETTERS, RawRecord
from connectors.kafka_dead_letters import OF_INTAKE
from connectors.lexicon import load_lexicon
from connectors.log_record import encode_control, encode_event, encode_tick
from connectors.metrics import Metrics
from connectors.pseudonym import is_token, load_keyring
from connectors.registry import load_channels
from connectors.rows import Failure, Format, Row, read_rows
from connectors.seal import Sealer, Unsealer, generate_private_key, load_unsealer
from dataflows.admission import ADMITTED, EVENT, SEALED, Admission
from dataflows.installation import all_mappings

NOW = 1_777_777_777_000_000
THREAT = "他说要杀了我"


class Bench:
    """An admission with a clock that stands, and the metrics it writes."""

    def __init__(self, folder: Path, **topic_mappings: str) -> None:
        settings = Installation(folder).settings
        self.channels, self.keyring = load_channels(), load_keyring(settings.keyring)
        self.unsealer = load_unsealer(settings.seal_key)
        self.sealer = Sealer(self.unsealer.public)
        self.mappings = all_mappings(settings, self.channels, self.keyring)
        self.door = Door(self.channels, self.keyring, self.sealer, load_lexicon())
        self.metrics = Metrics()
        topics = {name.replace("_", "."): mapping for name, mapping in topic_mappings.items()}
        self.admission = Admission(self.door, self.mappings, lambda: NOW, self.metrics, self.unsealer, topics)
        self.offset = 0

    def record(self, value: Any, topic: str = "raw.hotline", **headers: bytes) -> RawRecord:
        self.offset += 1
        data = value if isinstance(value, bytes) else msgspec.json.encode(value)
        return RawRecord(topic, 0, self.offset, None, data, headers, 7)

    def sealed(self, value: Any, **headers: bytes) -> RawRecord:
        box = self.sealer.seal(msgspec.json.encode(value)).encode()
        return self.record(box, **{SEALED: b"1"} | headers)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "channel": "hotline", "action": "received", "occurred_at": from_us(NOW)} | fields


def test_a_sealed_row_is_opened_and_read_with_the_mapping_it_names(bench: Bench) -> None:
    arrivals, dead, _ = bench.admission.take_records([bench.sealed(row(1), mapping=b"desk")])

    assert [(a.event.id, a.source, a.produced_us) for a in arrivals] == [("desk/1", "kafka:raw.hotline/0/1", 7)]
    assert is_token(arrivals[0].event.reporter or "")
    assert not dead


def test_a_box_that_does_not_open_is_a_dead_letter_that_shows_nothing(bench: Bench) -> None:
    foreign = Sealer(Unsealer(generate_private_key()).public).seal(b'{"phone": "%s"}' % PHONE.encode())

    arrivals, dead, _ = bench.admission.take_records([bench.record(foreign.encode(), sealed=b"1", mapping=b"desk")])

    assert not arrivals
    assert dead[0].sentence.startswith("box must be base64, sealed for this key; got ")
    assert (dead[0].reason, dead[0].channel, dead[0].raw) == ("bad_value", "hotline", "")
    assert bench.unsealer.unseal(dead[0].sealed) == foreign.encode()


def test_without_a_key_a_sealed_row_says_what_to_set(bench: Bench) -> None:
    admission = Admission(bench.door, bench.mappings, lambda: NOW, bench.metrics)

    _, dead, _ = admission.take_records([bench.sealed(row(1), mapping=b"desk")])

    assert dead[0].sentence == "a sealed row must find a key; got none; set `seal_key`"


@pytest.mark.parametrize("name", [b"tresen", b"\xff\xfe"], ids=["another", "no text"])
def test_a_mapping_that_nobody_knows_is_a_dead_letter_and_the_next_row_is_read(bench: Bench, name: bytes) -> None:
    records = [bench.record(row(1), mapping=name), bench.record(row(2), mapping=b"desk")]

    arrivals, dead, _ = bench.admission.take_records(records)

    assert dead[0].sentence.startswith("mapping of a row must be known; got `")
    assert [a.event.id for a in arrivals] == ["desk/2"]


def test_what_a_topic_holds_is_said_by_the_record_then_by_the_topic_else_it_is_an_event(tmp_path: Path) -> None:
    bench = Bench(tmp_path, raw_hotline="desk")
    records = [
        bench.record(row(1)),
        bench.record(event(2), content=EVENT),
        bench.record(event(3), content=ADMITTED),
        bench.record(event(4, channel="police"), "raw.police"),
        bench.record(row(5), "raw.police", mapping=b"desk"),
    ]

    arrivals, dead, _ = bench.admission.take_records(records)

    assert [a.event.id for a in arrivals] == ["desk/1", "e2", "e3", "e4", "desk/5"]
    assert not dead


def test_an_event_of_another_door_comes_out_as_it_went_in(bench: Bench) -> None:
    raw = event(
        1,
        case=f"GD-{PHONE}",
        reporter=PHONE,
        pair="620102198501011234 620102198202022345",
        household="酒泉路街道1号楼2单元301室",
        place="金河花园1号楼",
        link={"type": "transfer", "to": f"case/{PHONE}"},
        text=f"我叫王建国，电话{PHONE}，{THREAT}",
        attrs={"contact_phone": PHONE, "n": 13812345678, "deep": {"name": "王建国", "list": [PHONE, 1, None]}},
        colour="red",
    )
    once = bench.door.admit_event_json(msgspec.json.encode(raw), "http:a/1", NOW)
    assert isinstance(once, Event)
    mapped = bench.door.admit_row(bench.mappings["desk"], row(2, what=f"{THREAT}，电话{PHONE}"), "f:1", NOW)[0]
    assert isinstance(mapped, Event)

    values = [msgspec.json.encode(one) for one in (once, mapped)]
    arrivals, dead, _ = bench.admission.take_records(bench.record(v, content=ADMITTED) for v in values)

    assert not dead
    assert [msgspec.json.encode(a.event) for a in arrivals] == values
    assert PHONE.encode() not in b"".join(values)


def test_words_are_heard_where_no_door_of_ours_has_heard_them(bench: Bench) -> None:
    records = [bench.record(event(n, text=THREAT), content=c) for n, c in enumerate((EVENT, ADMITTED))]

    arrivals, _, _ = bench.admission.take_records(records)

    assert [a.event.cues for a in arrivals] == [("kill_threat",), ()]


def test_a_record_that_only_says_it_was_admitted_is_held_to_the_same_rules(bench: Bench) -> None:
    records = [
        bench.record(event(1, reporter=PHONE, text=f"电话{PHONE}"), content=ADMITTED),
        bench.record(event(2, channel="fax", reporter=PHONE), content=ADMITTED),
    ]

    arrivals, dead, _ = bench.admission.take_records(records)

    assert PHONE not in str(arrivals)
    assert (dead[0].reason, dead[0].raw.count(PHONE)) == ("unknown_channel", 0)
    assert bench.unsealer.unseal(dead[0].sealed) == records[1].value


def test_dead_letters_of_other_doors_pass_through_as_they_are(bench: Bench) -> None:
    letter = DeadLetter("d1", "http:a/1", "bad_time", "must have a time", from_us(NOW), "online", sealed="box")

    assert bench.admission.take_records([bench.record(letter, DEAD_LETTERS)]) == ([], [], [letter])


def test_a_dead_letter_that_this_door_has_written_is_passed_over(bench: Bench) -> None:
    (letter,) = bench.admission.take_records([bench.record(b"{")]).dead

    again = bench.admission.take_records([bench.record(letter, DEAD_LETTERS, **{OF_INTAKE: b"1"})])

    assert again == ([], [], [])
    assert total(bench.metrics, "events_dead_lettered_total") == 1


def test_a_dead_letter_that_cannot_be_read_stops_nothing(bench: Bench) -> None:
    records = [bench.record(b"{", DEAD_LETTERS), bench.record({"id": PHONE}, DEAD_LETTERS), bench.record(event())]

    arrivals, _, dead = bench.admission.take_records(records)

    assert [letter.sentence.partition(";")[0] for letter in dead] == ["a dead letter must be readable"] * 2
    assert PHONE not in str(dead)
    assert len(arrivals) == 1


def test_a_row_of_a_file_that_is_nested_too_deep_is_a_dead_letter_and_the_next_goes_on(
    bench: Bench, tmp_path: Path
) -> None:
    path, good = tmp_path / "a.jsonl", msgspec.json.encode(row(1))
    deep = [good[:-1] + b',"what":' + b"[" * levels + b"]" * levels + b"}" for levels in (*range(700, 1_000), 100_000)]
    path.write_bytes(b"\n".join((*deep, good)))
    rows = [FileRow("desk", f"file:{each.position}", each) for each in read_rows(path, Format(type="jsonl"))]

    arrivals, dead, _ = bench.admission.take_rows(rows)

    assert arrivals[-1].source == f"file:{len(rows)}"
    assert len(arrivals) + len(dead) == len(rows)
    assert {letter.reason for letter in dead} == {"bad_json", "bad_value"}


def test_rows_of_files_are_read_with_the_mapping_of_their_folder(bench: Bench) -> None:
    rows = [
        FileRow("desk", "file:desk/a.csv:2", Row(2, row(1))),
        FileRow("desk", "file:desk/a.csv:3", Failure(3, "missing_column", "row must have 5; got 4", b"1,2,3,4")),
        FileRow("desk", "file:desk/a.csv:4", Row(4, row(3, "测试"))),
    ]

    arrivals, dead, _ = bench.admission.take_rows(rows)

    assert [(a.event.id, a.source) for a in arrivals] == [("desk/1", "file:desk/a.csv:2")]
    assert [(d.source, d.reason, d.mapping, d.mapping_version) for d in dead] == [
        ("file:desk/a.csv:3", "missing_column", "desk", 2)
    ]


def test_what_was_received_is_admitted_dead_or_dropped(bench: Bench) -> None:
    letter = DeadLetter("d1", "http:a/1", "bad_time", "must have a time", from_us(NOW), "online")
    records = [
        *(bench.record(row(n), mapping=b"desk") for n in range(3)),
        bench.sealed(row(4, "测试"), mapping=b"desk"),
        bench.record(row(5, at="gestern"), mapping=b"desk"),
        bench.record(b"{"),
        bench.record(event(6, channel="police"), "raw.police"),
        bench.record(letter, DEAD_LETTERS),
        bench.record(b"{", DEAD_LETTERS),
    ]
    rows = [FileRow("desk", f"file:desk/a.csv:{n}", Row(n, row(n, "测试" if n % 2 else "没水了"))) for n in range(4)]

    by_record, by_row = bench.admission.take_records(records), bench.admission.take_rows(rows)

    received, dead, dropped = (
        total(bench.metrics, f"events_{name}_total") for name in ("received", "dead_lettered", "dropped")
    )
    assert received == len(records) + len(rows)
    assert received == len(by_record.arrivals) + len(by_row.arrivals) + dead + dropped
    assert (dead, dropped) == (4, 3)
    assert bench.metrics.value("anlan_events_dead_lettered_total", channel="online", reason="bad_time") == 1
    assert bench.metrics.value("anlan_events_dropped_total", channel="hotline", reason="test-row") == 3


def total(metrics: Metrics, name: str) -> float:
    """A counter over all its labels."""
    families = metrics.registry.collect()
    return sum(s.value for family in families for s in family.samples if s.name == f"anlan_{name}")


def upstream(bench: Bench) -> Admission:
    return Admission(
        bench.door, {}, lambda: NOW, bench.metrics, upstream={"lanzhou.events.v1": "lanzhou"}, own_log="gansu.events.v1"
    )


def test_of_an_upstream_log_events_come_in_as_they_were_admitted_and_nothing_else_does(bench: Bench) -> None:
    token = "k9:bcdfghjkmnprstvzbcdf"  # of a key that is not held here
    heard = encode_event(msgspec.convert(event(reporter=token, text=THREAT, case="GD1"), Event), NOW - 5)
    beat = encode_event(msgspec.convert(event(2, action="heartbeat"), Event), NOW - 4)
    records = [
        bench.record(value, "lanzhou.events.v1", source=b"kafka:raw.hotline/0/3", produced_us=b"9")
        for value in (heard, encode_tick(NOW), beat, encode_control(ReadUp(0, ("police",)), NOW))
    ]

    arrivals, dead, _ = upstream(bench).take_records(records)

    assert not dead
    assert [(a.event.id, a.source, a.produced_us, a.upstream) for a in arrivals] == [
        ("lanzhou/e1", "lanzhou/kafka:raw.hotline/0/3", 9, "lanzhou.events.v1/0/1"),
        ("lanzhou/e2", "lanzhou/kafka:raw.hotline/0/3", 9, "lanzhou.events.v1/0/3"),
    ]
    assert (arrivals[0].event.reporter, arrivals[0].event.cues) == (token, ()), "its words were heard below"
    assert bench.metrics.value("anlan_events_received_total", channel="hotline") == 2


def test_what_cannot_come_in_from_an_upstream_log_is_a_dead_letter_that_can_be_tried_again(bench: Bench) -> None:
    unknown = encode_event(msgspec.convert(event(channel="drone"), Event), NOW)
    heard = encode_event(msgspec.convert(event(2), Event), NOW)
    deep = heard[:-1] + b',"attrs":{"a":' + b"[" * 900 + b"]" * 900 + b"}}"
    values = unknown, b"{", deep

    _, dead, _ = upstream(bench).take_records([bench.record(value, "lanzhou.events.v1") for value in values])

    assert [letter.reason for letter in dead] == ["unknown_channel", "bad_json", "bad_value"]
    assert msgspec.json.decode(bench.unsealer.unseal(dead[0].sealed))["id"] == "lanzhou/e1"
