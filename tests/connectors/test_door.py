"""The door: what enters is valid and names nobody, or it is a dead letter that says why."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import DeadLetter, Event, to_us
from connectors import deadletter
from connectors.deadletter import DeadLetters, Dropped, Refused
from connectors.door import MAX_EVENT_BYTES, Door
from connectors.identifiers import check_digit, find_identifiers
from connectors.lexicon import load_lexicon
from connectors.mapping import Mapping, compile_mapping
from connectors.pseudonym import Key, Keyring, is_token
from connectors.registry import load_channels
from connectors.rows import Failure
from connectors.seal import Sealer, Unsealer, generate_private_key
from connectors.tables import load_tables
from connectors.yaml_file import loads

CHANNELS = load_channels()
KEYS = Keyring([Key("t1", bytes(range(32)))])
UNSEALER = Unsealer(generate_private_key())
DOOR = Door(CHANNELS, KEYS, Sealer(UNSEALER.public))
NOW_US = to_us(datetime(2026, 3, 2, 12, tzinfo=UTC))
BASE: dict[str, Any] = {
    "id": "hotline/1/received/1",
    "channel": "hotline",
    "action": "received",
    "occurred_at": "2026-03-02T09:00:00+08:00",
}


def _admit(**members: Any) -> Event | DeadLetter:
    return DOOR.admit_event_json(msgspec.json.encode(BASE | members), "test:1", NOW_US)


def _event(**members: Any) -> Event:
    event = _admit(**members)
    assert isinstance(event, Event), event
    return event


def _letter(**members: Any) -> DeadLetter:
    letter = _admit(**members)
    assert isinstance(letter, DeadLetter), letter
    return letter


def test_an_event_without_fault_stays_as_it_is_in_utc() -> None:
    event = _event(
        case="1",
        reporter="t1:bcdfghjkmnprstvzbcdf",
        region="620102001001",
        category="dispute",
        subcategory="neighbour",
        violence=1,
        cues=["alcohol"],
        link={"type": "transfer", "to": "police/9"},
        text="邻里争吵",
        attrs={"way": "phone", "score": 3},
        arrived_at="2026-03-02T01:00:01Z",
    )

    assert type(event) is Event
    assert event.occurred_at == datetime(2026, 3, 2, 1, tzinfo=UTC)
    assert event.occurred_at.tzinfo is UTC
    assert event.arrived_at == datetime(2026, 3, 2, 1, 0, 1, tzinfo=UTC)
    assert (event.reporter, event.text) == ("t1:bcdfghjkmnprstvzbcdf", "邻里争吵")
    assert event.attrs == {"way": "phone", "score": 3}


def test_members_that_nobody_knows_are_kept_in_attrs() -> None:
    event = _event(station="三", type="tick", attrs={"station": "二", "way": "phone"})

    assert event.attrs == {"station": "二", "type": "tick", "way": "phone"}


REFUSED = [
    ({"id": None}, "missing_field", "event must have `id`; got null at `$.id`"),
    ({"id": ""}, "bad_value", "`id` must be a string of 1 to 200 characters; got `` at `$.id`"),
    ({"occurred_at": None}, "missing_field", "event must have `occurred_at`; got null at `$.occurred_at`"),
    (
        {"occurred_at": "2026-03-02T09:00:00"},
        "bad_time",
        "`occurred_at` must be an RFC 3339 time with an offset, after 1970; "
        "got `2026-03-02T09:00:00` at `$.occurred_at`",
    ),
    ({"occurred_at": "yesterday"}, "bad_time", "got `yesterday` at `$.occurred_at`"),
    ({"occurred_at": 1772413200}, "bad_time", "got `1772413200` at `$.occurred_at`"),
    ({"occurred_at": "0001-01-01T00:00:00+08:00"}, "bad_time", "after 1970; got"),
    ({"occurred_at": "1969-12-31T23:59:59Z"}, "bad_time", "after 1970; got"),
    ({"arrived_at": "soon"}, "bad_time", "got `soon` at `$.arrived_at`"),
    (
        {"occurred_at": "2026-03-02T12:10:01Z"},
        "in_the_future",
        "`occurred_at` must not be more than 10 minutes ahead of 2026-03-02T12:00:00+00:00; "
        "got `2026-03-02T12:10:01+00:00` at `$.occurred_at`",
    ),
    (
        {"channel": "fax"},
        "unknown_channel",
        "`channel` must be registered; got `fax` at `$.channel`; known are police, hotline",
    ),
    ({"action": "recieved"}, "bad_value", "got `recieved` at `$.action`; did you mean `received`?"),
    ({"cues": ["weapon", "knife"]}, "bad_value", "got `knife` at `$.cues[1]`"),
    ({"link": {"type": "moved"}}, "bad_value", "`link.type` must be one of transfer"),
    ({"violence": 4}, "bad_value", "`violence` must be a whole number from 0 to 3; got `4` at `$.violence`"),
    ({"region": "62"}, "bad_value", "`region` must be 6, 9 or 12 digits; got `62` at `$.region`"),
    ({"grid": "620102"}, "bad_value", "`grid` must be 14 to 18 digits; got `620102` at `$.grid`"),
    ({"unit_level": 6}, "bad_value", "`unit_level` must be a whole number from 1 to 5"),
    ({"lat": 91}, "bad_value", "`lat` must be a number from -90 to 90; got `91` at `$.lat`"),
    ({"text": "长" * 4001}, "bad_value", "`text` must be a string of at most 4000 characters"),
    ({"attrs": [1]}, "bad_value", "`attrs` must be a map; got a list at `$.attrs`"),
    ({"unit": 7}, "bad_value", "`unit` must be string | null; got `7` at `$.unit`"),
    (
        {"category": "dispute", "subcategory": "quarrel"},
        "bad_value",
        "`subcategory` of a dispute must be one of family, neighbour",
    ),
]


@pytest.mark.parametrize(("members", "reason", "sentence"), REFUSED, ids=[str(one[0])[:40] for one in REFUSED])
def test_what_is_wrong_is_said_in_a_sentence(members: dict[str, Any], reason: str, sentence: str) -> None:
    letter = _letter(**members)

    assert letter.reason == reason
    assert sentence in letter.sentence


@pytest.mark.parametrize(
    ("line", "reason", "sentence"),
    [
        (b"", "bad_json", "event must be JSON; got"),
        (b"{", "bad_json", "event must be JSON; got"),
        (b"[1]", "bad_json", "event must be a JSON object; got list"),
        (b'{"id": "\xff"}', "bad_encoding", "event must be UTF-8; got byte 255 at 8"),
        (b'{"a":' * 50_000, "bad_json", "event must be JSON; got"),
        (b'{"attrs":' + b'{"a":' * 50_000, "bad_json", "event must be JSON; got"),
        (b'{"id": "1"}', "missing_field", "event must have `channel`; got nothing at `$.channel`"),
        (b" " * (MAX_EVENT_BYTES + 1), "too_large", "event must be at most 1048576 bytes; got 1048577"),
    ],
    ids=["empty", "cut", "list", "not utf-8", "deep", "deep attrs", "too little", "too long"],
)
def test_what_is_no_event_is_a_dead_letter(line: bytes, reason: str, sentence: str) -> None:
    letter = DOOR.admit_event_json(line, "test:1", NOW_US)

    assert isinstance(letter, DeadLetter)
    assert letter.reason == reason
    assert letter.sentence.startswith(sentence)


@pytest.mark.parametrize("levels", [5, 100, 300, 500, 900, 950, 1_000, 100_000])
def test_deep_members_are_kept_or_refused_but_never_stop_the_door(levels: int) -> None:
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    line = msgspec.json.encode(BASE)[:-1] + b',"attrs":' + deep + b"}"

    answer = DOOR.admit_event_json(line, "test:1", NOW_US)

    assert isinstance(answer, Event) or answer.reason in ("bad_value", "bad_json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*BASE, "attrs", "link", "cues", "text", "lat", "case", "new", "tel"]), JSON))
def test_whatever_comes_is_an_event_that_can_be_written_or_a_dead_letter(members: dict[str, Any]) -> None:
    line = json.dumps(BASE | members).encode()

    answer = DOOR.admit_event_json(line, "test:1", NOW_US)

    assert msgspec.json.decode(msgspec.json.encode(answer), type=type(answer)) == answer


def test_an_event_up_to_ten_minutes_ahead_is_a_clock_that_is_wrong_not_the_future() -> None:
    assert _event(occurred_at="2026-03-02T12:10:00Z").id


@pytest.mark.parametrize(
    ("field", "raw", "kind"),
    [
        ("reporter", "138 0000 1111", "phone"),
        ("reporter", "+8613800001111", "phone"),
        ("reporter", "0931-8888888", "phone"),
        ("reporter", "62010219900101123" + check_digit("62010219900101123"), "id_card"),
        ("reporter", "李小明", "name"),
        ("household", "城关区张掖路1号2单元", "address"),
        ("place", "城关区张掖路1号", "address"),
    ],
)
def test_a_raw_key_becomes_the_token_that_a_mapping_gives(field: str, raw: str, kind: Any) -> None:
    assert getattr(_event(**{field: raw}), field) == KEYS.token(kind, raw)


def test_a_raw_pair_becomes_the_token_of_both_parties() -> None:
    expected = KEYS.pair("phone", "13800001111", "13900002222")

    assert _event(pair="13900002222|13800001111").pair == expected


LATIN = ["E12345678", "EA1234567", "H12345678", "zhang.san@qq.com", "wxid_a1b2c3", "Zhang San", "138****1111"]


@pytest.mark.parametrize("raw", LATIN)
def test_a_passport_a_mail_an_account_or_a_name_in_latin_letters_is_not_opaque(raw: str) -> None:
    event = _event(reporter=raw, pair=f"{raw}|p1")

    assert event.reporter == KEYS.token("name", raw)
    assert event.pair == KEYS.token("pair", f"{raw}|p1")


UUID = "a1234567-0931-4888-8888-0123456789ab"


@pytest.mark.parametrize("opaque", ["p1", "x4", "k9:bcdfghjkmnprstvzbcdf", "b7f3-9c", "p1|x4", UUID])
def test_an_opaque_key_stays(opaque: str) -> None:
    event = _event(reporter=opaque, pair=opaque, household=opaque, place=opaque)

    assert {event.reporter, event.pair, event.household, event.place} == {opaque}


@pytest.mark.parametrize("code", ["620102001001-17", "620102001-001-12", "620102-0931-2345678"])
def test_a_public_place_code_stays(code: str) -> None:
    assert _event(place=code).place == code


def test_raw_numbers_inside_ids_become_tokens() -> None:
    event = _event(id="hotline/13800001111/1", case="甘A12345", link={"type": "callback", "to": "call/13800001111"})

    token = KEYS.token("phone", "13800001111")
    assert event.id == f"hotline/{token}/1"
    assert event.case == KEYS.token("plate", "甘A12345")
    assert event.link is not None
    assert event.link.to == f"call/{token}"


@pytest.mark.parametrize("field", ["id", "case", "matter", "subject", "unit", "subcategory"])
def test_a_landline_inside_an_id_becomes_its_token(field: str) -> None:
    token = KEYS.token("phone", "09318888888")

    assert getattr(_event(**{field: "call/0931-888 8888/1"}), field) == f"call/{token}/1"


def test_a_pair_of_landlines_becomes_the_token_of_both() -> None:
    assert _event(pair="0931-8888888|0931-7777777").pair == KEYS.pair("phone", "09317777777", "09318888888")


def test_members_that_hold_a_person_become_tokens_and_words_are_scrubbed() -> None:
    event = _event(
        text="我叫李小明，电话13800001111",
        caller_name="李小明",
        attrs={
            "联系电话": 13800001111,
            "note": "叫王小红",
            "deep": [{"tel": "8888888"}],
            "unit_name": "张掖路所",
        },
    )

    assert event.text == "我叫[姓名]，电话[手机]"
    assert event.attrs["caller_name"] == KEYS.token("name", "李小明")
    assert event.attrs["联系电话"] == KEYS.token("phone", "13800001111")
    assert event.attrs["note"] == "叫[姓名]"
    assert is_token(event.attrs["deep"][0]["tel"])
    assert event.attrs["unit_name"] == "张掖路所"


def test_a_number_with_a_point_and_nothing_behind_it_is_the_whole_number() -> None:
    event = _event(attrs={"联系电话": 13800001111.0, "note": 13800001111.0, "deep": [{"tel": 8888888.0}]})

    token = KEYS.token("phone", "13800001111")
    assert event.attrs == {"联系电话": token, "note": "[手机]", "deep": [{"tel": KEYS.token("phone", "8888888")}]}


@pytest.mark.parametrize("number", [3.0, -2.5, 1772413200.0, 13800001111.5, 1e300, 36.138000011112, math.inf])
def test_a_number_that_names_nobody_stays_as_it_was(number: float) -> None:
    built = msgspec.convert(BASE | {"attrs": {"score": number}}, Event)
    event = DOOR.admit_event(built, "s", NOW_US)

    assert isinstance(event, Event)
    assert event.attrs["score"] is number


WRITTEN = ["0931-8888888", "0931-888 8888", "１３８００００１１１１", "甘 A12345"]
RAW = st.one_of(
    st.sampled_from(["13800001111", "138-0000-1111", "甘A12345", "甘AD12345", "+86 139 0000 2222", *WRITTEN]),
    st.integers(0, 999).map(lambda n: (first := f"62010219900101{n:03}") + check_digit(first)),
)


@given(
    RAW,
    st.sampled_from(["id", "case", "reporter", "pair", "household", "place", "subject", "unit", "text", "matter"]),
    st.sampled_from(["{}", "x{}", "电话{}。", "来自 {}"]),
)
def test_no_raw_identifier_leaves_the_door(raw: str, field: str, form: str) -> None:
    event = _event(**{field: form.format(raw), "attrs": {field: form.format(raw), form.format(raw): [raw]}})

    assert find_identifiers(msgspec.json.encode(event).decode()) == []


@given(RAW, st.sampled_from([{"channel": "fax"}, {"violence": 9}, {"occurred_at": "?"}, {"x": 1, "lat": 500}]))
def test_no_raw_identifier_is_shown_by_a_dead_letter(raw: str, fault: dict[str, Any]) -> None:
    letter = _letter(reporter=raw, text=f"叫李小明，{raw}", name=raw, case=raw, **fault)

    shown = msgspec.json.encode(letter).decode().replace(letter.sealed, "")
    assert find_identifiers(shown) == []
    assert "李小明" not in shown


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"reporter": {"name": "李小明"}}, "got a map at `$.reporter`"),
        ({"attrs": ["李小明", "张掖路12号"]}, "got a list at `$.attrs`"),
        ({"household": ["李小明"]}, "got a list at `$.household`"),
        ({"link": "李小明"}, "got a string of 3 characters at `$.link`"),
        ({"subject": 13800001111}, "got a number at `$.subject`"),
        ({"category": ["李小明"]}, "got a list at `$.category`"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_by_its_kind_where_it_may_name_somebody(
    fields: dict[str, Any], said: str
) -> None:
    letter = _letter(**fields)

    assert said in letter.sentence
    assert "李小明" not in str(msgspec.json.encode(letter).decode())


def test_a_dead_letter_holds_the_whole_row_sealed() -> None:
    line = msgspec.json.encode(BASE | {"channel": "fax", "text": "13800001111"})
    letter = DOOR.admit_event_json(line, "test:1", NOW_US)

    assert isinstance(letter, DeadLetter)
    assert UNSEALER.unseal(letter.sealed) == line
    assert letter.failed_at == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_what_is_shown_of_a_long_event_is_short() -> None:
    assert len(_letter(channel="fax", text="长" * 4_000).raw.encode()) <= deadletter.SHOWN_BYTES


def test_the_same_failure_twice_is_one_dead_letter_and_another_is_another() -> None:
    first, again, other = _letter(channel="fax"), _letter(channel="fax"), _letter(violence=9)

    assert first.id == again.id
    assert first.id != other.id


OPEN = msgspec.json.encode(BASE).decode()[:-1] + ',"reporter":"李小明","household":"城关区张掖路12号"'
UNREAD = {
    "NaN": OPEN + ',"lat":NaN}',
    "cut": OPEN,
    "comma too many": OPEN + ",}",
    "byte order mark": "\ufeff" + OPEN + "}",
    "list": f"[{OPEN}}}]",
    "broken list": f"[{OPEN}}},",
    "too long": OPEN + f',"note":"{"x" * MAX_EVENT_BYTES}"}}',
}


@pytest.mark.parametrize("line", UNREAD.values(), ids=UNREAD)
def test_a_dead_letter_shows_nothing_of_an_event_that_cannot_be_read(line: str) -> None:
    letter = DOOR.admit_event_json(line.encode(), "test:1", NOW_US)

    assert isinstance(letter, DeadLetter)
    assert letter.raw == ""
    assert "李小明" not in letter.sentence
    assert len(line) > MAX_EVENT_BYTES or UNSEALER.unseal(letter.sealed) == line.encode()


def test_a_row_that_is_too_large_to_keep_says_so() -> None:
    letter = DOOR.admit_event_json(b"x" * (MAX_EVENT_BYTES + 1), "test:1", NOW_US)

    assert isinstance(letter, DeadLetter)
    assert letter.sealed == ""
    assert letter.sentence.endswith("; the row is not kept: 1048577 bytes are more than 1048576")


def test_without_a_key_nothing_is_kept_and_the_letter_says_so() -> None:
    letter = DeadLetters().make(Refused("bad_value", "x must be y; got z"), source="s", raw=b"row", now_us=0)

    assert letter.sealed == ""
    assert letter.sentence == "x must be y; got z; the row is not kept: no key to seal it"


def test_the_reasons_are_those_of_the_model() -> None:
    of_model = next(field.type for field in msgspec.structs.fields(DeadLetter) if field.name == "reason")

    assert get_args(deadletter.Reason) == get_args(of_model)


def test_a_door_with_a_lexicon_hears_what_the_sender_did_not_say() -> None:
    door = Door(CHANNELS, KEYS, lexicon=load_lexicon())
    silent = msgspec.json.encode(BASE | {"text": "丈夫酒后持刀打人"})
    said = msgspec.json.encode(BASE | {"text": "丈夫酒后持刀打人", "violence": 0})

    heard = door.admit_event_json(silent, "s", NOW_US)
    kept = door.admit_event_json(said, "s", NOW_US)

    assert isinstance(heard, Event)
    assert isinstance(kept, Event)
    assert (heard.violence, heard.cues) == (2, ("weapon", "alcohol"))
    assert (kept.violence, kept.cues) == (0, ())


MAPPED = """
apiVersion: mappings/v1
id: door-test
version: 3
format: {type: csv}
zone: Asia/Shanghai
channel: {column: 渠道, table: ways}
tables: {ways: {电话: hotline, 传真: fax}}
drop: [{reason: test-row, when: {内容: {contains: 测试}}}]
fields:
  id: {template: "h/{号}"}
  occurred_at: 时间
  reporter: 姓名
  text: 内容
