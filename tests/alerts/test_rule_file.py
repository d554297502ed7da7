"""What a rule file may not say: every refusal is read, with the place it names."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.authoring.rule_test import run_tests
from alerts.channel import Channel
from alerts.model import Event, Text, from_us
from alerts.rule import compile_rule
from alerts.rule_file import RuleError
from alerts.select import compile_map, compile_select

HOUR = 3_600_000_000
CHANNELS = {
    name: Channel(name, Text(name, name), rank, HOUR, HOUR)
    for name, rank in (("grid", 1), ("police", 2), ("hotline", 2))
}
RULE: dict[str, Any] = {
    "apiVersion": "rules/v1",
    "id": "a.one",
    "version": 1,
    "kind": "threshold",
    "title": {"zh": "测试", "en": "Test"},
    "owner": "duty-rules",
    "purpose": "service-quality",
    "channels": ["police", "hotline"],
    "select": {"contact": {"action": ["received"]}},
    "key": ["matter"],
    "window": {"size": "7d"},
    "levels": [{"gte": 3, "level": "blue"}, {"gte": 5, "level": "yellow"}],
}
STEP = {"name": "one", "event": {"action": ["closed"]}}


def refused(data: Any) -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(RuleError) as error:
        compile_rule(data, CHANNELS)
    assert str(error.value) == error.value.sentence
    return error.value.sentence, error.value.path


@pytest.mark.parametrize(
    ("changes", "sentence", "path"),
    [
        ({"levls": []}, "a key of a rule must be known; got `levls`; did you mean `levels`", ("levls",)),
        (
            {"window": {"size": "7d", "latness": "1h"}},
            "a key of `window` must be known; got `latness`; did you mean `lateness`",
            ("window", "latness"),
        ),
        (
            {"levels": [{"gte": 3, "level": "blue"}, {"qte": 5, "level": "red"}]},
            "a key of `levels.1` must be known; got `qte`; did you mean `gte`",
            ("levels", 1, "qte"),
        ),
        (
            {"kind": "treshold"},
            "`kind` must be one of threshold, distinct, sequence, progression, obligation, surge, silence, match, "
            "score, ratio, new_value; got `treshold`",
            ("kind",),
        ),
        (
            {"status": "paused"},
            "`status` must be one of live, shadow, disabled, deprecated; got `paused`",
            ("status",),
        ),
        (
            {"levels": [{"gte": 3, "level": "orange"}]},
            "`levels.0.level` must be one of blue, yellow, red; got `orange`",
            ("levels", 0, "level"),
        ),
        (
            {"lifecycle": {"revise_on": ["levelup"]}},
            "`lifecycle.revise_on.0` must be one of level_up, new_channel, new_branch, step, unit; got `levelup`",
            ("lifecycle", "revise_on", 0),
        ),
        ({"apiVersion": "rules/v2"}, "`apiVersion` must be one of rules/v1; got `rules/v2`",
         ("apiVersion",)),
        ({"version": "one"}, "`version` must be `int`; got `str`", ("version",)),
        ({"title": {"zh": "测试"}}, "`title` must have `en`; got none", ("title",)),
        (
            {"window": {"size": "a week"}},
            "duration must be numbers with the units d, h, m, s, such as `1h30m`; got `a week`",
            ("window", "size"),
        ),
        (
            {"window": {"size": "7d", "lateness": "5wd"}},
            "duration must be numbers with the units d, h, m, s, such as `1h30m`; got `5wd`",
            ("window", "lateness"),
        ),
        (
            {"lifecycle": {"quiet_close": "14"}},
            "duration must be numbers with the units d, h, m, s, such as `1h30m`; got `14`",
            ("lifecycle", "quiet_close"),
        ),
        (
            {"channels": ["police", "hotlin"]},
            "a channel must be registered; got `hotlin`; did you mean `hotline`",
            ("channels", 1),
        ),
        ({"channels": []}, "`channels` must name at least one channel; got none", ("channels",)),
        ({"key": []}, "`key` must name at least one field; got none", ("key",)),
        ({"key": ["mater"]}, "a field must be one of Event v1; got `mater`; did you mean `matter`", ("key",)),
        ({"evidence": {"fields": ["gird"]}}, "a field must be one of Event v1; got `gird`; did you mean `grid`",
         ("evidence", "fields")),
        ({"levels": []}, "`levels` must have at least one rung; got none", ("levels",)),
        (
            {"levels": [{"gte": 5, "level": "yellow"}, {"gte": 3, "level": "blue"}]},
            "`levels` must rise from rung to rung; got them out of order",
            ("levels",),
        ),
        ({"levels": [{"level": "blue"}]}, "a rung of a threshold rule must have `gte`; got none", ("levels", 0)),
        ({"kind": "distinct"}, "a distinct rule must name the field `of`; got none", ("kind",)),
        ({"kind": "distinct", "of": "who"}, "a field must be one of Event v1; got `who`", ("of",)),
        (
            {"unless": {"done": {"action": ["closed"]}}},
            "`unless` must stand in a sequence or progression; got kind `threshold`",
            ("unless",),
        ),
        ({"kind": "sequence"}, "a sequence rule must have `when`; got none", ("kind",)),
        ({"kind": "sequence", "when": {}}, "a sequence must have `when.steps`; got none", ("when",)),
        ({"kind": "sequence", "when": {"steps": [STEP]}}, "a rung of a sequence must have `steps`; got one without",
         ("levels",)),
        (
            {"kind": "sequence", "when": {"steps": [{"name": "x", "event": {"acton": ["closed"]}}]}},
            "field must be one of Event v1; got `acton`; did you mean `action`",
            ("when", "steps", 0),
        ),
        (
            {"kind": "progression", "when": {}},
            "a progression must have `when.chain` or `when.any`; got neither",
            ("when",),
        ),
        (
            {"kind": "progression", "when": {"chain": {"measure": "violence"}}},
            "`levels` must have a rung with `steps` or `measure_gte`; got none",
            ("levels",),
        ),
        (
            {"kind": "progression", "when": {"any": [{"name": "b", "level": "red"}]}},
            "branch `b` must have one of chain, gaps, event; got 0",
            ("when", "any", 0),
        ),
    ],
    ids=lambda each: "" if isinstance(each, dict | tuple) else each[:60],
)  # fmt: skip
def test_a_wrong_rule_is_refused(changes: dict[str, Any], sentence: str, path: tuple[str | int, ...]) -> None:
    assert refused({**RULE, **changes}) == (sentence, path)


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_without_end_is_refused(number: float) -> None:
    said = refused({**RULE, "budget": {"blue": number}})

    assert said == (f"a number must be finite; got {number}", ("budget", "blue"))


SURGE: dict[str, Any] = {
    "kind": "surge",
    "key": ["township"],
    "window": {"size": "1h", "slide": "1h"},
    "baseline": {},
    "when": {"all": [{"count_gte": 1}]},
    "levels": [{"ratio": 2, "level": "blue"}],
}


@pytest.mark.parametrize(
    ("changes", "sentence", "path"),
    [
        ({"levels": [{"gte": 0, "level": "blue"}]}, "`gte` must be at least 1; got 0", ("levels", 0, "gte")),
        ({"evidence": {"keep": 0}}, "`keep` must be at least 1; got 0", ("evidence", "keep")),
        (
            {"lifecycle": {"aftercare": {"for": "7d", "level_plus": -1}}},
            "`level_plus` must be at least 1; got -1",
            ("lifecycle", "aftercare", "level_plus"),
        ),
        (
            {**SURGE, "baseline": {"history": "999999d"}},
            "`history` must look back 400d at most; got `999999d`",
            ("baseline", "history"),
        ),
        (
            {**SURGE, "levels": [{"ratio": 0, "level": "blue"}]},
            "`ratio` must be above 0; got 0",
            ("levels", 0, "ratio"),
        ),
        (
            {**SURGE, "evidence": {"top_k": {"grid": 0}}},
            "`top_k` must keep at least 1 of each field; got 0",
            ("evidence", "top_k", "grid"),
        ),
    ],
)
def test_numbers_that_mean_nothing_are_refused(
    changes: dict[str, Any], sentence: str, path: tuple[str | int, ...]
) -> None:
    assert refused({**RULE, **changes}) == (sentence, path)


def test_a_rule_of_another_kind_keeps_its_key_whatever_stands_under_obligation() -> None:
    owed = {"id": ["case"], "opens": {"action": "received"}, "satisfied_by": {"action": "closed"}, "due": "1d"}
    rule = compile_rule({**RULE, **SURGE, "obligation": owed}, CHANNELS)

    assert rule.key_names == ["township"]


def test_a_missing_key_is_named() -> None:
    without = {name: value for name, value in RULE.items() if name != "owner"}

    assert refused(without) == ("a rule must have `owner`; got none", ())


@pytest.mark.parametrize("data", [None, [], "rule"])
def test_a_file_that_is_no_map_is_refused(data: Any) -> None:
    assert refused(data)[0] == f"a rule file must be one map; got {type(data).__name__}"


@pytest.mark.parametrize(
    ("select", "sentence"),
    [
        ({"a": ["received"]}, "`select.a` must be a map of fields; got `['received']`"),
        (
            {"a": {"acton": ["received"]}},
            "field must be one of Event v1; got `acton`; did you mean `action`",
        ),
        (
            {"a": {"violence|gt": 2}},
            "modifier must be one of not, any, gte, lte, prefix, re, exists; got `violence|gt`",
        ),
        (
            {"a": {"violence|gte|lte": 2}},
            "a field takes one of gte, lte, prefix, re, exists; got `violence|gte|lte`",
        ),
        ({"a": {"violence|gte": "two"}}, "`violence|gte` must be a number; got `two`"),
        ({"a": {"region|prefix": 6201}}, "`region|prefix` must be text; got `6201`"),
        (
            {"a": {"unit|re": "("}},
            "`unit|re` must be a regular expression; got `(` (missing ), unterminated subpattern at position 0)",
        ),
        (
            {"a": {"action": {"is": "closed"}}},
            "`action` must be a value or a list of values; got `{'is': 'closed'}`",
        ),
        (
            {"contact": {}, "condition": "contcat"},
            "condition must name maps of `select`; got `contcat`; did you mean `contact`",
        ),
        ({"a": {}, "condition": "a and"}, "condition must go on after `and`; got `a and`"),
        ({"a": {}, "condition": "(a"}, "condition must go on after `a`; got `(a`"),
        ({"a": {}, "condition": "a a"}, "condition must end after `a`; got `a a`"),
        (
            {"a": {}, "condition": "a & b"},
            "condition must be names with and, or, not and parentheses; got `a & b` at `& b`",
        ),
        (
            {"a": {}, "condition": ["a"]},
            "condition must be names with and, or, not and parentheses; got `['a']`",
        ),
        ({"condition": "a"}, "condition must name maps of `select`; got `a`"),
    ],
    ids=lambda each: "" if isinstance(each, dict) else each[:60],
)
def test_a_wrong_select_is_refused(select: dict[str, Any], sentence: str) -> None:
    assert refused({**RULE, "select": select}) == (sentence, ("select",))


EVENT = {"id": "e1", "at": "+0d 09:00", "channel": "police", "action": "received"}


@pytest.mark.parametrize(
    ("test", "sentence", "path"),
    [
        (
            {"event": [], "expect": []},
            "a key of a test must be known; got `event`; did you mean `events`",
            ("event",),
        ),
        ({"events": []}, "a test must say what to `expect`; got nothing; `[]` means silence", ()),
        ({"expect": "silence"}, "`expect` must be a list; got `silence`", ("expect",)),
        (
            {"expect": [], "clock": "today"},
            "the times of a test must be right; Invalid isoformat string: 'today'",
            (),
        ),
        (
            {"expect": [], "events": [{**EVENT, "at": "9:00"}]},
            "an event of a test must be right; a time must be `+<days>d HH:MM`; got `9:00`",
            ("events", 0),
        ),
        (
            {"expect": [], "events": [EVENT, {"id": "e2"}]},
            "an event of a test must be right; 'at' is missing",
            ("events", 1),
        ),
        (
            {"expect": [], "events": [{**EVENT, "channel": "polic"}]},
            "an event of a test must be right; got channel `polic`; did you mean `police`",
            ("events", 0),
        ),
        (
            {"expect": [], "events": [{**EVENT, "mater": "m1"}]},
            "an event of a test must be right; got `mater`; did you mean `matter`",
            ("events", 0),
        ),
        (
            {"expect": [], "events": [{**EVENT, "action": "called"}]},
            "an event of a test must be right; Invalid enum value 'called' - at `$.action`",
            ("events", 0),
        ),
        (
            {"expect": [], "generate": {"from": "+0d 09:00", "every": "1h", "event": {}}},
            "`generate` of a test must be right; 'n' is missing",
            ("generate",),
        ),
        (
            {"expect": [{"revison": 1}], "events": [{**EVENT, "id": str(n), "matter": "m"} for n in range(3)]},
            "`expect` must name fields of a revision; got `revison`; did you mean `revision`",
            ("expect",),
        ),
    ],
    ids=lambda each: "" if isinstance(each, dict | tuple) else each[:60],
)
def test_a_wrong_test_is_refused(test: dict[str, Any], sentence: str, path: tuple[str | int, ...]) -> None:
    rule = compile_rule({**RULE, "tests": [test]}, CHANNELS)

    with pytest.raises(RuleError) as error:
        run_tests(rule, CHANNELS)

    assert (error.value.sentence, error.value.path) == (sentence, ("tests", 0, *path))


@pytest.mark.parametrize(
    ("entry", "attrs", "holds"),
    [
        ({"attrs.n|gte": 3}, {"n": 3}, True),
        ({"attrs.n|gte": 3}, {"n": "many"}, False),
        ({"attrs.n|lte": 3}, {"n": [1]}, False),
        ({"attrs.tags": ["a"]}, {"tags": ["b", "a"]}, True),
        ({"attrs.tags": ["a"]}, {"tags": [{"x": 1}]}, False),
        ({"attrs.tags|exists": True}, {}, False),
    ],
)
def test_an_attribute_of_any_shape_stops_no_rule(entry: dict[str, Any], attrs: dict[str, Any], holds: bool) -> None:
    event = Event("e1", "police", "received", from_us(0), attrs=attrs)

    assert compile_map(entry, CHANNELS)(event) is holds


def test_without_a_condition_every_map_must_hold() -> None:
    selects = compile_select({"a": {"action": ["received"]}, "b": {"violence|gte": 2}}, CHANNELS)

    assert selects(Event("e1", "police", "received", from_us(0), violence=2))
    assert not selects(Event("e1", "police", "received", from_us(0), violence=1))


def test_a_list_counts_as_one_value() -> None:
    events = [
        {**EVENT, "id": str(day), "at": f"+{day}d 09:00", "matter": "m", "attrs.of": of}
        for day, of in enumerate((["a"], ["a"], ["a", "b"], {"c": 1}))
    ]
    test = {"events": events, "expect": [{"rev": 1, "at": "+3d 09:00", "distinct": 3}]}
    rule = compile_rule({**RULE, "kind": "distinct", "of": "attrs.of", "tests": [test]}, CHANNELS)

    assert run_tests(rule, CHANNELS)[0].problems == []


def test_a_chain_passes_over_a_measure_that_is_no_number() -> None:
    when = {"chain": {"measure": "attrs.n", "min_steps": 2}}
    events = [
        {**EVENT, "id": str(day), "at": f"+{day}d 09:00", "matter": "m", "attrs.n": n}
        for day, n in enumerate((1, "x", 2))
    ]
    test = {"events": events, "expect": [{"rev": 1, "at": "+2d 09:00", "path": [1, 2]}]}
    levels = [{"steps": 2, "level": "blue"}]
    rule = compile_rule({**RULE, "kind": "progression", "when": when, "levels": levels, "tests": [test]}, CHANNELS)

    assert run_tests(rule, CHANNELS)[0].problems == []
