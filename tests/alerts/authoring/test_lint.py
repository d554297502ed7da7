"""What the lint says of rules, and what it must leave alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from alerts.authoring.lint import EXPLAINED, Lint, lint
from alerts.authoring.rule_test import run_tests
from alerts.channel import Channel
from alerts.model import Text
from alerts.rule import compile_rule

HOUR = 3_600_000_000
CHANNELS = {
    name: Channel(name, Text(name, name), rank, HOUR, HOUR)
    for name, rank in (("grid", 1), ("police", 2), ("petition", 3))
}
QUIET = {"name": "quiet", "events": [], "expect": []}
FIRES = {"name": "fires", "events": [], "expect": [{"rev": 1}]}
RULE: dict[str, Any] = {
    "apiVersion": "rules/v1",
    "id": "a.one",
    "version": 1,
    "kind": "threshold",
    "title": {"zh": "测试", "en": "Test"},
    "owner": "duty-rules",
    "runbook": "rb/test",
    "purpose": "service-quality",
    "channels": ["police"],
    "select": {"contact": {"action": ["received"]}},
    "key": ["matter"],
    "window": {"size": "7d", "lateness": "6h"},
    "levels": [{"gte": 3, "level": "blue"}],
    "lifecycle": {"quiet_close": "7d"},
    "explain": {"zh": "{count}次", "en": "{count} times"},
    "tests": [FIRES, QUIET],
}
LIFE = {"purpose": "life-safety", "privacy": {"reveal": ["duty.police"], "retain": "90d"}}
STEPS: dict[str, Any] = {
    "kind": "sequence",
    "when": {"steps": [{"name": "one", "event": {"action": "received"}}]},
    "levels": [{"steps": 1, "level": "blue"}],
}
RISING: dict[str, Any] = {
    "kind": "progression",
    "when": {"chain": {"measure": "violence"}},
    "levels": [{"steps": 2, "level": "blue"}],
}


def remarks(**changes: Any) -> list[Lint]:
    return lint(compile_rule({**RULE, **changes}, CHANNELS))


def said(**changes: Any) -> list[tuple[str, str, str]]:
    return [(remark.severity, remark.code, remark.sentence) for remark in remarks(**changes)]


def test_a_sound_rule_needs_no_remark() -> None:
    assert said() == []


@pytest.mark.parametrize("key", [["reporter"], ["subject"], ["township", "subcategory"]])
def test_service_quality_needs_the_grievance_in_its_key(key: list[str]) -> None:
    assert said(key=key) == [
        (
            "error",
            "grievance-key",
            "rule `a.one` must have `matter` or `case` in its `key`, as its purpose is service-quality; got "
            f"`{', '.join(key)}`; a person's contacts on different matters are never added up",
        )
    ]


@pytest.mark.parametrize("key", [["matter"], ["reporter", "matter"], ["case"]])
def test_service_quality_may_look_at_one_matter_of_one_person(key: list[str]) -> None:
    assert said(key=key) == []


def test_the_fallback_of_a_key_is_held_to_the_same() -> None:
    assert [code for _, code, _ in said(key_fallback=["reporter"])] == ["grievance-key"]


@pytest.mark.parametrize("field", ["reporter", "pair", "household"])
def test_people_alone_are_a_key_only_for_life_safety(field: str) -> None:
    assert said(key=[field], **LIFE) == []
    assert said(key=[field, "subcategory"], purpose="situational-awareness")[0] == (
        "error",
        "people-key",
        "rule `a.one` must have purpose life-safety to group by people; got situational-awareness with `key` "
        f"`{field}, subcategory`; add `matter`, or group by place or subject",
    )


def test_a_rule_on_people_says_who_may_know_them() -> None:
    assert said(key=["pair"], purpose="life-safety") == [
        (
            "warning",
            "no-privacy",
            "rule `a.one` should say who may ask who is meant and how long that should be kept (`privacy.reveal`, "
            "`privacy.retain`); got one of them or neither",
        )
    ]


@pytest.mark.parametrize(
    ("entry", "sort"),
    [
        ({"attrs.religion": ["x"]}, "religion"),
        ({"attrs.宗教信仰": ["x"]}, "religion"),
        ({"attrs.ethnic_group|not": ["汉"]}, "ethnicity"),
        ({"subcategory": ["labour", "ethnic_religious"]}, "ethnicity"),
        ({"attrs.political_status": ["x"]}, "politics"),
        ({"attrs.mental_health|exists": True}, "health"),
        ({"attrs.petition_count|gte": 3}, "petition history"),
        ({"text|re": "上访户|缠访"}, "petition history"),
    ],
)
def test_nobody_is_selected_for_what_they_are(entry: dict[str, Any], sort: str) -> None:
    ((field, wanted),) = entry.items()

    [remark] = remarks(select={"contact": {"action": ["received"]}, "who": entry})

    assert (remark.severity, remark.code, remark.path) == ("error", "forbidden-select", ("select", "who", field))
    assert remark.sentence == f"rule `a.one` must not look at {sort}; got `{field}: {wanted}`; take it out"


@pytest.mark.parametrize(
    "entry",
    [
        {"channel": ["petition"]},
        {"subcategory|not": ["ethnic_religious"]},
        {"subcategory": ["medical", "discipline"]},
        {"attrs.overdue": ["1"]},
        {"attrs.trace": ["x"]},
    ],
)
def test_topics_and_channels_may_be_selected(entry: dict[str, Any]) -> None:
    assert said(select={"contact": entry}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"of": "attrs.religion", "kind": "distinct"},
        {"key": ["matter", "attrs.ethnicity"]},
        {"evidence": {"fields": ["attrs.disease"]}},
        {**STEPS, "when": {"steps": [{"name": "one", "event": {"attrs.hiv": ["x"]}}]}},
        {**STEPS, "when": {**STEPS["when"], "eager": True}, "unless": {"no": {"attrs.party": ["x"]}}},
        {**RISING, "when": {"chain": {"measure": "attrs.petitions"}}},
        {"kind": "progression", "levels": [], "when": {"any": [
            {"name": "b", "level": "red", "event": {"attrs.faith": ["x"]}}]}},
    ],
    ids=["of", "key", "evidence", "step", "unless", "measure", "branch"],
)  # fmt: skip
def test_what_people_are_is_found_wherever_a_rule_looks(changes: dict[str, Any]) -> None:
    assert [code for _, code, _ in said(**changes)] == ["forbidden-select"]


@pytest.mark.parametrize("field", ["text", "lat", "lon"])
def test_peoples_words_and_the_exact_spot_are_no_evidence(field: str) -> None:
    refusal = (
        "error",
        "evidence-words",
        f"rule `a.one` must not carry people's words or the exact spot as evidence; got `{field}`; take it out",
    )
    assert said(evidence={"fields": ["id", field]}) == [refusal]
    assert said(evidence={"top_k": {field: 5}}) == [refusal]


@pytest.mark.parametrize(
    ("changes", "severity", "sentence"),
    [
        ({"window": {"size": "0d"}}, "error", "must have a window longer than nothing; got `0d`"),
        (
            {"window": {"size": "1h"}},
            "warning",
            "should wait for stragglers no longer than its window; got 6h (the default) and a window of 1h",
        ),
        (
            {**STEPS, "when": {**STEPS["when"], "within": "8d"}},
            "error",
            "must keep events as long as `when.within`; got 8d with a window of 7d; make the window longer",
        ),
        ({"window": {"size": "401d"}}, "error", "must look back 400d at most; got 401d"),
        (
            {"window": {"size": "184d"}},
            "warning",
            "should keep events of a key for half a year at most; got 184d6h of window and lateness; "
            "ask whether so old an event still says anything",
        ),
        (
            {"state": {"max_keys": 999}},
            "warning",
            "should keep at least 1000 keys, since those above are forgotten; got 999",
        ),
        (
            {"state": {"max_keys": 2_000_001}},
            "warning",
            "should keep at most 2000000 keys, which is about 2 GB of memory; got 2000001",
        ),
        (
            {"select": {"contact": {"unit|re": "(a+)+"}}},
            "error",
            "must have patterns that do not repeat what repeats already; got `unit|re: (a+)+`",
        ),
        (
            {**STEPS, "when": {"steps": [{"name": "one", "event": {"unit|re|not": ".*"}}]}},
            "error",
            "must have patterns that name at least one character; got `unit|re|not: .*`",
        ),
        (
            {"stages": [{"at": "80%", "level": "blue"}]},
            "warning",
            "should not have `stages`: a threshold rule does not read it",
        ),
        (
            {"when": {"score": [{"name": "a", "event": {"violence": 1}, "points": 1}]}},
            "warning",
            "should not have `when.score`: a threshold rule does not read it",
        ),
        (
            {**RISING, "when": {"chain": {"measure": "subcategory"}}},
            "error",
            "must measure a number (violence, unit_level, channel_rank, hour_of_day or attrs.<name>); "
            "got `subcategory`",
        ),
        ({"of": "reporter"}, "warning", "should not have `of`: a threshold rule does not read it"),
        (
            {"levels": [{"gte": 3, "steps": 2, "level": "blue"}]},
            "warning",
            "should not have `levels.steps`: a threshold rule does not read it",
        ),
        (
            {"window": {"size": "7d", "slide": "1h"}},
            "warning",
            "should not have `window.slide`: a threshold rule does not read it",
        ),
        (
            {"when": {"within": "1d"}},
            "warning",
            "should not have `when.within`: a threshold rule does not read it",
        ),
        (
            {**RISING, "when": {"any": [{"name": "b", "level": "red", "event": {"cues": ["weapon"]}}]}},
            "warning",
            "should have no `levels` without `when.chain`: each branch names its own",
        ),
        (
            {"select": {"contact": {"action": ["received"]}, "moved": {"case": ["x"]}, "condition": "contact"}},
            "warning",
            "should name every map of `select` in its condition; `moved` is not in it",
        ),
        ({"id": "RC_1"}, "warning", "should have a dotted id, such as `rc.repeat-contact`; got `RC_1`"),
        ({"explain": ""}, "warning", "should say in `explain` what it found; got nothing"),
        (
            {"explain": "{cuont} times"},
            "warning",
            "should name in `explain` what its alerts know; got `{cuont}`; did you mean `count`",
        ),
        ({"owner": ""}, "warning", "should name its `owner`; got nothing"),
        (
            {"lifecycle": {}},
            "warning",
            "should say in `lifecycle.quiet_close` when its alerts close; got nothing, so they never do",
        ),
        ({"tests": [FIRES, FIRES]}, "warning", "must have a test that stays quiet; got 2 and all fire"),
        ({"tests": [QUIET]}, "warning", "must have a test that fires; got 1 and all stay quiet"),
    ],
    ids=lambda each: "" if isinstance(each, dict) else str(each)[:40],
)
def test_slips_are_named(changes: dict[str, Any], severity: str, sentence: str) -> None:
    assert [each[::2] for each in said(**changes)] == [(severity, f"rule `{changes.get('id', 'a.one')}` {sentence}")]


def test_a_rule_without_tests_lacks_both() -> None:
    assert [code for _, code, _ in said(tests=[])] == ["no-firing-test", "no-silent-test"]


def test_errors_stand_before_warnings() -> None:
    assert [severity for severity, _, _ in said(key=["reporter"], owner="")] == ["error", "warning"]


def test_every_word_that_the_lint_allows_is_filled_in() -> None:
    words = " ".join(f"{name}={{{name}}}" for name in EXPLAINED)
    event = {"channel": "police", "action": "received", "pair": "x", "subcategory": "family", "unit": "u"}
    events = [
        {**event, "id": f"e{day}", "at": f"+{day}d 20:00", "violence": violence}
        for day, violence in ((0, 1), (16, 1), (23, 2))
    ]
    branches = [
        {"name": "faster", "level": "blue", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}},
        {"name": "rising", "level": "yellow", "chain": {"measure": "violence"}},
    ]
    expect: list[dict[str, Any]] = [{}, {"text": ""}]
    test = {"name": "all", "events": events, "advance_to": "+24d 12:00", "expect": expect}
    rule = compile_rule(
        {
            **RULE, **LIFE, "kind": "progression", "key": ["pair"], "levels": [], "when": {"any": branches},
            "window": {"size": "90d"}, "explain": words, "tests": [test],
        },
        CHANNELS,
    )  # fmt: skip

    [outcome] = run_tests(rule, CHANNELS)

    [problem] = outcome.problems
    said = dict(re.findall(r"([\w.]+)=(\S+)", problem[problem.index("en=") + 4 :]))
    assert set(said) == set(EXPLAINED)
    assert "–" not in said.values()


NEW: dict[str, Any] = {
    "kind": "new_value", "window": {"lateness": "6h"}, "levels": [{"gte": 1, "level": "blue"}],
    "when": {"new_value": {"forget_after": "90d"}},
}  # fmt: skip
OWED: dict[str, Any] = {
    "kind": "obligation", "key": [], "window": {}, "levels": [], "lifecycle": {},
    "stages": [{"at": "100%", "level": "blue"}],
    "obligation": {
        "id": ["matter"], "opens": {"action": "received"}, "satisfied_by": {"action": "closed"}, "due": "5d",
    },
}  # fmt: skip
QUIETER: dict[str, Any] = {
    "kind": "silence", "purpose": "operations", "select": {}, "key": ["channel"], "window": {}, "lifecycle": {},
    "levels": [{"ratio": 1, "level": "blue"}], "explain": {"zh": "{quiet}", "en": "{quiet}"},
}  # fmt: skip


@pytest.mark.parametrize("field", ["reporter", "pair", "household"])
@pytest.mark.parametrize("purpose", ["life-safety", "situational-awareness"])
def test_nobody_is_ranked_and_nobody_is_a_new_value(field: str, purpose: str) -> None:
    ranked = remarks(purpose=purpose, evidence={"top_k": {field: 5}}, key=["township"], privacy=LIFE["privacy"])
    surprising = remarks(**NEW, purpose=purpose, of=field, key=["township"], privacy=LIFE["privacy"])

    assert [remark.sentence for remark in ranked] == [
        f"rule `a.one` must not rank people in `top_k`; got `{field}`; take it out"
    ]
    assert [remark.sentence for remark in surprising] == [
        f"rule `a.one` must not name people as new values; got `{field}`; count them instead"
    ]


def test_people_are_evidence_only_where_a_life_may_be_at_stake() -> None:
    assert said(evidence={"fields": ["reporter"]}) == [
        (
            "error",
            "people-list",
            "rule `a.one` must have purpose life-safety to show people as evidence; "
            "got service-quality with `reporter`",
        )
    ]
    assert said(**LIFE, evidence={"fields": ["reporter"]}) == []


@pytest.mark.parametrize("explain", ["{count} calls of {pair}", {"zh": "{count}次，{pair}", "en": "{count} calls"}])
def test_the_sentence_of_an_alert_names_nobodys_token(explain: Any) -> None:
    assert said(**LIFE, key=["pair"], explain=explain) == [
        (
            "error",
            "people-sentence",
            "rule `a.one` must not name a person's token in its `explain`; got `{pair}`; take it out",
        )
    ]
    assert said(**LIFE, explain="{count} calls in {window.size}") == []


@pytest.mark.parametrize("field", ["text", "lat", "lon"])
@pytest.mark.parametrize(
    "parts",
    [
        lambda field: {"key": ["matter", field]},
        lambda field: {"key_fallback": ["matter", field]},
        lambda field: {"kind": "distinct", "of": field},
        lambda field: {**NEW, "of": field},
        lambda field: {**OWED, "obligation": {**OWED["obligation"], "id": ["matter", field]}},
    ],
    ids=["key", "key_fallback", "distinct", "new_value", "obligation"],
)
def test_what_an_alert_is_named_after_is_never_peoples_words(parts: Any, field: str) -> None:
    assert [code for _, code, _ in said(**parts(field))] == ["evidence-words"]


SCORE = {"kind": "score", "levels": [{"gte": 1, "level": "blue"}]}
RATIO = {"kind": "ratio", "levels": [{"ratio": 0.5, "level": "blue"}]}


@pytest.mark.parametrize(
    "parts",
    [
        lambda asks: {**SCORE, "when": {"score": [{"name": "a", "points": 1, "event": asks}]}},
        lambda asks: {**RATIO, "when": {"ratio": {"of": asks}}},
        lambda asks: {**RATIO, "when": {"ratio": {"of": {}, "among": asks}}},
        lambda asks: {"kind": "match", "levels": [{"event": asks, "level": "blue"}]},
        lambda asks: {**OWED, "obligation": {**OWED["obligation"], "opens": asks}},
        lambda asks: {**OWED, "obligation": {**OWED["obligation"], "pause_on": asks, "resume_on": {"action": "x"}}},
        lambda asks: {**OWED, "bump": {"on": asks}},
        lambda asks: {**OWED, "obligation": {**OWED["obligation"], "id": ["matter", *asks]}},
        lambda asks: {**NEW, "of": next(iter(asks))},
        lambda asks: {"evidence": {"top_k": {next(iter(asks)).removeprefix("attrs."): 3}}},
    ],
    ids=["score", "of", "among", "match", "opens", "pause_on", "bump", "obligation.id", "new_value", "top_k"],
)
def test_no_part_of_any_kind_looks_at_religion(parts: Any) -> None:
    assert [code for _, code, _ in said(**parts({"attrs.religion": "any"})) if code != "no-effect"] == [
        "forbidden-select"
    ]


@pytest.mark.parametrize(
    ("parts", "names"),
    [
        ({"distinct": {"exact_up_to": 5}}, ["distinct"]),
        ({"lifecycle": {"quiet_close": "7d", "close_on": "satisfied"}}, ["lifecycle.close_on"]),
        ({"obligation": OWED["obligation"], "stages": OWED["stages"]}, ["obligation", "stages"]),
        ({**OWED, "key": ["matter"], "window": {"size": "7d"}}, ["key", "window.size"]),
        ({**OWED, "lifecycle": {"aftercare": {"for": "7d"}}}, ["lifecycle.aftercare"]),
        ({**QUIETER, "select": {"a": {"action": "received"}}, "key_fallback": ["grid"]}, ["key_fallback", "select"]),
        ({**QUIETER, "lifecycle": {"quiet_close": "1d"}}, ["lifecycle.quiet_close"]),
        ({**OWED, "state": {"max_keys": 5_000}}, ["state.max_keys"]),
    ],
    ids=["threshold", "close_on", "obligation of another", "obligation", "aftercare", "silence", "quiet_close", "cap"],
)
def test_what_a_kind_does_not_read_is_said(parts: dict[str, Any], names: list[str]) -> None:
    found = [sentence.split("`")[3] for _, code, sentence in said(**parts) if code == "no-effect"]

    assert sorted(found) == names