pseudonymise: {reporter: name}
tests: [{name: none, rows: [], expect: []}]
"""


def _compile(text: str) -> Mapping:
    return compile_mapping(loads(text), channels=CHANNELS, keyring=KEYS, tables=load_tables())


MAPPING = _compile(MAPPED)
NAMELESS = _compile(MAPPED.replace("  reporter: 姓名\n", "").replace("pseudonymise: {reporter: name}\n", ""))
ROW = {"号": "1", "渠道": "电话", "时间": "2026-03-02 09:00:00", "姓名": "李小明", "内容": "漏水"}


def _row(**cells: str) -> Any:
    (answer,) = DOOR.admit_row(MAPPING, ROW | cells, "file:x.csv:2", NOW_US)
    return answer


def test_a_row_becomes_an_event() -> None:
    event = _row()

    assert isinstance(event, Event)
    assert (event.id, event.channel, event.text) == ("h/1", "hotline", "漏水")
    assert event.reporter == KEYS.token("name", "李小明")


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"时间": "2026-03-02 20:30:00"}, "in_the_future"),
        ({"渠道": "传真"}, "unknown_channel"),
        ({"渠道": "信鸽"}, "unknown_code"),
        ({"时间": "昨天"}, "bad_time"),
        ({"号": ""}, "missing_field"),
    ],
)
def test_a_row_that_is_no_event_is_a_dead_letter_of_its_mapping(cells: dict[str, str], reason: str) -> None:
    letter = _row(**cells)

    assert isinstance(letter, DeadLetter)
    assert (letter.reason, letter.source, letter.mapping, letter.mapping_version) == (
        reason,
        "file:x.csv:2",
        "door-test",
        3,
    )
    assert '"姓名":"[姓名]"' in letter.raw
    assert "李小明" not in letter.raw


def test_a_sealed_row_can_be_tried_again() -> None:
    letter = _row(时间="昨天")
    row = msgspec.json.decode(UNSEALER.unseal(letter.sealed)) | {"时间": "2026-03-02 09:00:00"}

    (event,) = DOOR.admit_row_json(MAPPING, msgspec.json.encode(row), letter.source, NOW_US)

    assert event == _row()


def test_a_dropped_row_is_counted_with_its_reason() -> None:
    assert _row(内容="测试工单") == Dropped("test-row", "file:x.csv:2", "door-test")


def test_a_raw_row_that_is_no_json_is_a_dead_letter() -> None:
    (cut,) = DOOR.admit_row_json(MAPPING, b"{", "kafka:raw/0/1", NOW_US)
    (listed,) = DOOR.admit_row_json(MAPPING, b"[]", "kafka:raw/0/2", NOW_US)

    assert isinstance(cut, DeadLetter)
    assert isinstance(listed, DeadLetter)
    assert cut.sentence.startswith("row must be JSON; got")
    assert listed.sentence == "row must be a JSON object; got list"


@pytest.mark.parametrize("levels", [900, 1_000, 100_000])
@pytest.mark.parametrize("column", ["渠道", "nobody knows"])
def test_a_row_that_is_too_deep_is_a_dead_letter(levels: int, column: str) -> None:
    deep = b'{"a":' * levels + b"1" + b"}" * levels

    (letter,) = DOOR.admit_row_json(MAPPING, f'{{"{column}":'.encode() + deep + b"}", "s", NOW_US)

    assert isinstance(letter, DeadLetter)


@pytest.mark.parametrize("levels", [300, 900, 2_000])
def test_a_row_of_a_file_and_an_event_that_is_built_may_be_too_deep_as_well(levels: int) -> None:
    deep: Any = 1
    for _ in range(levels):
        deep = {"a": deep}

    (row,) = DOOR.admit_row(MAPPING, {"渠道": deep}, "s", NOW_US)
    event = DOOR.admit_event(msgspec.convert(BASE | {"attrs": {"a": deep}}, Event), "s", NOW_US)

    assert isinstance(row, DeadLetter)
    assert isinstance(event, DeadLetter) or levels == 300


def test_bytes_that_nobody_can_read_are_kept_sealed_and_not_shown() -> None:
    letter = DOOR.refuse("bad_encoding", "box must open; got none", b"13800001111", "s", NOW_US, "police")

    assert (letter.raw, letter.channel) == ("", "police")
    assert UNSEALER.unseal(letter.sealed) == b"13800001111"


def test_a_row_without_a_column_says_which() -> None:
    (letter,) = DOOR.admit_row(MAPPING, {"号": "1"}, "s", NOW_US)

    assert isinstance(letter, DeadLetter)
    assert letter.reason == "missing_column"
    assert letter.sentence == "row must have the column `渠道`; got none"


@pytest.mark.parametrize("mapping", [MAPPING, NAMELESS], ids=["names people", "names nobody"])
def test_a_row_that_cannot_be_read_shows_nothing_whatever_its_mapping_reads(mapping: Mapping) -> None:
    failure = Failure(7, "bad_encoding", "row must be utf-8; got byte 255 at 2", "1,李小明".encode())
    letter = DOOR.admit_failure(mapping, failure, "file:x.csv:7", NOW_US)

    assert letter.raw == ""
    assert UNSEALER.unseal(letter.sealed) == "1,李小明".encode()
