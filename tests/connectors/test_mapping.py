"""The language of mappings: what each word does, and what is refused when the file is read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.model import Event, Link
from connectors.deadletter import Dropped, Refused
from connectors.lexicon import load_lexicon
from connectors.mapping import TEXT_LENGTH, Mapping, compile_mapping, load_mappings
from connectors.pseudonym import Key, Keyring, is_token
from connectors.registry import load_channels
from connectors.tables import load_tables
from connectors.yaml_file import YamlError, loads

CHANNELS = load_channels()
KEYS = Keyring([Key("t1", bytes(range(32)))])
TABLES = load_tables()
LEXICON = load_lexicon()
HEAD = """\
apiVersion: mappings/v1
id: example
version: 1
format: {type: jsonl}
zone: Asia/Shanghai
channel: hotline
tests: [{name: none, rows: [], expect: []}]
"""
FIELDS = "fields: {id: n, occurred_at: at}\n"
AT = "2026-03-02 09:30:00"


def _mapping(text: str, head: str = HEAD) -> Mapping:
    return compile_mapping(
        loads(head + text, "example.yaml"), channels=CHANNELS, keyring=KEYS, lexicon=LEXICON, tables=TABLES
    )


def _fields(more: str, rest: str = "") -> Mapping:
    return _mapping(f"fields:\n  id: n\n  occurred_at: at\n{more}{rest}")


def _event(mapping: Mapping, **row: Any) -> Event:
    (answer,) = mapping.admit({"n": "1", "at": AT} | row)
    assert isinstance(answer, Event), answer
    return answer


def _refused(mapping: Mapping, **row: Any) -> Refused:
    (answer,) = mapping.admit({"n": "1", "at": AT} | row)
    assert isinstance(answer, Refused), answer
    return answer


def test_a_plain_word_is_a_column() -> None:
    assert _event(_fields("  unit: 单位\n"), 单位=" 城管局 ").unit == "城管局"


RECIPES = [
    ("constant", "{constant: 城管局}", {}, "城管局"),
    ("template", "{template: '{a}/{b}'}", {"a": "1", "b": "2"}, "1/2"),
    ("template with a hole", "{template: '{a}/{b}'}", {"a": "1"}, None),
    ("columns joined", "{columns: [a, b, c], join: ' '}", {"a": "1", "c": "3"}, "1 3"),
    ("first of", "{first_of: [a, b, {constant: z}]}", {"b": "2"}, "2"),
    ("last resort", "{first_of: [a, b, {constant: z}]}", {}, "z"),
    ("extract a group", "{column: a, extract: '^No (\\d+)'}", {"a": "No 17 b"}, "17"),
    ("extract the whole", "{column: a, extract: '\\d+'}", {"a": "No 17 b"}, "17"),
    ("extract nothing", "{column: a, extract: '\\d+'}", {"a": "none"}, None),
    ("stop a value", "{column: a, stop: ['12345']}", {"a": "12345"}, None),
    ("stop by its beginning", "{column: a, stop: ['NO LOC*']}", {"a": "no  location"}, None),
    ("stop a number however spelt", "{column: a, stop: ['0931-12345']}", {"a": "(0931) 12345"}, None),
    ("stop lets others through", "{column: a, stop: ['12345']}", {"a": "123456"}, "123456"),
    ("inside json", "{column: a.b}", {"a": {"b": "x"}}, "x"),
    ("a number", "{column: a}", {"a": 7}, "7"),
    ("a float of a spreadsheet", "{column: a}", {"a": 7.0}, "7"),
    ("empty", "{column: a}", {"a": "  "}, None),
]


@pytest.mark.parametrize(("recipe", "row", "expected"), [r[1:] for r in RECIPES], ids=[r[0] for r in RECIPES])
def test_a_recipe_makes_a_value(recipe: str, row: dict[str, Any], expected: str | None) -> None:
    assert _event(_fields(f"  unit: {recipe}\n"), **row).unit == expected


def test_a_table_turns_codes_into_words_and_refuses_what_it_does_not_know() -> None:
    mapping = _fields("  category: {column: kind, table: kinds}\n", "tables: {kinds: {1: dispute, 2: hazard}}\n")

    assert _event(mapping, kind="1").category == "dispute"
    assert _event(mapping).category is None
    refused = _refused(mapping, kind="9")
    assert refused == Refused("unknown_code", "value must be in the table `kinds`; got `9`")


def test_otherwise_is_for_codes_that_the_table_does_not_know() -> None:
    mapping = _fields(
        "  category: {column: a, table: t, otherwise: other}\n  unit: {column: a, table: t, otherwise: null}\n",
        "tables: {t: {x: dispute}}\n",
    )

    assert (_event(mapping, a="y").category, _event(mapping, a="y").unit) == ("other", None)


def test_the_tables_of_the_project_are_there() -> None:
    mapping = _fields(
        "  region: {template: '{county}/{street}'}\n"
        "  category: {column: alarm, table: alarm_categories}\n"
        "  subcategory: {column: alarm, table: alarm_subcategories}\n"
    )
    by_name = _fields("  region: {columns: [county, street], join: /, table: regions}\n")

    assert _event(by_name, county="城关区", street="酒泉路街道").region == "620102001"
    assert _refused(mapping, county="城关区", street="酒泉路街道").reason == "bad_value"
    event = _event(mapping, alarm="家庭暴力")
    assert (event.category, event.subcategory) == ("dispute", "family")


def test_empty_words_are_nothing() -> None:
    mapping = _mapping("empty: ['-', 无]\nfields: {id: n, occurred_at: at, unit: a, subject: b}\n")

    event = _event(mapping, a="-", b="无")

    assert (event.unit, event.subject) == (None, None)


def test_named_values_are_columns_to_what_comes_after() -> None:
    mapping = _fields("  unit: {template: '{street}-{no}'}\n", "let: {no: {column: id, extract: '\\d+'}}\n")

    assert _event(mapping, street="a", id="x17").unit == "a-17"


TIMES = [
    ("Asia/Shanghai", "[iso]", "2026-03-02 09:30:00", "2026-03-02T01:30:00+00:00"),
    ("Asia/Shanghai", "[iso]", "2026-03-02T09:30:00+09:00", "2026-03-02T00:30:00+00:00"),
    ("Asia/Shanghai", "['%Y/%m/%d %H:%M', iso]", "2026/3/2 9:30", "2026-03-02T01:30:00+00:00"),
    ("Asia/Shanghai", "['%Y%m%d%H%M%S']", "20260302093000", "2026-03-02T01:30:00+00:00"),
    ("Asia/Shanghai", "'%Y年%m月%d日 %H时%M分'", "2026年3月2日 9时30分", "2026-03-02T01:30:00+00:00"),
    ("Asia/Shanghai", "[epoch_ms]", "1772415000000", "2026-03-02T01:30:00+00:00"),
    ("Asia/Shanghai", "[epoch_s]", "1772415000", "2026-03-02T01:30:00+00:00"),
    ("America/New_York", "[iso]", "2026-07-02 09:30:00", "2026-07-02T13:30:00+00:00"),
    ("America/New_York", "[iso]", "2026-01-02 09:30:00", "2026-01-02T14:30:00+00:00"),
    # the hour that comes twice is the first of the two; the hour that is left out has the offset from before
    ("America/New_York", "[iso]", "2026-11-01 01:30:00", "2026-11-01T05:30:00+00:00"),
    ("America/New_York", "[iso]", "2026-03-08 02:30:00", "2026-03-08T07:30:00+00:00"),
]


@pytest.mark.parametrize(("zone", "times", "text", "expected"), TIMES)
def test_a_time_is_read_in_its_zone_and_kept_in_utc(zone: str, times: str, text: str, expected: str) -> None:
    mapping = _mapping(f"times: {times}\n{FIELDS}", HEAD.replace("Asia/Shanghai", zone))

    event = _event(mapping, at=text)

    assert event.occurred_at == datetime.fromisoformat(expected)
    assert event.occurred_at.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "soon", "2026-02-30 09:00:00", "9" * 30])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    assert _refused(_mapping(FIELDS), at=text).reason == ("bad_time" if text else "missing_field")


def test_a_time_without_offset_is_refused_where_no_zone_is_named() -> None:
    refused = _refused(_mapping(FIELDS, HEAD.replace("zone: Asia/Shanghai\n", "")))

    assert refused.sentence == (
        "`occurred_at` must be an RFC 3339 time with an offset, after 1970 or as iso, with an offset; "
        "got `2026-03-02 09:30:00` at `$.occurred_at`"
    )


def test_a_field_may_have_a_zone_and_format_of_its_own() -> None:
    event = _event(
        _fields("  arrived_at: {column: seen, zone: UTC, format: '%d.%m.%Y %H:%M'}\n"),
        seen="02.03.2026 09:30",
    )

    assert event.arrived_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_people_become_tokens() -> None:
    mapping = _fields(
        "  reporter: {column: 电话, stop: desk}\n  place: 地址\n  pair: {parties: [甲, 乙]}\n",
        "pseudonymise: {reporter: phone, place: address, pair: name}\nstops: {desk: ['0931-12345']}\n",
    )
    event = _event(mapping, 电话="138 0000 1111", 地址="张掖路1号", 甲="李小明", 乙="王小红")

    assert event.reporter == KEYS.token("phone", "13800001111")
    assert event.place == KEYS.token("address", "张掖路1号")
    assert event.pair == KEYS.pair("name", "王小红", "李小明")
    assert _event(mapping, 电话="0931-12345").reporter is None
    assert _event(mapping, 甲="李小明").pair is None


def test_a_public_code_is_kept_where_the_mapping_says_it_is_one() -> None:
    assert _event(_fields("  place: code\n", "pseudonymise: {place: code}\n"), code="B-17").place == "B-17"


def test_words_are_heard_before_they_are_scrubbed() -> None:
    mapping = _fields("  text: {columns: [a, b], join: 。}\n", "lexicon: true\n")

    event = _event(mapping, a="丈夫张强酒后打人", b="电话13800001111")

    assert event.text == "丈夫[姓名]酒后打人。电话[手机]"
    assert (event.violence, event.cues) == (2, ("alcohol",))


def test_what_the_desk_entered_goes_before_what_is_heard() -> None:
    mapping = _fields("  text: a\n  violence: level\n  cues: cues\n", "lexicon: true\n")

    event = _event(mapping, a="酒后打人", level="1", cues="weapon、alcohol")

    assert (event.violence, event.cues) == (1, ("weapon", "alcohol"))


def test_a_long_text_is_cut() -> None:
    event = _event(_fields("  text: a\n"), a="漏" * 5_000)

    assert event.text is not None
    assert len(event.text) == TEXT_LENGTH
    assert event.text.endswith("…")


CONDITIONS = [
    ("{a: x}", {"a": "x"}, {"a": "y"}),
    ("{a: [x, y]}", {"a": "y"}, {"a": "z"}),
    ("{a: x, b: y}", {"a": "x", "b": "y"}, {"a": "x"}),
    ("[{a: x}, {b: y}]", {"b": "y"}, {"b": "x"}),
    ("{a: {is: 5}}", {"a": "5"}, {"a": "6"}),
    ("{a: {not: [x, y]}}", {"a": "z"}, {"a": "x"}),
    ("{a: {contains: [测试, test]}}", {"a": "这是测试"}, {"a": "这是"}),
    ("{a: {starts_with: T-}}", {"a": "T-1"}, {"a": "1T-"}),
    ("{a: {ends_with: '#'}}", {"a": "1#"}, {"a": "#1"}),
    ("{a: {matches: '^\\d+$'}}", {"a": "12"}, {"a": "1b"}),
    ("{a: {present: false}}", {}, {"a": "x"}),
    ("{a: {present: true, not: x}}", {"a": "y"}, {"a": "x"}),
    ("{a: true}", {"a": True}, {"a": False}),
]


@pytest.mark.parametrize(("when", "holds", "fails"), CONDITIONS, ids=[one[0] for one in CONDITIONS])
def test_a_condition_holds_for_the_rows_that_are_meant(when: str, holds: Any, fails: Any) -> None:
    mapping = _mapping(f"{FIELDS}drop:\n  - {{reason: not-wanted, when: {when}}}\n")

    assert mapping.admit({"n": "1", "at": AT} | holds) == [Dropped("not-wanted", "", "example")]
    assert isinstance(_event(mapping, **fails), Event)


def test_the_first_class_that_holds_is_the_reporters() -> None:
    mapping = _mapping(
        FIELDS + "reporter_class:\n"
        "  - {class: staff, when: {a: x}}\n"
        "  - {class: anonymous, when: {b: {present: false}}}\n"
    )

    classes = [_event(mapping, **row).reporter_class for row in ({"a": "x"}, {}, {"b": "y"})]
    assert classes == ["staff", "anonymous", "citizen"]


def test_one_row_may_be_several_events_of_one_case() -> None:
    mapping = _mapping(
        "fields: {id: {template: 'h/{n}'}, case: n, occurred_at: at, text: a}\n"
        "events:\n"
        "  - {action: received}\n"
        "  - action: visited\n"
        "    when: {asked: {present: true}}\n"
        "    without: [text]\n"
        "    fields: {id: {template: 'h/{n}/visited'}, occurred_at: asked, satisfied: ok}\n"
        "    attrs: {by: clerk}\n"
        "attrs: {way: way}\n"
    )
    row = {
        "n": "1",
        "at": AT,
        "a": "漏水",
        "asked": "2026-03-04 10:00",
        "ok": "满意",
        "way": "电话",
        "clerk": "3",
    }

    received, visited = mapping.admit(row)

    assert isinstance(received, Event)
    assert isinstance(visited, Event)
    assert (received.id, received.action, received.text, received.attrs) == (
        "h/1",
        "received",
        "漏水",
        {"way": "电话"},
    )
    assert (visited.id, visited.action, visited.case, visited.text) == ("h/1/visited", "visited", "1", None)
    assert visited.satisfied is True
    assert visited.attrs == {"way": "电话", "by": "3"}
    assert len(mapping.admit(row | {"asked": ""})) == 1


def test_an_event_that_fails_does_not_take_the_others_with_it() -> None:
    mapping = _mapping(
        "fields: {id: n, occurred_at: at}\n"
        "events: [{action: received}, {action: closed, fields: {occurred_at: closed}}]\n"
    )

    received, closed = mapping.admit({"n": "1", "at": AT, "closed": "soon"})

    assert isinstance(received, Event)
    assert isinstance(closed, Refused)


def test_two_events_of_a_row_cannot_have_one_id() -> None:
    mapping = _mapping(FIELDS + "events: [{action: received}, {action: accepted}]\n")

    _, second = mapping.admit({"n": "1", "at": AT})

    assert second == Refused("duplicate_id", "events of one row must have ids of their own; got `1` again")


def test_a_row_that_gives_no_event_is_dropped_and_counted() -> None:
    mapping = _mapping(FIELDS + "events: [{action: closed, when: {done: yes}}]\n")

    assert mapping.admit({"n": "1", "at": AT}) == [Dropped("no_event", "", "example")]


def test_a_link_needs_its_target() -> None:
    mapping = _fields("  link: {type: transfer, to: {template: 'police/{from}'}}\n")

    assert _event(mapping, **{"from": "9"}).link == Link("transfer", "police/9")
    assert _event(mapping).link is None


def test_rows_of_one_contact_hang_on_the_first() -> None:
    mapping = _mapping(FIELDS + "same_contact: [at, caller]\n")

    links = [
        _event(mapping, n=n, caller=caller).link
        for n, caller in [("1", "a"), ("2", "a"), ("3", "b"), ("1", "a"), ("4", ""), ("5", "")]
    ]

    assert links == [None, Link("duplicate", "1"), None, None, None, None]


def test_numbers_and_answers_are_read() -> None:
    mapping = _fields("  lat: lat\n  unit_level: level\n  satisfied: ok\n")

    event = _event(mapping, lat="36.06", level="3", ok="否")

    assert (event.lat, event.unit_level, event.satisfied) == (36.06, 3, False)
    assert _refused(mapping, lat="north").sentence == "`lat` must be a number; got `north`"
    assert _refused(mapping, ok="maybe").sentence == "`satisfied` must be yes or no; got `maybe`"
    assert _refused(mapping, level="9").sentence.startswith("`unit_level` must be a whole number from 1 to 5; got `9`")


def test_attrs_may_hold_tokens() -> None:
    mapping = _mapping(FIELDS + "attrs: {clerk: {column: a, pseudonym: name}, note: b, tel: c}\n")

    event = _event(mapping, a="李小明", b="叫王小红", c="8888888")

    assert event.attrs["clerk"] == KEYS.token("name", "李小明")
    assert event.attrs["note"] == "叫[姓名]"
    assert is_token(event.attrs["tel"])


def test_a_digest_is_one_for_one_row_and_leads_nowhere() -> None:
    mapping = _mapping("fields: {id: {digest: [at, addr]}, occurred_at: at}\n")

    one, again, other = (_event(mapping, addr=addr).id for addr in ("张掖路1号", "张掖路1号", "张掖路2号"))

    assert one == again != other
    assert is_token(one)


def test_a_dead_letter_shows_the_columns_that_are_read_and_no_people() -> None:
    mapping = _fields(
        "  reporter: tel\n  place: addr\n  unit: unit\n",
        "pseudonymise: {reporter: phone, place: address}\nlet: {addr: {template: '{street}{door}'}}\n",
    )
    row = {
        "n": "1",
        "at": AT,
        "tel": "13800001111",
        "street": "张掖路",
        "door": "1号",
        "unit": "城管局",
        "姓名": "李小明",
    }

    assert mapping.show(row) == (
        '{"street":"[住址]","door":"[住址]","n":"1","at":"2026-03-02 09:30:00","tel":"[手机]","unit":"城管局"}'
    )


def test_a_csv_row_must_have_every_column_that_is_read() -> None:
    mapping = _mapping("fields: {id: n, occurred_at: at, unit: 单位}\n", HEAD.replace("jsonl", "csv"))

    assert _refused(mapping) == Refused("missing_column", "row must have the column `单位`; got none")


WRONG = [
    (
        "apiVersion: mappings/v1",
        "apiVersion: mappings/v2",
        "`apiVersion` must be `mappings/v1`; got `mappings/v2` (example.yaml:1)",
    ),
    ("id: example", "id: Example", "`id` must be kebab-case; got `Example` (example.yaml:2)"),
    ("version: 1", "version: one", "`version` must be a number from 1; got `one` (example.yaml:3)"),
    ("zone:", "zones:", "keys of the file must be known; got `zones`; did you mean `zone`? (example.yaml:5)"),
    (
        "Asia/Shanghai",
        "Lanzhou",
        "zone must be an IANA name such as `Asia/Shanghai`; got `Lanzhou` (example.yaml:5)",
    ),
    ("channel: hotline", "channel: fax", "`channel` must be one of police, hotline"),
    (
        "{type: jsonl}",
        "{type: jsonl, encoding: latin-1}",
        "`encoding` must be one of utf-8, gb18030; got `latin-1`",
    ),
    ("{type: jsonl}", "{type: csv, delimiter: '||'}", "`delimiter` must be one character; got `||`"),
    ("{type: jsonl}", "{type: word}", "`format` must be right; got"),
    (
        "tests: [{name: none, rows: [], expect: []}]",
        "tests: []",
        "mapping must have at least one test; got none",
    ),
    ("unit: u", "units: u", "got `units`; did you mean `unit`? (example.yaml:11)"),
    ("unit: u", "unit: {colum: u}", "got `colum`; did you mean `column`? (example.yaml:11)"),
    ("unit: u", "unit: {column: u, constant: v}", "a value must have one of column, columns"),
    ("unit: u", "unit: {extract: x}", "got none (example.yaml:11)"),
    ("unit: u", "unit: {column: u, extract: '('}", "`extract` must be a regular expression; got `(`"),
    ("unit: u", "unit: {column: u, table: x}", "`table` must be one of regions, disputes"),
    ("unit: u", "unit: {column: u, otherwise: x}", "`otherwise` must stand beside `table`; got no table"),
    ("unit: u", "unit: {column: u, stop: desk}", "`stop` must be a list or one of none; got `desk`"),
    ("unit: u", "unit: {columns: u}", "`columns` must be a list of columns; got `u`"),
    ("unit: u", "unit: {column: u, pseudonym: shoe}", "kind must be one of phone, id_card"),
    ("unit: u", "reporter: u", "`reporter` must be in `pseudonymise`; got no kind for it"),
    ("unit: u", "reporter: u\npseudonymise: {reporter: shoe}", "kind must be one of phone, id_card"),
    ("unit: u", "pair: u\npseudonymise: {pair: name}", "`fields.pair` must be a map; got `u`"),
    ("unit: u", "link: {type: moved, to: u}", "`type` must be one of transfer, referral"),
    ("unit: u", "unit: u\nlexicon: true", "`lexicon` must have a `text` in `fields`; got none"),
    ("unit: u", "unit: u\ntimes: ['%Q']", "time format must be one of iso, epoch_s, epoch_ms or like"),
    ("unit: u", "unit: u\ndrop: [{when: {a: b}}]", "a drop must have `reason` and `when`; got when"),
    ("unit: u", "unit: u\ndrop: [{reason: r, when: {a: {like: b}}}]", "got `like`; known are contains"),
    ("unit: u", "unit: u\nevents: [{action: opened}]", "`action` must be one of received"),
    (
        "unit: u",
        "unit: u\nevents: [{action: closed, without: [id]}]",
        "event `closed` must have the field `id`; got none",
    ),
    ("unit: u", "unit: u\nreporter_class: [{class: police, when: {a: b}}]", "`class` must be one of citizen"),
    ("unit: u", "unit: 联系人姓名", "`fields.unit` must have a `pseudonym`; got the column `联系人姓名`"),
    (
        "unit: u",
        "unit: u\nattrs: {who: {template: '{联系电话}'}}",
        "`attrs.who` must have a `pseudonym`; got the column",
    ),
    ("unit: u", "unit: u\nstops: {a: b}", "stops `a` must be a list; got `b` (example.yaml:12)"),
    ("unit: u", "unit: u\nempty: '-'", "`empty` must be a list; got `-` (example.yaml:12)"),
    ("unit: u", "unit: u\ntables: {t: [1]}", "table `t` must be a map; got `[1]`"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG, ids=[one[1][:50] for one in WRONG])
def test_a_wrong_file_is_refused_with_its_line(old: str, new: str, sentence: str) -> None:
    text = HEAD + "fields:\n  id: n\n  occurred_at: at\n  unit: u\n"
    text = text.replace(old, new)

    with pytest.raises(YamlError) as error:
        compile_mapping(loads(text, "example.yaml"), channels=CHANNELS, keyring=KEYS, tables=TABLES)

    assert sentence in str(error.value)


def test_two_mappings_cannot_have_one_id(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(HEAD + FIELDS, encoding="utf-8")

    with pytest.raises(YamlError, match="`id` must be the only one; got `example` again"):
        load_mappings(tmp_path, channels=CHANNELS, keyring=KEYS, tables=TABLES)


def test_what_tables_and_constants_hold_may_be_used_like_a_column() -> None:
    mapping = _fields(
        "  unit: {template: '{level}/{fix}'}\n  satisfied: {column: a, table: t}\n  cues: {constant: [weapon]}\n",
        "let: {level: {column: a, table: n}, fix: {constant: 7}}\ntables: {n: {x: 3}, t: {x: true}}\n",
    )

    event = _event(mapping, a="x")

    assert (event.unit, event.satisfied, event.cues) == ("3/7", True, ("weapon",))


def test_a_code_that_is_an_address_becomes_a_token_after_all() -> None:
    event = _event(_fields("  place: code\n", "pseudonymise: {place: code}\n"), code="张掖路1号")

    assert event.place == KEYS.token("address", "张掖路1号")


def test_a_dead_letter_does_not_show_what_only_a_condition_looks_at() -> None:
    mapping = _mapping(FIELDS + "drop: [{reason: r, when: {来访人: {contains: 测试}, n: x}}]\n")

    assert mapping.show({"n": "1", "at": AT, "来访人": "李小明"}) == '{"来访人":"…","n":"1","at":"2026-03-02 09:30:00"}'


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    assert _refused(_fields("  lat: lat\n"), lat=number).reason == "bad_value"


CELLS = st.one_of(st.none(), st.text(max_size=12), st.integers(), st.booleans(), st.sampled_from(["1", AT, "x"]))
WIDE_MAPPING = _mapping(
    """
let: {no: {column: n, extract: '\\d+'}}
drop: [{reason: r, when: {a: {contains: x}}}]
fields:
  id: {template: 'h/{no}'}
  occurred_at: at
  reporter: a
  place: {columns: [a, b]}
  category: {column: b, table: t, otherwise: other}
  text: a
  lat: b
  link: {type: referral, to: b}
pseudonymise: {reporter: phone, place: address}
lexicon: true
tables: {t: {x: dispute}}
attrs: {a: a, b: b}
"""
)


@given(st.dictionaries(st.sampled_from(["n", "at", "a", "b", "other"]), CELLS))
def test_no_row_stops_a_mapping_and_each_row_has_an_answer(row: dict[str, Any]) -> None:
    answers = WIDE_MAPPING.admit(row)

    assert len(answers) == 1
    assert isinstance(answers[0], Event | Refused | Dropped)


@given(st.dictionaries(st.sampled_from(["n", "at", "a", "b"]), CELLS))
def test_admitting_a_row_twice_gives_the_same(row: dict[str, Any]) -> None:
    assert WIDE_MAPPING.admit(row) == WIDE_MAPPING.admit(row)
