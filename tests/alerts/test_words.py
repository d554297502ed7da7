"""The sentence of an alert, as people read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from small_city import DAY, HOUR, MINUTE, SECOND, START, Run, make_rule, report

from alerts.duration import DAY_US
from alerts.entry import SELECTED, Entry, Verdict
from alerts.episode import Episode, Facts
from alerts.model import Text
from alerts.rule import Rule
from alerts.words import sentence, span, window

TITLE = {"zh": "同一人重复来电", "en": "Repeat contact"}


def text(rule: Rule, *hours: float, channels: tuple[str, ...] = ("hotline", "police"), **fields: Any) -> Text:
    run = Run(rule)
    for number, hour in enumerate(hours):
        channel = channels[number % len(channels)]
        run.tell(report(f"e{number}", int(hour * HOUR), channel, subcategory="neighbour", **fields))
    run.finish()
    return run.drafts[-1].revision.text


def test_a_count_is_said_with_its_window_its_topic_and_its_channels() -> None:
    rule = make_rule(
        title=TITLE, window={"size": "7d"},
        explain="{count} contacts in {window.size} about {pair} ({subcategory}) via {channels}; {unit} is slow",
    )  # fmt: skip

    assert text(rule, 0, 1, 30, unit="street-1") == Text(
        "同一人重复来电：7天内3次（邻里），经12345、110",
        "3 contacts in 7d about x (neighbour) via hotline, police; street-1 is slow",
    )


def test_people_are_said_as_people() -> None:
    rule = make_rule(
        "distinct", of="reporter", title=TITLE, key=["subject"], explain="{distinct} people about {subject}",
        levels=[{"gte": 1, "level": "blue"}],
    )  # fmt: skip

    assert text(rule, 0, subject="estate", reporter="p") == Text(
        "同一人重复来电：2天内1人（邻里），经12345", "1 people about estate"
    )


def test_a_climb_is_said_with_its_path_and_how_long_it_took() -> None:
    rule = make_rule(
        "progression", window={"size": "90d"}, when={"chain": {"measure": "channel_rank", "min_steps": 2}},
        levels=[{"steps": 2, "level": "blue"}],
        explain={"zh": "{span}内由{path}逐级上行，共{steps}级", "en": "climbed {path} in {span}; last unit {unit}"},
    )  # fmt: skip

    assert text(rule, 0, 5 * 24 + 3, channels=("grid", "petition")) == Text(
        "5天内由1→3逐级上行，共2级", "climbed 1 -> 3 in 5d"
    )


def test_gaps_and_branches_are_said_in_both_languages() -> None:
    rule = make_rule(
        "progression", window={"size": "90d"}, lifecycle={"quiet_close": "60d"},
        when={"any": [{"name": "faster", "level": "blue", "gaps": {"min_events": 3, "each_ratio_lte": 0.5}}]},
        explain={"zh": "{branches}：间隔{gaps}", "en": "{branches}: gaps {gaps}"},
    )  # fmt: skip

    assert text(rule, 0, 40 * 24, 40 * 24 + 36) == Text("faster：间隔40天、36小时", "faster: gaps 40d, 36h")


def test_without_an_explain_the_title_stands_for_it() -> None:
    assert text(make_rule(title=TITLE), 0, 1, 2).en == "Repeat contact"


def test_a_name_that_is_not_known_is_a_dash() -> None:
    assert text(make_rule(explain="{nothing} and {unit}"), 0, 1, 2).en == "– and –"


def test_a_key_that_is_the_topic_is_said_in_chinese() -> None:
    rule = make_rule(key=["subcategory"], explain={"zh": "{subcategory}纠纷", "en": "{subcategory}"})

    assert text(rule, 0, 1, 2) == Text("邻里纠纷", "neighbour")


@pytest.mark.parametrize(
    ("length", "wanted"),
    [
        (7 * DAY, "7天"), (20 * DAY + 13 * HOUR, "20天"), (DAY, "1天"), (36 * HOUR, "36小时"), (HOUR, "1小时"),
        (90 * MINUTE, "90分钟"), (30 * SECOND, "30秒"), (0, "0秒"),
    ],
)  # fmt: skip
def test_a_span_is_said_in_the_greatest_unit_of_which_there_are_two(length: int, wanted: str) -> None:
    assert span(length) == wanted


@pytest.mark.parametrize(
    ("length", "wanted"), [(72 * HOUR, "3天"), (49 * HOUR, "49小时"), (36 * HOUR, "36小时"), (90 * MINUTE, "90分钟")]
)
def test_a_window_is_never_rounded(length: int, wanted: str) -> None:
    assert window(length) == wanted
    assert DAY_US == DAY


def at(hour: int) -> Entry:
    """A contact that counts for a rule."""
    event = report(f"e{hour}", hour * HOUR, subcategory="neighbour")
    return (START + hour * HOUR, 2, event.id, event.id, SELECTED, (), event)


def spoken(rule: Rule, zh: str, best: Verdict | None = None, en: str = "", **facts: Any) -> Text:
    """A sentence about some facts."""
    episode = Episode()
    episode.channels = ("hotline",)
    episode.facts = Facts(**facts)
    rule.explain = Text(zh, en)
    return sentence(rule, {"pair": "x"}, episode, best or Verdict(1, 2), [at(0), at(3)])


@pytest.mark.parametrize(
    ("template", "zh", "en"),
    [
        ("{used}/{due}", "4个工作日/5个工作日", "4 working days/5 working days"),
        ("{stage}", "临期", "nearly due"),
        ("{deadline} {breach}", "3月9日10:00 29小时", "03-09 10:00 29h"),
        ("{quiet}/{expected}", "2小时/90分钟", "2h/90min"),
        ("{median} {p} {areas} {top.grid}", "2.5 0.0002 东、西 g1×3", "2.5 0.0002 east, west g1×3"),
    ],
)
def test_the_words_that_a_kind_gives_itself_are_said(template: str, zh: str, en: str) -> None:
    words = {
        "used": ["4个工作日", "4 working days"], "due": ["5个工作日", "5 working days"],
        "stage": ["临期", "nearly due"], "quiet": 7200, "expected": 5400, "median": 2.5, "p": "0.0002",
        "areas": ["东、西", "east, west"], "top.grid": ["g1×3", "g1×3"],
    }  # fmt: skip

    due = datetime(2026, 3, 9, 2, tzinfo=UTC)
    assert spoken(make_rule(), template, en=template, due=due, breach_seconds=104_400, words=words) == Text(zh, en)


def test_what_a_score_added_up_is_said_by_the_titles_of_its_cues() -> None:
    cues = [
        {"name": "weapon", "event": {"cues|any": ["weapon"]}, "points": 3, "title": {"zh": "持械", "en": "weapon"}},
        {"name": "told", "event": {}, "points": 1},
    ]
    rule = make_rule("score", when={"score": cues}, levels=[{"gte": 4, "level": "blue"}])
    best = Verdict(1, 2, branches=("told", "weapon"), measures=(("score", 5), ("parts", {"weapon": 3, "told": 2})))

    assert spoken(rule, "{score}分：{parts}", best, "{score}: {parts}") == Text(
        "5分：持械3分、told2分", "5: weapon 3, told 2"
    )


def test_a_share_is_said_in_percent() -> None:
    rule = make_rule("ratio", when={"ratio": {"of": {}}}, levels=[{"ratio": 0.3, "level": "blue"}])
    best = Verdict(1, 12, measures=(("ratio", 0.3077), ("of", 12), ("among", 39)))

    assert spoken(rule, "{ratio}（{of}/{among}）", best).zh == "31%（12/39）"


@pytest.mark.parametrize(
    ("value", "zh", "en"), [("labour", "劳动人事", "labour"), ("hotline", "12345", "hotline"), ("u1", "u1", "u1")]
)
def test_a_value_is_said_by_the_name_that_people_know(value: str, zh: str, en: str) -> None:
    assert spoken(make_rule(), "{value}", Verdict(1, branches=(value,)), "{value}") == Text(zh, en)


@pytest.mark.parametrize(
    ("template", "zh"),
    [
        ("共{count}次（{unit}）", "共2次"), ("{count}次（{count}，{unit}）", "2次（2，–）"),
        ("{count}次；承办{unit}", "2次"), ("{count}次；承办（{unit}）", "2次；承办"), ("{unit}", "–"),
        ("{count}次（共）", "2次（共）"),
    ],
)  # fmt: skip
def test_brackets_and_clauses_of_which_nothing_is_known_are_left_out(template: str, zh: str) -> None:
    assert spoken(make_rule(), template).zh == zh


NEW = {"new_value": {"forget_after": "60d"}}
STEPS = [{"name": "a", "event": {}, "title": {"zh": "办结", "en": "closed"}}, {"name": "b", "event": {}}]
MADE: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "threshold": ({}, Verdict(1, 3), "测：2天内3次（邻里），经12345"),
    "match": ({"window": {}, "levels": [{"level": "blue"}]}, Verdict(1, 1), "测（邻里），经12345"),
    "score": (
        {"when": {"score": [{"name": "a", "event": {}, "points": 1}]}, "levels": [{"gte": 1, "level": "blue"}]},
        Verdict(1, 1, measures=(("score", 1), ("parts", {"a": 1}))),
        "测：2天内累计1分（a1分），经12345",
    ),
    "ratio": (
        {"when": {"ratio": {"of": {}}}, "levels": [{"ratio": 0.3, "level": "blue"}]},
        Verdict(1, 12, measures=(("ratio", 0.5), ("of", 12), ("among", 24))),
        "测：2天内占50%（24件中12件），经12345",
    ),
    "new_value": (
        {"of": "unit", "window": {}, "when": NEW, "levels": [{"gte": 1, "level": "blue"}]},
        Verdict(1, 1, branches=("u1",)),
        "测：首次出现u1，经12345",
    ),
    "sequence": (
        {"when": {"steps": STEPS}, "levels": [{"steps": 2, "level": "blue"}]},
        Verdict(1, 2, steps=2, path=("a", "b")),
        "测：3小时内依次办结→b（邻里），经12345",
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_a_rule_without_words_of_its_own_still_speaks_chinese(kind: str) -> None:
    parts, best, zh = MADE[kind]

    assert spoken(make_rule(kind, **parts), "", best).zh == zh


def test_branches_are_said_by_their_titles() -> None:
    rule = make_rule(
        "progression", title=TITLE, explain={"zh": "{branches}", "en": "{branches}"},
        when={"any": [
            {"name": "cue", "event": {"violence|gte": 2}, "level": "red", "title": {"zh": "动手", "en": "blows"}},
        ]},
    )  # fmt: skip

    assert text(rule, 0, 1, violence=2) == Text("动手", "blows")


def test_titles_do_not_change_what_a_rule_means() -> None:
    plain = {"name": "told", "event": {}, "points": 1}
    titled = {**plain, "title": {"zh": "反映", "en": "told"}}
    rules = [make_rule("score", when={"score": [cue]}, levels=[{"gte": 2, "level": "blue"}]) for cue in (plain, titled)]

    assert rules[0].semantic_hash == rules[1].semantic_hash
